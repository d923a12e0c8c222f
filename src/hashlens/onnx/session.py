"""ONNX Runtime as the encoder of a model: pixels in, features and projections out."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.model import Encoder, Model
from hashlens.onnx.assembling import IMAGES, assembled, network_part
from hashlens.onnx.extra import runtime_package

_MOST_PIXELS = 32 * 224 * 224  # computed at once: bounds the memory


class RuntimeEmbedded(NamedTuple):
    """Arrays for n images, as every encoder gives them."""

    features: NDArray[np.float32]
    projection: NDArray[np.float32]
    logits: NDArray[np.float32] | None


class RuntimeEncoder:
    """The encoder of a model, run by ONNX Runtime on the processor.

    Parameters
    ----------
    model : Model
        Deep, or on pixels or a backbone.
    threads : int >= 1, optional
        Default: as many as torch uses.

    Attributes
    ----------
    source : Encoder
        The model's own encoder.
    """

    def __init__(self, model: Model, threads: int | None = None) -> None:
        self.source: Encoder = model.encoder
        wanted = ["features", "projection"]
        network = network_part(model)
        if network is not None and len(network.graph.output) > 2:
            wanted.append("logits")
        proto = assembled(model, network, wanted, any_size=False)
        # With 3 channels the graph takes the pixels as they are; grey ones come three times.
        self._n_channels = model.preprocessing.n_channels
        self._session = open_session(proto.SerializeToString(), threads or torch.get_num_threads())

    def embed(self, pixels: NDArray[np.uint8]) -> RuntimeEmbedded:
        """Embed pixels (n, h, w, c) uint8."""
        at_once = max(1, _MOST_PIXELS // (pixels.shape[1] * pixels.shape[2]))
        parts = []
        for start in range(0, len(pixels), at_once):
            some = pixels[start : start + at_once]
            colours = some if self._n_channels == 3 else np.repeat(some, 3, axis=3)
            parts.append(self._session.run(None, {IMAGES: np.ascontiguousarray(colours)}))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return RuntimeEmbedded(columns[0], columns[1], columns[2] if len(columns) > 2 else None)


def on_runtime(model: Model, threads: int | None = None) -> Model:
    """Give the same model with ONNX Runtime as its encoder: on a processor, often faster.

    A bit whose projection lies within rounding of its threshold may come out otherwise. The model
    cannot be saved: save the one it was made of.

    Parameters
    ----------
    model : Model
    threads : int >= 1, optional
        Default: as many as torch uses.

    Returns
    -------
    model : Model

    Raises
    ------
    MissingExtraError
        If the extra ``onnx`` is not installed.
    InputError
        If the model cannot be put into a graph.
    """
    if isinstance(model.encoder, RuntimeEncoder):
        return model
    return replace(model, encoder=RuntimeEncoder(model, threads))


def open_session(source: bytes | Path, threads: int = 1) -> Any:
    """Open a model in ONNX Runtime, on the processor; InputError where it will not have it."""
    runtime = runtime_package()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    given = source if isinstance(source, bytes) else str(source)
    try:
        return runtime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base
        raise refuse("model", "one that ONNX Runtime opens", str(error)) from error
