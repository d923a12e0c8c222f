"""``hashlens reproduce``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashlens.cli.options import (
    PROTOCOL_NAMES,
    DataDir,
    Download,
    FlipAverage,
    Json,
    Seed,
    Settings,
    lengths,
    settings,
)

if TYPE_CHECKING:
    from hashlens.reproduce import Comparison


def reproduce(
    data: Annotated[list[str], typer.Argument(help="Benchmarks, folders or manifests.")],
    methods: Annotated[
        str, typer.Option("--methods", help="Names, or hashers, deep, all; separated by commas.")
    ] = "all",
    bits: Annotated[
        str, typer.Option("--bits", help="Code lengths, each trained apart: 16,48.")
    ] = "48",
    features: Annotated[
        str, typer.Option("--features", help="What hashers see: gist, pixels, timm models.")
    ] = "gist",
    protocol: Annotated[
        str, typer.Option("--protocol", help=f"{', '.join(PROTOCOL_NAMES)}; several by commas.")
    ] = "ritq-loo",
    seeds: Annotated[
        int, typer.Option(min=1, help="Trainings of each cell, for its 95 % interval.")
    ] = 1,
    epochs: Annotated[int | None, typer.Option(min=1, help="Of the deep methods.")] = None,
    nested: Annotated[
        bool, typer.Option("--nested", help="Also one deep model for all --bits, cut to each.")
    ] = False,
    flip_average: FlipAverage = False,
    setting: Settings = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the report; what is done there is not done again."),
    ] = None,
    data_dir: DataDir = None,
    download: Download = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Compare methods on data sets, beside the published figures.

    A setting goes to those of the methods that have it. With --out, a report with tables, plots
    and pictures is written there, and a comparison that was interrupted goes on with the same
    command: features, models, codes and rankings are kept.

    Example: hashlens reproduce mnist --methods hashers --bits 16,48 --data-dir data/ --out tables/
    """
    from hashlens.cli.output import note, print_json, watching
    from hashlens.data import load
    from hashlens.reproduce import Comparison, Plan, compare, methods_named, write_comparison

    plan = Plan(
        methods=methods_named(methods),
        lengths=lengths(bits),
        features=tuple(features.split(",")),
        protocols=tuple(protocol.split(",")),
        seeds=tuple(range(seed, seed + seeds)),
        epochs=epochs,
        settings=settings(setting),
        nested=nested,
        flip_average=flip_average,
    )
    with watching() as watcher:
        compared = [
            compare(
                load(source, data_dir=data_dir, download=download, seed=seed), plan, out, watcher
            )
            for source in data
        ]
        comparison = Comparison.of(plan, compared)
        if out is not None:
            page = write_comparison(comparison, compared, out)
            note(f"report: {page}")
    if as_json:
        print_json(comparison.to_dict())
    else:
        show(comparison)


def show(comparison: "Comparison") -> None:
    """Print a comparison as tables, and where the published order does not hold."""
    from hashlens.cli.output import print_table
    from hashlens.reproduce.comparison_report import told_pair

    for title, rows in comparison.tables():
        print_table(title, rows)
    for cell in comparison.cells:
        if "refused" in cell:
            print(f"{cell['data']}, {cell['method']}, {cell['n_bits']} bits: {cell['refused']}")
    for pair in comparison.disorder():
        print(told_pair(pair))
