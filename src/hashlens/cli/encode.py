"""``hashlens encode``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hashlens.cli.options import DataDir, Download, Json, ShorterBits, Strict, Workers

if TYPE_CHECKING:
    from hashlens.codes import Codes
    from hashlens.data import Dataset, Images


def encode(
    model: Annotated[Path, typer.Argument(help="Folder of a model.")],
    images: Annotated[str, typer.Argument(help="Image, folder, manifest or benchmark.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="codes.npy; a codes.csv beside it names the rows.")
    ] = None,
    bits: ShorterBits = None,
    data_dir: DataDir = None,
    download: Download = False,
    strict: Strict = False,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Turn images into codes.

    Without --out, prints a line an image: its code in hexadecimal, and its name.

    Example: hashlens encode models/birds photos/ --out codes.npy
    """
    from hashlens.cli.output import note, print_json, watching
    from hashlens.export import write_codes
    from hashlens.model import Model

    loaded = Model.load(model)
    if bits is not None:
        loaded = loaded.shortened(bits)
    source, labels = _images(images, data_dir, download)
    with watching() as watcher:
        watcher.stage("encoding", len(source))
        embedding = loaded.embed(source, strict=strict, workers=workers, progress=watcher.advance)
    for name, reason in embedding.skipped:
        note(f"skipped {name}: {reason}")
    names = [source.name(int(i)) for i in embedding.kept]
    kept_labels = None if labels is None else [labels[int(i)] for i in embedding.kept]
    if out is not None:
        write_codes(out, embedding.codes, names, kept_labels)
    if as_json:
        skipped = [{"name": name, "reason": reason} for name, reason in embedding.skipped]
        print_json(
            {
                "model": str(model),
                "n_bits": loaded.n_bits,
                "n_codes": len(names),
                "out": None if out is None else str(out),
                "skipped": skipped,
                **({"codes": _hex(embedding.codes, names)} if out is None else {}),
            }
        )
    elif out is None:
        for name, code in _hex(embedding.codes, names).items():
            print(f"{code}\t{name}")
    else:
        note(f"{len(names)} codes of {loaded.n_bits} bits in {out}")


def _hex(codes: "Codes", names: list[str]) -> dict[str, str]:
    return {name: row.tobytes().hex() for name, row in zip(names, codes, strict=True)}


def _images(
    source: str, data_dir: Path | None, download: bool
) -> tuple["Images", list[str] | None]:
    """Give the images of one file, a folder, a manifest or a benchmark, with labels in words."""
    from hashlens.data import FileImages, load_dataset

    path = Path(source)
    if path.is_file() and path.suffix.lower() not in (".csv", ".parquet"):
        return FileImages([path]), None
    data = load_dataset(source, data_dir=data_dir, download=download)
    return data.images, _label_words(data)


def _label_words(data: "Dataset") -> list[str] | None:
    """Name the classes of each image; several are separated by a bar."""
    if data.labels is None:
        return None
    if data.is_multi_label:
        return ["|".join(data.classes[c] for c in row.nonzero()[0]) for row in data.labels]
    return [data.classes[label] for label in data.labels]
