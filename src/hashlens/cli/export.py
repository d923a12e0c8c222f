"""``hashlens export``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashlens.checks import refuse
from hashlens.cli.options import DataDir, Json, ShorterBits

if TYPE_CHECKING:
    from hashlens.onnx import ExportReport


def export(
    model: Annotated[Path, typer.Argument(help="Folder of a model, or of a collection.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write: model.onnx.")],
    outputs: Annotated[
        str,
        typer.Option(
            "--outputs", help="codes, then any of features, projection, logits, with commas."
        ),
    ] = "codes",
    any_size: Annotated[
        bool,
        typer.Option(
            "--any-size/--fixed-size",
            help="Whether the file resizes images, or takes those of the model's size alone.",
        ),
    ] = True,
    bits: ShorterBits = None,
    images: Annotated[
        str | None,
        typer.Option(
            "--images",
            help="Folder, manifest or benchmark to check the file on; drawn shapes without it. "
            "With --int8, every second image calibrates.",
        ),
    ] = None,
    check: Annotated[
        int, typer.Option("--check", min=1, help="Images to compare the codes on, at most.")
    ] = 32,
    int8: Annotated[
        bool, typer.Option("--int8", help="Compute the network in 8 bits; needs --images.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --int8: keep the file though its codes differ.")
    ] = False,
    data_dir: DataDir = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    as_json: Json = False,
) -> None:
    """Write a model as one ONNX file that needs no hashlens: images in, packed codes out.

    Before the file is kept, ONNX Runtime runs it beside the model on --check images, and every
    bit that differs is counted. Bits may differ where a projection is within rounding of its
    threshold; with --int8, in 1 % of the bits.

    Example: hashlens export models/birds birds.onnx --images photos/
    """
    from dataclasses import replace

    from hashlens.cli.output import note, print_json
    from hashlens.data.candidates import as_dataset
    from hashlens.model import Model

    _check_words(int8, images, force)
    if out.exists() and not (overwrite and out.is_file()):
        raise refuse("OUT", "a file that is not there (or give --overwrite)", str(out))
    is_collection = (model / "catalogue.db").exists()
    loaded = Model.load(model / "model" if is_collection else model)
    if bits is not None:
        loaded = loaded.shortened(bits)
    shown = None if images is None else as_dataset(images, data_dir=data_dir).images
    names = tuple(name.strip() for name in outputs.split(","))
    if int8 and shown is not None:
        from hashlens.onnx.quantizing import INT8_PLAN, write_int8

        plan = replace(INT8_PLAN, outputs=names, any_size=any_size, force=force)
        report = write_int8(loaded, out, shown, plan, check=check)
    else:
        from hashlens.onnx import write_onnx

        report = write_onnx(
            loaded, out, outputs=names, any_size=any_size, images=shown, check=check
        )
    if as_json:
        print_json(_result(report, loaded.n_bits))
        return
    note(str(report.agreement))
    print(f"{out}: {loaded.n_bits} bits, {report.size_bytes / 1e6:.1f} MB, {', '.join(names)}")


def _check_words(int8: bool, images: str | None, force: bool) -> None:
    if int8 and images is None:
        raise typer.BadParameter("is needed, to calibrate with.", param_hint="--images")
    if force and not int8:
        raise typer.BadParameter("is for --int8.", param_hint="--force")


def _result(report: "ExportReport", n_bits: int) -> dict[str, Any]:
    found = report.agreement
    return {
        "file": str(report.path),
        "size_bytes": report.size_bytes,
        "n_bits": n_bits,
        "outputs": list(report.outputs),
        "any_size": report.any_size,
        "int8": report.int8,
        "check": {
            "images": found.n_images,
            "bits": found.n_bits,
            "bits_differing": found.n_differing,
            "farthest_of_median": found.farthest,
        },
    }
