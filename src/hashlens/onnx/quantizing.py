"""A model as a file whose network computes in 8 bits, kept where its codes stay the same."""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int, refuse, words
from hashlens.data import Images
from hashlens.model import Model
from hashlens.onnx.assembling import assembled, network_part
from hashlens.onnx.extra import runtime_package
from hashlens.onnx.network import PLANES
from hashlens.onnx.writing import ExportPlan, ExportReport, check_words, keep, pictures

INT8_PLAN = ExportPlan(most=0.01)
_LAYERS = ("Conv", "Gemm", "MatMul")
_AT_ONCE = 8  # images, in calibration


def write_int8(
    model: Model,
    path: str | Path,
    images: Images,
    plan: ExportPlan = INT8_PLAN,
    *,
    check: int = 128,
) -> ExportReport:
    """Write a model as `write_onnx` does, its network in 8 bits: smaller, and other codes.

    Weights have a scale for each channel, activations one for each layer, set by calibration
    images. The first and the last layer stay in float32, and all but the network stays exact. The
    file is kept if at most 1 % of the bits of the other images differ from the model's.

    Parameters
    ----------
    model : Model
        With a network: deep, or on a backbone.
    path : str or Path
        As for `write_onnx`.
    images : Images, at least 2
        In turn one calibrates and one checks.
    plan : ExportPlan
        What the file gives, and the share of bits that may differ, 1 % by default.
    check : int >= 1, default 128
        How many calibrate, and how many check, at most.

    Returns
    -------
    report : ExportReport

    Raises
    ------
    MissingExtraError
        If the extra ``onnx`` is not installed.
    InputError
        If the model has no network, there are too few images, or more of the bits differ.
    """
    target = check_words(path, plan.outputs)
    check_int("number of images", len(images), 2)
    network = network_part(model)
    if network is None:
        raise refuse("model", "one with a network, to compute it in 8 bits", words("none"))
    kept = min(len(images) // 2, check)
    even, odd = (images.subset(np.arange(start, 2 * kept, 2)) for start in (0, 1))
    seen = [model.preprocessing.apply(even.read(i)) for i in range(kept)]
    proto = assembled(model, in_8_bits(network, seen), plan.outputs, plan.any_size)
    shown = pictures(model, odd, kept, plan.any_size)
    return keep(proto, target, model, shown, plan)


def in_8_bits(network: Any, seen: Sequence[NDArray[np.uint8]]) -> Any:
    """Turn a network into one of 8 bits, calibrated by preprocessed images (h, w, c)."""
    runtime_package()
    from onnxruntime import quantization as q

    import onnx

    class Planes(q.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches: Iterator[Any] = batches(seen)

        def get_next(self) -> dict[str, Any] | None:
            return next(self._batches, None)

    layers = [node.name for node in network.graph.node if node.op_type in _LAYERS]
    with tempfile.TemporaryDirectory(prefix="hashlens-") as folder, _quiet():
        before, after = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(network, before)
        q.quantize_static(
            before,
            after,
            Planes(),
            quant_format=q.QuantFormat.QDQ,
            per_channel=True,
            activation_type=q.QuantType.QUInt8,
            weight_type=q.QuantType.QInt8,
            nodes_to_exclude=[layers[0], layers[-1]],
        )
        return onnx.load(after)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the advice of the quantiser from the user: it is about graphs of other exporters."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def batches(seen: Sequence[NDArray[np.uint8]]) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Give preprocessed images as what a network takes, a few at once."""
    for start in range(0, len(seen), _AT_ONCE):
        some = np.stack(seen[start : start + _AT_ONCE])
        yield {PLANES: some.transpose(0, 3, 1, 2).astype(np.float32)}
