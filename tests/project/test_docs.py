"""The docs say what is true: pages follow the code, commands exist, examples run."""

import doctest
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

import generate
from hashlens import METHODS, cli
from written import tables
from written.code_pages import commands

ROOT = Path(__file__).parents[2]
GENERATED = ("commands.md", "methods.md", "results.md")
WRITTEN = sorted(page for page in (ROOT / "docs").glob("*.md") if page.name not in GENERATED)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *WRITTEN]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
PYTHON_VERSIONS = {"3.11", "3.12", "3.13"}


def name_of(page: Path) -> str:
    return page.name


def fences(page: Path, *languages: str) -> list[str]:
    return [
        text for language, text in FENCE.findall(page.read_text("utf-8")) if language in languages
    ]


def command_lines(page: Path) -> list[str]:
    lines = "".join(fences(page, "sh", "bash", "console")).replace("\\\n", " ").splitlines()
    plain = [line.removeprefix("$ ").split(" #")[0].strip() for line in lines]
    return [line for line in plain if line.startswith(("hashlens ", "./demo "))]


def written_text() -> str:
    return "\n".join(page.read_text("utf-8") for page in WRITTEN)


@pytest.mark.parametrize("page", GENERATED)
def test_generated_page_is_up_to_date(page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    assert text == generate.PAGES[page](), (
        f"docs/{page} is out of date; run: python docs/generate.py"
    )


def test_results_inside_pages_are_up_to_date() -> None:
    pages = generate.pages_with_blocks()
    assert ROOT / "README.md" in pages
    old = [page.name for page in pages if page.read_text("utf-8") != generate.with_blocks(page)]
    assert not old, f"{old} are out of date; run: python docs/generate.py"


def test_every_command_stands_in_the_written_docs() -> None:
    names = [name for name in commands() if name != "hashlens"]
    text = written_text()
    missing = [name for name in names if name not in text and name != "hashlens demo"]
    assert not missing
    assert "./demo" in text


def test_every_method_stands_in_the_docs() -> None:
    headings = (ROOT / "docs" / "methods.md").read_text("utf-8").splitlines()
    missing = [name for name in METHODS if f"### {name}" not in headings]
    assert not missing


def test_every_extra_stands_in_the_docs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / "docs" / "install.md").read_text("utf-8")
    missing = [name for name in project["optional-dependencies"] if f"[{name}]" not in text]
    assert not missing


@pytest.mark.parametrize("page", [p for p in PAGES if command_lines(p)], ids=name_of)
def test_command_lines_use_commands_and_options_that_exist(page: Path) -> None:
    known_commands = commands()
    for line in command_lines(page):
        words = shlex.split(line.replace("./demo ", "hashlens demo "))
        named = words[: 1 + (words[1][0] != "-")]
        if " ".join(words[:3]) in known_commands:  # a command of a group
            named = words[:3]
        command = known_commands.get(" ".join(named))
        assert command, f"{page.name}: no such command: {line}"
        known = {"--help", *(o for p in command.params for o in (*p.opts, *p.secondary_opts))}
        unknown = [
            w for w in words[1:] if re.match(r"--?[a-z]", w) and w.split("=")[0] not in known
        ]
        assert not unknown, f"{page.name}: no such option {unknown} in: {line}"


@pytest.mark.parametrize("page", [p for p in PAGES if ">>>" in p.read_text("utf-8")], ids=name_of)
def test_examples_run(page: Path) -> None:
    text = "\n".join(block for block in fences(page, "python", "pycon") if ">>>" in block)
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test)
    assert runner.summarize().failed == 0


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_blocks_are_python(page: Path) -> None:
    for block in fences(page, "python"):
        if ">>>" not in block:
            compile(block, page.name, "exec")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_figures_are_generated_never_typed(page: Path) -> None:
    prose = FENCE.sub("", page.read_text("utf-8"))
    prose = re.sub(r"<!-- results:.*?<!-- end of results -->", "", prose, flags=re.S)
    figures = set(re.findall(r"(?<![\d.])\d+\.\d\d+(?![\d.]*\d)", prose)) - PYTHON_VERSIONS
    stored = (ROOT / "docs" / "results.md").read_text("utf-8")
    typed = sorted(figure for figure in figures if figure not in stored)
    assert not typed, f"{page.name}: not in docs/results.md, so not from a stored result: {typed}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_local_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", FENCE.sub("", page.read_text("utf-8")))
    targets += re.findall(r'(?:src|href)="([^"#]+)"', page.read_text("utf-8"))
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    missing = [target for target in local if not (page.parent / target).exists()]
    assert not missing


def test_the_command_page_is_plain_text_of_every_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = typer.Typer(rich_markup_mode="rich", add_completion=False)

    @app.callback()
    def main() -> None:
        """Do [b]much[/b]."""

    @app.command()
    def sing(loud: bool = typer.Option(False, help="So that all hear it.")) -> None:
        """Sing a song."""

    monkeypatch.setattr(cli, "app", app, raising=False)
    page = generate.commands_page()
    assert "## hashlens\n" in page
    assert "## hashlens sing\n\n```text\nUsage: hashlens sing [OPTIONS]\n" in page
    assert re.search(r"^  --loud / --no-loud +So that all hear it\.", page, re.M)
    assert "\x1b" not in page
    assert "╭" not in page


def test_a_block_of_rows_is_written_into_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.json").write_text('{"kills": [{"verb": "add", "n": 3, "seed": 1}]}')
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("A\n<!-- results: t.kills verb,n -->\nold\n<!-- end of results -->\nB\n")
    written = generate.with_blocks(page)
    assert "| verb | n |\n| --- | --- |\n| add | 3 |" in written
    assert "old" not in written
    assert written.endswith("<!-- end of results -->\nB\n")


def test_a_wrong_result_page_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = (
        '{"title": "T", "command": "c", "environment": {"cpu": "x"}, "rows": [{"mAP": 0.12346}]}'
    )
    (tmp_path / "t.json").write_text(stored)
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    page = generate.results_page()
    assert "| mAP |\n| --- |\n| 0.1235 |" in page
    assert "Measured on: cpu x." in page
