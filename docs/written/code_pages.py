"""The pages that follow from commands and methods."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import typer.main

from hashlens import cli
from hashlens.methods import METHODS, is_deep, load_method

WIDTH = 100
NOTE = "<!-- Written by docs/generate.py. Change the code, then run: python docs/generate.py -->\n"


def commands() -> dict[str, Any]:
    """Every command of the command line by its full name, as click objects."""
    root = typer.main.get_command(cli.app)
    return dict(_walk("hashlens", root))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    command.rich_markup_mode = None  # plain text, the same on every terminal
    yield name, command
    for child, sub in getattr(command, "commands", {}).items():
        yield from _walk(f"{name} {child}", sub)


def commands_page() -> str:
    parts = [NOTE, "# Commands\n", "Each command prints this page's text with `--help`.\n"]
    for name, command in commands().items():
        context = command.context_class(
            command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH
        )
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        parts.append(f"## {name}\n\n```text\n{text.strip()}\n```\n")
    return "\n".join(parts)


def methods_page() -> str:
    groups = {
        "From images to codes": [name for name in METHODS if is_deep(name)],
        "From vectors to codes": [name for name in METHODS if not is_deep(name)],
    }
    parts = [
        NOTE,
        "# Methods\n",
        "The name is what `--method` takes. `hashlens.load_method(name)` gives the class.\n",
    ]
    for title, names in groups.items():
        parts.append(f"## {title}\n")
        parts += [_method(name) for name in sorted(names)]
    return "\n".join(parts)


def _method(name: str) -> str:
    module, _, attribute = METHODS[name].partition(":")
    document = inspect.getdoc(load_method(name)) or ""
    equations, references = _equations(document), _references(document)
    if not equations or not references:
        raise SystemExit(f"{module}.{attribute}: its docstring needs `.. math::` and References")
    lines = [f"### {name}\n", f"`{module}.{attribute}`\n", _as_myst(_first_paragraph(document)), ""]
    for equation in equations:
        lines += ["```{math}", equation, "```", ""]
    lines += [f"- {_as_myst(reference)}" for reference in references]
    return "\n".join(lines) + "\n"


def _first_paragraph(document: str) -> str:
    return " ".join(document.split("\n\n", 1)[0].split())


def _equations(document: str) -> list[str]:
    """Contents of each ``.. math::`` directive, on its line or indented below it."""
    found = []
    for match in re.finditer(r"^( *)\.\. math::(.*)\n((?:\1 +.*\n|\s*\n)*)", document + "\n", re.M):
        text = inspect.cleandoc(match[3]).strip()
        found.append("\n".join(part for part in (match[2].strip(), text) if part))
    return found


def _references(document: str) -> list[str]:
    """Entries of the References section, one text each."""
    match = re.search(r"^References\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", document, re.M | re.S)
    if not match:
        return []
    entries = re.split(r"^\.\. \[\w+\] |^[-*] |\n\n", match[1], flags=re.M)
    return [" ".join(entry.split()) for entry in entries if entry.strip()]


def _as_myst(text: str) -> str:
    text = text.replace("``", "`")
    text = re.sub(r":math:`([^`]+)`", r"{math}`\1`", text)
    return re.sub(r":\w+:`~?(?:\w+\.)*(\w+)`", r"`\1`", text)
