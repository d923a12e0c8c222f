"""The command line called from a test: what came back, as JSON, as text, as an error."""

import json
from typing import Any

from typer.testing import CliRunner, Result

from hashlens.cli import app
from hashlens.errors import HashlensError


def call(*words: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(app, [str(word) for word in words])


def answer(*words: object) -> Any:
    """Run what must go well, with ``--json``; give its one object."""
    result = call(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def printed(*words: object) -> str:
    """Run what must go well; give what it prints, in one line."""
    result = call(*words)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def refused(*words: object) -> str:
    """Run what must end in a HashlensError; give what main() prints after "error: "."""
    result = call(*words)
    assert isinstance(result.exception, HashlensError), result.output
    return str(result.exception)
