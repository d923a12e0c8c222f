"""The ``hashlens`` command: the options that all commands share, and what errors become."""

import os
import sys
from typing import Annotated

import typer

from hashlens import __version__
from hashlens.cli.commands import Commands
from hashlens.errors import HashlensError

app = typer.Typer(
    cls=Commands,
    name="hashlens",
    help=(
        "Learn compact binary codes for images, search them by Hamming distance, "
        "and prove how good they are."
    ),
    epilog="Example: hashlens demo",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(value: bool) -> None:
    if value:
        print(f"hashlens {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Take the options that every command has."""
    del version
    if debug:
        os.environ["HASHLENS_DEBUG"] = "1"


def main() -> None:
    """Run the command line: exit 0 when all went well, 1 on an error, 2 on wrong usage."""
    try:
        app(prog_name="hashlens")
    except HashlensError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        _fail(f"{error.filename or 'file'}: {error.strerror or error}")


def _fail(message: str) -> None:
    if os.environ.get("HASHLENS_DEBUG"):
        import traceback

        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)
