"""A model's network as ONNX: pixels as float32 planes in; features, projections, scores out."""

import copy
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from hashlens.checks import refuse, words
from hashlens.deep import DeepEncoder
from hashlens.features import Backbone
from hashlens.onnx.extra import check_exporter, onnx_package
from hashlens.onnx.graph import IR_VERSION, OPSET

MAX_BYTES = 2_000_000_000  # a file of one piece holds 2 GiB at most

PLANES = "planes"


class DeepParts(nn.Module):
    """The network of a deep model behind its normalisation: features, projection, scores."""

    def __init__(self, encoder: DeepEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, planes: Tensor) -> tuple[Tensor, ...]:
        """Map float32 (n, c, height, width), 0 to 255, to what `DeepEncoder.embed` gives."""
        normalize = self.encoder.normalize
        mean, std = normalize.mean[:, None, None], normalize.std[:, None, None]
        outputs = self.encoder((planes - mean) / std)
        scores = () if outputs.logits is None else (outputs.logits,)
        return outputs.features, outputs.projection, *scores


class BackboneParts(nn.Module):
    """The network of a backbone behind its normalisation: vectors of any length."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        network, mean, std = backbone.parts()
        self.network = network
        self.register_buffer("mean", mean[:, None, None])
        self.register_buffer("std", std[:, None, None])

    def forward(self, planes: Tensor) -> tuple[Tensor, ...]:
        """Map float32 (n, c, height, width), 0 to 255, to vectors."""
        return (self.network((planes - self.mean) / self.std),)


def network_model(module: nn.Module, shape: tuple[int, int, int]) -> Any:
    """Turn a network into an ``onnx.ModelProto`` whose batch is of any size.

    Parameters
    ----------
    module : nn.Module
        `DeepParts` or `BackboneParts`.
    shape : tuple
        Height, width and channels of an image.

    Raises
    ------
    MissingExtraError
        If ``onnx`` or ``onnxscript`` is not installed.
    InputError
        If the weights do not fit into one file of 2 GB, or torch cannot export the network.
    """
    check_exporter()
    n_bytes = sum(weights.nbytes for weights in module.state_dict().values())
    if n_bytes > MAX_BYTES:
        raise refuse("model", f"one of at most {MAX_BYTES:,} bytes of weights", n_bytes)
    height, width, n_channels = shape
    module = copy.deepcopy(module).cpu().eval()
    # Two images: the exporter takes a batch of one for a batch that is always of one.
    example = torch.zeros(2, n_channels, height, width)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter's own inner parts
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=[PLANES],
                dynamic_shapes=({0: torch.export.Dim("n")},),
            )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).strip().splitlines()[0]
        raise refuse("model", "a network that torch can export", words(reason)) from error
    if program is None:
        raise refuse("model", "a network that torch can export", words("nothing from torch"))
    return _tidy(program.model_proto)


def _tidy(model: Any) -> Any:
    """Leave out what the exporter notes of itself: traces of files and of lines."""
    onnx = onnx_package()
    from onnx.inliner import inline_local_functions

    model = inline_local_functions(model)
    model.ir_version = IR_VERSION
    graph = model.graph
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output, graph, model):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("value_info")
    onnx.checker.check_model(model)
    return model
