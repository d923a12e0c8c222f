"""``hashlens evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashlens.cli.options import DataDir, Download, Json, ShorterBits, Strict, one_of

if TYPE_CHECKING:
    from hashlens.reproduce import Evaluation

PROTOCOL_NAMES = ("ritq-loo", "dlbh-full", "classification")


def evaluate(
    model: Annotated[Path, typer.Argument(help="Folder of a model.")],
    data: Annotated[str, typer.Argument(help="The data it was trained on: its test part asks.")],
    protocol: Annotated[
        str,
        typer.Option(
            callback=one_of("--protocol", PROTOCOL_NAMES), help=f"{', '.join(PROTOCOL_NAMES)}."
        ),
    ] = "ritq-loo",
    bits: ShorterBits = None,
    data_dir: DataDir = None,
    download: Download = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Folder for report.html with pictures.")
    ] = None,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Measure a model: mean average precision over ties, with control rows.

    Example: hashlens evaluate models/birds photos/ --protocol ritq-loo --report out/
    """
    from hashlens.cli.output import note, print_json, watching
    from hashlens.data import load
    from hashlens.evaluation.protocols import protocol_named
    from hashlens.model import Model
    from hashlens.reproduce import evaluate as evaluate_model

    loaded = Model.load(model)
    if bits is not None:
        loaded = loaded.shortened(bits)
    # The seed decides how a folder is split, so it must be the training's.
    splits = load(data, data_dir=data_dir, download=download, seed=loaded.card.get("seed", 0))
    with watching() as watcher:
        result = evaluate_model(loaded, splits, protocol_named(protocol), watcher, strict=strict)
    for name, reason in result.skipped:
        note(f"skipped {name}: {reason}")
    if report is not None:
        from hashlens.reproduce.report import write_report

        note(f"report: {write_report(result, loaded, splits, report)}")
    if as_json:
        print_json(result.to_dict())
    else:
        show(result)


def show(result: "Evaluation") -> None:
    """Print an evaluation as a table."""
    from hashlens.cli.output import print_table

    if result.classification_error is not None:
        print(f"classification error: {100 * result.classification_error:.2f} %")
    if result.rows:
        print_table(result.title, result.table())
        print(result.verdict)
    if result.calibration is not None:
        kept_out = f"{result.calibration.n_kept_out:,} images that training kept out"
        lines = result.calibration.table()
        if lines:
            print_table(f"precision within a radius, promised from {kept_out}", lines)
        print(result.calibration.verdict)
    if result.published is not None:
        print(f"published: {result.published.value} ({result.published.source})")
