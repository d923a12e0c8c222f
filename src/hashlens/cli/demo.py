"""``hashlens demo``."""

from pathlib import Path
from typing import Annotated

import typer

from hashlens.cli.options import Json, Seed


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the model and the report.")] = Path(
        "demo-out"
    ),
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Train, encode, index, search and measure on digits that come with scikit-learn.

    Needs no network and no files. Writes demo-out/report.html with pictures of what was found.

    Example: hashlens demo
    """
    from hashlens.cli.evaluate import show
    from hashlens.cli.output import note, print_json, watching
    from hashlens.reproduce.demo import run_demo

    with watching() as watcher:
        evaluation, report = run_demo(out, seed, watcher)
    if as_json:
        print_json({**evaluation.to_dict(), "report": str(report)})
        return
    show(evaluation)
    note(f"report with pictures: {report}")
