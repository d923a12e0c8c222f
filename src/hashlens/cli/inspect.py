"""``hashlens inspect``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hashlens.cli.options import DataDir, Download, Json


def inspect(
    model: Annotated[Path, typer.Argument(help="Folder of a model.")],
    data: Annotated[
        str | None, typer.Argument(help="Images to measure the bits on: folder or benchmark.")
    ] = None,
    data_dir: DataDir = None,
    download: Download = False,
    as_json: Json = False,
) -> None:
    """Tell what a model is; with images, whether its bits are any good.

    Example: hashlens inspect models/birds photos/
    """
    from hashlens.cli.output import print_json, print_table
    from hashlens.model_store import read_card

    header = read_card(model)
    result: dict[str, Any] = {key: header[key] for key in SHOWN}
    if data is not None:
        result["bits"] = _bits(model, data, data_dir, download)
    if as_json:
        print_json(result)
        return
    card = result.pop("card")
    facts = {**result, "trained on": card["data"]["name"], "seed": card["seed"]}
    facts["images"] = card["data"]["n_images"]
    facts |= {f"validation {k}": v for k, v in card.get("validation", {}).items()}
    facts |= facts.pop("bits", {})
    print_table(str(model), [{"what": k, "value": _text(v)} for k, v in facts.items()])


SHOWN = ("method", "n_bits", "settings", "preprocessing", "classes", "card")


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    if isinstance(value, list | tuple):
        shown = ", ".join(str(item) for item in value[:12])
        return f"{len(value)}: {shown}{', ...' if len(value) > 12 else ''}" if value else "none"
    return str(value)


def _bits(model: Path, data: str, data_dir: Path | None, download: bool) -> dict[str, Any]:
    from dataclasses import asdict

    from hashlens.cli.output import watching
    from hashlens.data import load_dataset
    from hashlens.evaluation.bits import bit_health
    from hashlens.model import Model

    loaded = Model.load(model)
    images = load_dataset(data, data_dir=data_dir, download=download).images
    with watching() as watcher:
        watcher.stage("encoding", len(images))
        codes = loaded.embed(images, progress=watcher.advance).codes
    return asdict(bit_health(codes, loaded.n_bits))
