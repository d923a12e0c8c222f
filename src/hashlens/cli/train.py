"""``hashlens train``."""

from pathlib import Path
from typing import Annotated

import typer

from hashlens.cli.options import (
    DataDir,
    Download,
    FlipAverage,
    Json,
    Lengths,
    Method,
    Seed,
    Settings,
    Strict,
    lengths,
    one_of,
    seconds,
    settings,
)


def train(
    data: Annotated[str, typer.Argument(help="Folder, CSV or Parquet manifest, or benchmark.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the model.")],
    method: Method = "ritq",
    bits: Lengths = "48",
    setting: Settings = None,
    data_dir: DataDir = None,
    download: Download = False,
    recipe: Annotated[
        str,
        typer.Option(
            callback=one_of("--recipe", ("modern", "fast", "paper")),
            help="modern; fast, fewer epochs for cifarnet and resnet-N; or paper.",
        ),
    ] = "modern",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the training images.")
    ] = None,
    time_budget: Annotated[
        str | None, typer.Option(help="In place of --epochs: as many as fit into, say, 30m.")
    ] = None,
    features: Annotated[
        str, typer.Option(help="For hashers: pixels, gist, or the name of a timm model.")
    ] = "gist",
    image_size: Annotated[
        int | None, typer.Option(min=4, max=1024, help="Scale images to this side.")
    ] = None,
    flip: Annotated[
        bool | None, typer.Option("--flip/--no-flip", help="Mirror images in training.")
    ] = None,
    flip_average: FlipAverage = False,
    precision: Annotated[
        str,
        typer.Option(
            callback=one_of("--precision", ("auto", "32-true", "bf16-mixed")),
            help="auto, 32-true or bf16-mixed.",
        ),
    ] = "auto",
    validation: Annotated[
        float,
        typer.Option(min=0.0, max=0.5, help="Share of the images kept out, only to measure on."),
    ] = 0.04,
    seed: Seed = 0,
    strict: Strict = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a finished model in --out.")
    ] = False,
    devices: Annotated[
        int, typer.Option(min=1, help="Processes that train together, one a GPU if there are GPUs.")
    ] = 1,
    nodes: Annotated[
        int, typer.Option(min=1, help="Machines that train together, --devices processes on each.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Learn codes from labelled images.

    A training that was interrupted goes on where it was, with the same command. With several
    --bits, the first bits of a code are codes too: index and encode take the length you want.

    With --nodes, the same command runs on every machine, with MASTER_ADDR, MASTER_PORT and
    NODE_RANK in its environment. torchrun works too: leave --devices and --nodes out.

    Example: hashlens train photos/ --method ritq --bits 48 --out models/birds
    """
    from hashlens.cli.output import print_json, watching
    from hashlens.training import TrainOptions
    from hashlens.training import train as train_model
    from hashlens.training.plan import Plan

    n_bits = lengths(bits)
    options = TrainOptions(
        seed=seed,
        recipe=recipe,
        epochs=epochs,
        time_budget=seconds(time_budget),
        features=features,
        image_size=image_size,
        flip=flip,
        flip_average=flip_average,
        precision=precision,
        validation=validation,
        strict=strict,
        out=out,
        overwrite=overwrite,
        devices=devices,
        nodes=nodes,
    )
    with watching() as watcher:
        model = train_model(
            data,
            method=method,
            n_bits=n_bits,
            settings=settings(setting),
            data_dir=data_dir,
            download=download,
            options=options,
            watcher=watcher,
        )
    if not Plan.of(options).is_first:
        return
    result = {"model": str(out), "method": method, "n_bits": model.n_bits, "lengths": list(n_bits)}
    result["settings"] = model.settings
    result |= model.card
    if as_json:
        print_json(result)
    else:
        kept_out = model.card.get("validation", {})
        figures = "".join(f", {k} {v:.4f}" for k, v in kept_out.items() if k != "n_images")
        print(f"{method} with {bits} bits in {out}: {model.card['seconds']:.0f} s{figures}")
