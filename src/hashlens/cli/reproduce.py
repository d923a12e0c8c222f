"""``hashlens reproduce``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashlens.cli.options import DataDir, Download, Json, Seed, Settings, lengths, one_of, settings

if TYPE_CHECKING:
    from hashlens.reproduce import Comparison

PROTOCOL_NAMES = ("ritq-loo", "dlbh-full")


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
        str,
        typer.Option(
            callback=one_of("--protocol", PROTOCOL_NAMES), help=f"{', '.join(PROTOCOL_NAMES)}."
        ),
    ] = "ritq-loo",
    epochs: Annotated[int | None, typer.Option(min=1, help="Of the deep methods.")] = None,
    nested: Annotated[
        bool, typer.Option("--nested", help="Also one deep model for all --bits, cut to each.")
    ] = False,
    setting: Settings = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder: what is done there is not done again.")
    ] = None,
    data_dir: DataDir = None,
    download: Download = False,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Compare methods on data sets, beside the published figures.

    A setting goes to those of the methods that have it. With --out, a comparison that was
    interrupted goes on with the same command.

    Example: hashlens reproduce mnist --methods hashers --bits 16,48 --data-dir data/ --out tables/
    """
    from hashlens.cli.output import print_json, watching
    from hashlens.data import load
    from hashlens.reproduce import Comparison, Plan, compare, methods_named

    plan = Plan(
        methods=methods_named(methods),
        lengths=lengths(bits),
        features=tuple(features.split(",")),
        protocol=protocol,
        seed=seed,
        epochs=epochs,
        settings=settings(setting),
        nested=nested,
    )
    cells = []
    with watching() as watcher:
        for source in data:
            splits = load(source, data_dir=data_dir, download=download, seed=seed)
            cells += compare(splits, plan, out, watcher)
    comparison = Comparison(plan, tuple(cells))
    if as_json:
        print_json(comparison.to_dict())
    else:
        show(comparison)


def show(comparison: "Comparison") -> None:
    """Print a comparison as tables, and where the published order does not hold."""
    from hashlens.cli.output import print_table

    for title, rows in comparison.tables():
        print_table(title, rows)
    for cell in comparison.cells:
        if "refused" in cell:
            print(f"{cell['data']}, {cell['method']}, {cell['n_bits']} bits: {cell['refused']}")
    for pair in comparison.disorder():
        where = f"{pair['data']}, {pair['features'] or 'images'}, {pair['n_bits']} bits"
        better, worse = pair["published"]
        one, other = pair["measured"]
        print(
            f"{where}: the paper has {pair['published_better']} ({better:.3f}) above "
            f"{pair['published_worse']} ({worse:.3f}); here {one:.3f} and {other:.3f}"
        )
