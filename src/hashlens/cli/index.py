"""``hashlens index``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashlens.checks import refuse, words
from hashlens.cli.options import DataDir, Download, Json, Strict, Workers
from hashlens.cli.update import read_table, tell, updated

if TYPE_CHECKING:
    from hashlens.collection import AddReport, Collection
    from hashlens.data import Dataset
    from hashlens.watcher import Watcher

DEFAULT_BITS = 64
DEFAULT_FEATURES = "tf_efficientnet_lite0"
_SHOWN = 20  # bad files that are named on the terminal; all of them are in the JSON


def index(
    source: Annotated[str, typer.Argument(help="Folder, manifest, image or benchmark.")],
    out: Annotated[
        str,
        typer.Option("--out", help="The collection, new or added to: a folder, or milvus://..."),
    ],
    model: Annotated[
        Path | None, typer.Option("--model", help="Folder of a trained model; none is needed.")
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(
            "--bits",
            min=1,
            max=4096,
            help=f"Code length; {DEFAULT_BITS} without a model, one of its lengths with one.",
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            help=f"Without a model: pixels, gist or a timm model; {DEFAULT_FEATURES}.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Same seed, same codes; 0 without it.")
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option("--metadata", help="CSV, JSON or JSON lines: what is known of the images."),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove the items of this folder whose file is gone."),
    ] = False,
    data_dir: DataDir = None,
    download: Download = False,
    strict: Strict = False,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Index images for search: make a collection, or add to one.

    Without --model, codes are fitted on the images themselves: no labels, no training. Give the
    same words again to go on after an interruption; what is there is not encoded again. A file that
    has changed is encoded anew, and one that was moved keeps its id.

    Example: hashlens index photos/ --out photos.hl
    """
    from hashlens.cli.output import note, print_json, watching
    from hashlens.data.candidates import as_dataset

    wanted = {"n_bits": bits, "features": features, "seed": seed}
    if model is not None and (features is not None or seed is not None):
        raise typer.BadParameter(
            "is given, so --features and --seed are its own.", param_hint="--model"
        )
    if prune and not Path(source).is_dir():
        raise typer.BadParameter("is for a SOURCE that is a folder.", param_hint="--prune")
    said = read_table(metadata, source)
    data = as_dataset(source, data_dir=data_dir, download=download)
    how = {"strict": strict, "workers": workers, "prune": prune}
    try:
        with watching() as watcher:
            collection, report = _index(
                out, Path(source) if prune else data, model, wanted, how, watcher
            )
    except KeyboardInterrupt:
        note(_stopped(out))
        raise
    described = None if said is None else collection.update(said)
    if as_json:
        told = None if described is None else updated(described)
        print_json({**_result(collection, report), "metadata": told})
    else:
        _tell(collection, report)
        if described is not None:
            tell(described)


def _index(
    out: str,
    data: "Dataset | Path",
    model: Path | None,
    wanted: dict[str, Any],
    how: dict[str, Any],
    watcher: "Watcher",
) -> tuple["Collection", "AddReport"]:
    from hashlens.collection import Collection, index_photos
    from hashlens.model import Model

    if Collection.exists(out):
        collection = Collection.open(out)
        _check_same(collection, model, wanted)
    elif model is None:
        return index_photos(
            out,
            data,
            features=wanted["features"] or DEFAULT_FEATURES,
            n_bits=wanted["n_bits"] or DEFAULT_BITS,
            seed=wanted["seed"] or 0,
            strict=how["strict"],
            workers=how["workers"],
            watcher=watcher,
        )
    else:
        loaded = Model.load(model)
        shorter = loaded if wanted["n_bits"] is None else loaded.shortened(wanted["n_bits"])
        collection = Collection.create(out, shorter)
    return collection, collection.add(data, **how, watcher=watcher)


def _check_same(collection: "Collection", model: Path | None, wanted: dict[str, Any]) -> None:
    """A collection keeps the model it was made with: other wishes are an error."""
    from hashlens.model_store import read_card

    card = collection.card
    is_settings = {
        "n_bits": card["n_bits"],
        **{k: card["card"].get(k) for k in ("features", "seed")},
    }
    for name, value in wanted.items():
        if value is not None and value != is_settings[name]:
            option = "--bits" if name == "n_bits" else f"--{name}"
            has = f"{is_settings[name]}, as {collection.place} was made, or a new --out"
            raise refuse(option, words(has), value)
    if model is not None and read_card(model) | {"n_bits": card["n_bits"]} != card:
        raise refuse("--model", f"the model that {collection.place} was made with", str(model))


def _stopped(out: str) -> str:
    from hashlens.collection import Collection

    if not Collection.exists(out):
        return f"stopped before {out} was made"
    return f"stopped; {out} has {len(Collection.open(out))} items, the same command goes on"


def _result(collection: "Collection", report: "AddReport") -> dict[str, Any]:
    return {
        "collection": collection.place,
        "n_bits": collection.n_bits,
        "added": report.added,
        "changed": report.changed,
        "moved": report.moved,
        "pruned": report.pruned,
        "already": report.already,
        "skipped": [{"name": name, "reason": reason} for name, reason in report.skipped],
        "items": len(collection),
        "seconds": round(report.seconds, 3),
        "images_per_second": round(report.n_images / max(report.seconds, 1e-9), 1),
    }


def _tell(collection: "Collection", report: "AddReport") -> None:
    from hashlens.cli.output import note

    for name, reason in report.skipped[:_SHOWN]:
        note(f"skipped {name}: {reason}")
    if len(report.skipped) > _SHOWN:
        note(f"... and {len(report.skipped) - _SHOWN} more; --json names them all")
    rate = report.n_images / max(report.seconds, 1e-9)
    note(f"{_counts(report)} in {report.seconds:.1f} s ({rate:.0f} images/s)")
    note(f"{collection.place}: {len(collection)} items, codes of {collection.n_bits} bits")


def _counts(report: "AddReport") -> str:
    """Say what became of how many images; what is rare only where it happened."""
    rare = {name: getattr(report, name) for name in ("changed", "moved", "pruned")}
    parts = [
        f"{report.added} added",
        *(f"{n} {name}" for name, n in rare.items() if n),
        f"{report.already} already there",
        f"{len(report.skipped)} skipped",
    ]
    return ", ".join(parts)
