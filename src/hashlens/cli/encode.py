"""``hashlens encode``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashlens.cli.options import DataDir, Download, Json, ShorterBits, Strict, Workers, one_of

if TYPE_CHECKING:
    from hashlens.codes import Codes
    from hashlens.data import Dataset
    from hashlens.encoding import EncodeJob, EncodeReport
    from hashlens.model import Model

_MOST_NAMED = 20


def encode(
    model: Annotated[Path, typer.Argument(help="Folder of a model.")],
    images: Annotated[str, typer.Argument(help="Image, folder, manifest or benchmark.")],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            help="codes.npy, with a codes.csv beside it that names the rows; or a folder: shards "
            "of codes in Parquet.",
        ),
    ] = None,
    shard_size: Annotated[
        int | None, typer.Option("--shard-size", min=1, help="Images in a shard; 4096 without it.")
    ] = None,
    features: Annotated[
        bool | None,
        typer.Option(
            "--features/--no-features", help="Whether shards hold features, for a re-rank; with."
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            help="Encode shards on a Ray cluster: its host:port; auto, the one this machine is in; "
            "local, one on this machine alone. Images and --out lie where every node sees them.",
            metavar="ADDRESS",
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision",
            callback=one_of("--precision", ("float32", "bfloat16")),
            help="float32, the default, or bfloat16: a trained network is about twice as quick, a "
            "few bits in a thousand change. Not for shards.",
        ),
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(
            "--runtime",
            callback=one_of("--runtime", ("torch", "onnx")),
            help="torch, the default, or onnx: ONNX Runtime, quicker on some processors (extra "
            "onnx). Not for shards.",
        ),
    ] = None,
    bits: ShorterBits = None,
    data_dir: DataDir = None,
    download: Download = False,
    strict: Strict = False,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Turn images into codes.

    Without --out, prints a line an image: its code in hexadecimal, and its name. Where --out is a
    folder, as in the second example, finished shards stay whatever happens: the same command goes
    on from there. With shards, --workers counts the processes that decode for each, 1 without it.

    Example: hashlens encode models/birds photos/ --out codes.npy

    Example: hashlens encode models/birds photos.csv --out codes/ --ray head:6379
    """
    if out is None or not _is_folder(out):
        _refuse_for("folder", {"shard-size": shard_size, "features": features, "ray": ray})
        from hashlens.data.candidates import as_dataset

        data = as_dataset(images, data_dir=data_dir, download=download)
        wanted = {"bits": bits, "precision": precision, "runtime": runtime}
        result = _encode(model, data, out, wanted, strict, workers, as_json)
    else:
        _refuse_for("file", {"precision": precision, "runtime": runtime})
        from hashlens.encoding import EncodeJob, EncodeSettings, plan_shards
        from hashlens.encoding.plan import DEFAULT_SHARD_SIZE
        from hashlens.encoding.ray_encode import check_address

        if ray is not None:
            check_address(ray)
        plan = plan_shards(
            images,
            shard_size=shard_size or DEFAULT_SHARD_SIZE,
            data_dir=data_dir,
            download=download,
        )
        settings = EncodeSettings(
            bits, features is not False, strict, 1 if workers is None else workers
        )
        result = _encode_shards(EncodeJob(model, plan, Path(out), settings), ray)
    if as_json:
        from hashlens.cli.output import print_json

        print_json({"model": str(model), "out": out, **result})


def _refuse_for(kind: str, given: dict[str, Any]) -> None:
    """Refuse options that are for another kind of --out."""
    for option, value in given.items():
        if value is not None:
            raise typer.BadParameter(f"is for an --out that is a {kind}.", param_hint=option)


def _is_folder(out: str) -> bool:
    return out.endswith(("/", os.sep)) or Path(out).suffix == "" or Path(out).is_dir()


def _encode(
    folder: Path,
    data: "Dataset",
    out: str | None,
    wanted: dict[str, Any],
    strict: bool,
    workers: int | None,
    as_json: bool,
) -> dict[str, Any]:
    """Encode images as one array, and write or print the codes."""
    from hashlens.cli.output import note, watching
    from hashlens.data.candidates import label_of
    from hashlens.export import write_codes

    model = _model(folder, wanted)
    source = data.images
    with watching() as watcher:
        watcher.stage("encoding", len(source))
        embedding = model.embed(source, strict=strict, workers=workers, progress=watcher.advance)
    for name, reason in embedding.skipped:
        note(f"skipped {name}: {reason}")
    kept = embedding.kept.tolist()
    names = [source.name(i) for i in kept]
    if out is not None:
        labels = None if data.labels is None else [label_of(data, i) or "" for i in kept]
        write_codes(Path(out), embedding.codes, names, labels)
        note(f"{len(names)} codes of {model.n_bits} bits in {out}")
    elif not as_json:
        for name, code in _hex(embedding.codes, names).items():
            print(f"{code}\t{name}")
    return {
        "n_bits": model.n_bits,
        "n_codes": len(names),
        "skipped": [{"name": name, "reason": reason} for name, reason in embedding.skipped],
        **({"codes": _hex(embedding.codes, names)} if out is None else {}),
    }


def _model(folder: Path, wanted: dict[str, Any]) -> "Model":
    """Load a model, and give it the length, the precision and the runtime that are wanted."""
    from hashlens.model import Model

    model = Model.load(folder)
    if wanted["bits"] is not None:
        model = model.shortened(wanted["bits"])
    if wanted["precision"] is not None:
        model = model.at_precision(wanted["precision"])
    if wanted["runtime"] == "onnx":
        from hashlens.onnx import on_runtime

        if wanted["precision"] not in (None, "float32"):
            raise typer.BadParameter("is float32 with --runtime onnx.", param_hint="--precision")
        model = on_runtime(model)
    return model


def _encode_shards(job: "EncodeJob", ray: str | None) -> dict[str, Any]:
    """Encode images into shards, here or on a cluster."""
    from hashlens.cli.output import note, watching
    from hashlens.encoding import encode_local, encode_on_ray

    try:
        with watching() as watcher:
            report = encode_local(job, watcher) if ray is None else encode_on_ray(job, ray, watcher)
    except KeyboardInterrupt:
        note(f"finished shards stay in {job.out}; the same command goes on from there")
        raise
    _say(report)
    note(
        f"{report.n_codes:,} codes of {job.model.n_bits} bits in {report.n_shards} shards in "
        f"{job.out}"
    )
    return {
        "n_bits": job.model.n_bits,
        "n_codes": report.n_codes,
        "n_shards": report.n_shards,
        "n_skipped": len(report.skipped),
        "seconds": round(report.seconds, 3),
        "images_per_second": round(report.images_per_second, 1),
    }


def _say(report: "EncodeReport") -> None:
    """Name the first images that were left out; all of them stand in their shards."""
    from hashlens.cli.output import note

    for name, reason in report.skipped[:_MOST_NAMED]:
        note(f"skipped {name}: {reason}")
    if len(report.skipped) > _MOST_NAMED:
        note(f"skipped {len(report.skipped) - _MOST_NAMED:,} more, named in their shards")


def _hex(codes: "Codes", names: list[str]) -> dict[str, str]:
    return {name: row.tobytes().hex() for name, row in zip(names, codes, strict=True)}
