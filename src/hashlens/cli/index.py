"""``hashlens index``."""

from collections.abc import Mapping
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
    out: Annotated[
        str,
        typer.Option("--out", help="The collection, new or added to: a folder, or milvus://..."),
    ],
    source: Annotated[
        str | None, typer.Argument(help="Folder, manifest, image or benchmark.")
    ] = None,
    from_codes: Annotated[
        Path | None,
        typer.Option(
            "--from-codes",
            help="In place of SOURCE: shards of codes, as `hashlens encode --out FOLDER` writes.",
        ),
    ] = None,
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
    has changed is encoded anew, and one that was moved keeps its id. What was encoded elsewhere is
    added with --from-codes; a new collection needs the --model that made the codes.

    Example: hashlens index photos/ --out photos.hl

    Example: hashlens index --from-codes codes/ --model birds --out photos.hl
    """
    from hashlens.cli.output import note, print_json, watching

    wanted = {"n_bits": bits, "features": features, "seed": seed}
    if model is not None and (features is not None or seed is not None):
        raise typer.BadParameter(
            "is given, so --features and --seed are its own.", param_hint="--model"
        )
    if prune and not (source and Path(source).is_dir()):
        raise typer.BadParameter("is for a SOURCE that is a folder.", param_hint="--prune")
    images = {"--data-dir": data_dir, "--download": download or None, "--workers": workers}
    options = {"--bits": bits, "--features": features, "--seed": seed, **images}
    given = _given(source, from_codes, options)
    said = read_table(metadata, source)
    how = {"strict": strict, "workers": workers, "prune": prune}
    try:
        with watching() as watcher:
            if isinstance(given, Path):
                collection, report = _index_codes(out, given, model, strict, watcher)
            else:
                data = _images(given, prune, data_dir, download)
                collection, report = _index(out, data, model, wanted, how, watcher)
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


def _given(
    source: str | None, from_codes: Path | None, options: Mapping[str, object]
) -> str | Path:
    """Give the one source there is: a str for images, a Path for codes."""
    if from_codes is None and source is not None:
        return source
    if from_codes is None or source is not None:
        raise typer.BadParameter("must be given, or else --from-codes.", param_hint="SOURCE")
    for name, value in options.items():
        if value is not None:
            message = "goes with a SOURCE of images, and not with --from-codes."
            raise typer.BadParameter(message, param_hint=name)
    return from_codes


def _images(source: str, prune: bool, data_dir: Path | None, download: bool) -> "Dataset | Path":
    from hashlens.data.candidates import as_dataset

    data = as_dataset(source, data_dir=data_dir, download=download)
    return Path(source) if prune else data


def _index_codes(
    out: str, folder: Path, model: Path | None, strict: bool, watcher: "Watcher"
) -> tuple["Collection", "AddReport"]:
    from hashlens.collection import Collection
    from hashlens.collection.incoming_codes import model_of
    from hashlens.encoding import read_shards

    if Collection.exists(out):
        collection = Collection.open(out)
        _check_same(collection, model, {})
    elif model is None:
        raise typer.BadParameter("must be given for a new collection.", param_hint="--model")
    else:
        shards = read_shards(folder)
        made_by = model_of(shards, model)
        collection = Collection.create(out, made_by, store_features=shards.n_features > 0)
    return collection, collection.add_codes(folder, strict=strict, watcher=watcher)


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
