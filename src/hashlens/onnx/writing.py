"""Writing a model as one ONNX file, and comparing the file with the model before it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.data import Images, synthetic_images
from hashlens.model import Model
from hashlens.onnx.agreement import Agreement, agreement
from hashlens.onnx.assembling import assembled, network_part
from hashlens.onnx.extra import onnx_package
from hashlens.onnx.session import open_session
from hashlens.whole_file import whole_file

_MADE_CLASSES = 10
_MADE_SIZES = (64, 97, 200, 256)  # in turn: smaller and larger than most models' images


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes
    ----------
    path : Path
    size_bytes : int
    outputs : tuple of str
    any_size : bool
        Whether the file takes images of any size.
    int8 : bool
    agreement : Agreement
        Its codes beside the model's.
    """

    path: Path
    size_bytes: int
    outputs: tuple[str, ...]
    any_size: bool
    int8: bool
    agreement: Agreement


def write_onnx(
    model: Model,
    path: str | Path,
    *,
    outputs: Sequence[str] = ("codes",),
    any_size: bool = True,
    images: Images | None = None,
    check: int = 32,
) -> ExportReport:
    """Write a model as one ONNX file: images in, packed codes out.

    The file takes ``images``, uint8 (n, height, width, 3), RGB, decoded and upright, and gives
    ``codes``, uint8 (n, ceil(n_bits / 8)), in the bit order of `hashlens.codes.pack`. Resizing,
    normalisation, network, hasher and threshold are inside, resizing as Pillow does it, bit for
    bit. Before the file is kept, ONNX Runtime runs it beside the model.

    Parameters
    ----------
    model : Model
    path : str or Path
        Ends with ``.onnx``; a file that is there is replaced.
    outputs : sequence of str, default ("codes",)
        Codes first; then some of ``features`` (n, d), ``projection`` (n, n_bits), whose signs are
        the bits, and ``logits`` (n, n_classes), all float32.
    any_size : bool, default True
        Whether images may have any size; else they must have the model's own, and the graph has
        no resize.
    images : Images, optional
        What the file is checked on; drawn shapes without it.
    check : int >= 1, default 32
        How many of them, evenly spread.

    Returns
    -------
    report : ExportReport

    Raises
    ------
    MissingExtraError
        If the extra ``onnx`` is not installed.
    InputError
        If the model cannot be a graph, or a bit of the file differs by more than rounding.
    """
    target = check_words(path, outputs)
    proto = assembled(model, network_part(model), outputs, any_size)
    shown = pictures(model, images, check, any_size)
    return keep(proto, target, model, shown, ExportPlan(tuple(outputs), any_size))


@dataclass(frozen=True)
class ExportPlan:
    """What a file is to be, and how far its codes may be from the model's.

    Attributes
    ----------
    outputs : tuple of str
    any_size : bool
    most : float, optional
        The share of bits that may differ, for a file of less precision. Without it, bits may
        differ where the model's projection is within rounding of its threshold alone.
    force : bool
        Whether a file that differs more is kept all the same.
    """

    outputs: tuple[str, ...] = ("codes",)
    any_size: bool = True
    most: float | None = None
    force: bool = False


def keep(
    proto: Any, path: Path, model: Model, shown: list[NDArray[np.uint8]], plan: ExportPlan
) -> ExportReport:
    """Write a graph, check and run the file, and keep it if its codes are those of the model."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        partial.write_bytes(proto.SerializeToString())
        onnx_package().checker.check_model(str(partial), full_check=True)
        found = agreement(open_session(partial), model, shown)
        _refuse_far(found, plan)
    report = ExportReport(
        path, path.stat().st_size, plan.outputs, plan.any_size, plan.most is not None, found
    )
    return report


def _refuse_far(found: Agreement, plan: ExportPlan) -> None:
    if plan.force:
        return
    if plan.most is None and not found.only_rounding:
        raise refuse("the file's codes", "those of the model but for rounding", words(str(found)))
    if plan.most is not None and found.share > plan.most:
        wanted = f"those of the model in all but {plan.most:.0%} of the bits"
        raise refuse("the file's codes", wanted, words(str(found)))


def check_words(path: str | Path, outputs: Sequence[str]) -> Path:
    """Return where a file is to be written, or raise InputError."""
    target = Path(path)
    if target.suffix != ".onnx":
        raise refuse("path", "a file name that ends with .onnx", str(target))
    if target.is_dir():
        raise refuse("path", "a file", str(target))
    if not outputs or outputs[0] != "codes" or len(set(outputs)) != len(outputs):
        raise refuse("outputs", "codes, and then others, each once", ",".join(outputs))
    return target


def pictures(
    model: Model, images: Images | None, n: int, any_size: bool
) -> list[NDArray[np.uint8]]:
    """Read or draw n images to compare codes on: uint8 (h, w, 3)."""
    if images is None:
        drawn = [
            synthetic_images(_MADE_CLASSES, _MADE_CLASSES, side).images for side in _MADE_SIZES
        ]
        shown = [drawn[i % len(drawn)].read(i // len(drawn) % _MADE_CLASSES) for i in range(n)]
    else:
        chosen = np.linspace(0, len(images) - 1, min(n, len(images))).round().astype(int)
        shown = [images.read(int(i)) for i in chosen]
    if not any_size:
        shown = [model.preprocessing.apply(image) for image in shown]
    return [np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image for image in shown]
