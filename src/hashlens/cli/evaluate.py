"""``hashlens evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashlens.checks import MAX_BITS
from hashlens.cli.foreign import CodeWords, score_files
from hashlens.cli.options import (
    DENOMINATORS,
    PROTOCOL_NAMES,
    DataDir,
    Download,
    Json,
    Strict,
    one_of,
)

if TYPE_CHECKING:
    from hashlens.reproduce import Evaluation


def evaluate(
    model: Annotated[Path | None, typer.Argument(help="Folder of a model.")] = None,
    data: Annotated[
        str | None, typer.Argument(help="The data it was trained on: its test part asks.")
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            callback=one_of("--protocol", PROTOCOL_NAMES),
            help=f"{', '.join(PROTOCOL_NAMES)}; the first for a model if none is named.",
        ),
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(
            "--bits",
            min=1,
            max=MAX_BITS,
            help="A shorter length the model was trained for; the length of packed --codes.",
        ),
    ] = None,
    data_dir: DataDir = None,
    download: Download = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Folder for report.html with pictures.")
    ] = None,
    strict: Strict = False,
    codes: Annotated[
        str | None,
        typer.Option("--codes", help="Codes of any program: .npy .npz .mat .h5, or FILE:NAME."),
    ] = None,
    labels: Annotated[
        str | None, typer.Option("--labels", help="Their labels: such a file, or .txt or .csv.")
    ] = None,
    queries: Annotated[
        str | None, typer.Option("--queries", help="Codes that ask; if none, each of --codes.")
    ] = None,
    query_labels: Annotated[
        str | None, typer.Option("--query-labels", help="The labels of --queries.")
    ] = None,
    k: Annotated[
        int | None, typer.Option("-k", "--k", min=1, help="Cut average precision at this rank.")
    ] = None,
    denominator: Annotated[
        str | None,
        typer.Option(
            callback=one_of("--denominator", DENOMINATORS),
            help="What it is divided by: relevant (the default), retrieved or min.",
        ),
    ] = None,
    sign: Annotated[
        bool, typer.Option("--sign", help="Make codes of reals: bit = value >= 0.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure a model, or codes that any program wrote: mean average precision over ties.

    With a model, control rows stand beside it. With --codes, no model is needed: files of codes
    and of labels are scored by the same rules, leave-one-out where there are no --queries.

    Example: hashlens evaluate models/birds photos/ --protocol ritq-loo --report out/

    Example: hashlens evaluate --codes db.npy --labels db-labels.npy --queries q.npy
    --query-labels q-labels.npy
    """
    files = CodeWords(codes, queries, labels, query_labels, k, denominator, sign)
    model_words = {
        "MODEL": model,
        "DATA": data,
        "--data-dir": data_dir,
        "--download": download,
        "--report": report,
        "--strict": strict,
    }
    files.check(model_words, protocol)
    if model is None or data is None:
        score_files(files, bits, protocol, as_json)
        return
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
        result = evaluate_model(
            loaded, splits, protocol_named(protocol or "ritq-loo"), watcher, strict=strict
        )
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
