"""A whole model as one graph: preprocessing, network, hasher, threshold, packing."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import PIL

from hashlens import __version__
from hashlens.checks import check_choice, refuse
from hashlens.codes import code_size
from hashlens.deep import DeepEncoder
from hashlens.feature_encoder import FeatureEncoder
from hashlens.features import GIST, Backbone, Features, Pixels
from hashlens.model import Model
from hashlens.onnx.extra import onnx_package
from hashlens.onnx.gist import gist_vectors
from hashlens.onnx.graph import IR_VERSION, OPSET, Graph
from hashlens.onnx.hashing import packed, projected
from hashlens.onnx.network import PLANES, BackboneParts, DeepParts, network_model
from hashlens.onnx.resizing import planes

IMAGES = "images"
OUTPUTS = ("codes", "features", "projection", "logits")


def network_part(model: Model) -> Any | None:
    """Turn the network of a model into an ``onnx.ModelProto``; None where it has none.

    Raises
    ------
    InputError
        If the model's features are not hashlens' own, or torch cannot export its network.
    """
    encoder, shape = model.encoder, model.preprocessing.shape
    if isinstance(encoder, DeepEncoder):
        return network_model(DeepParts(encoder), shape)
    if not isinstance(encoder, FeatureEncoder):
        raise refuse("encoder", "that of a loaded or trained model", type(encoder))
    if isinstance(encoder.features, Backbone):
        return network_model(BackboneParts(encoder.features), shape)
    if isinstance(encoder.features, Pixels | GIST):
        return None
    wanted = "a deep one, or one on pixels, gist or a backbone, to be a graph"
    raise refuse("model", wanted, encoder.features.name)


def assembled(model: Model, network: Any | None, outputs: Sequence[str], any_size: bool) -> Any:
    """Put a model into one ``onnx.ModelProto``.

    Parameters
    ----------
    model : Model
    network : onnx.ModelProto, or None
        Of `network_part`, or what was made of it.
    outputs : sequence of str
        Some of `OUTPUTS`, in any order.
    any_size : bool
        Whether it takes images of any size; else of the model's alone.
    """
    graph = Graph()
    seen = planes(graph, IMAGES, model.preprocessing, any_size=any_size)
    values = _embedded(graph, seen, model, network)
    first, last, columns = (np.array([i]) for i in (0, model.n_bits, 1))
    values["projection"] = graph("Slice", values["projection"], first, last, columns)
    values["codes"] = packed(graph, values["projection"], model.n_bits)
    known = tuple(name for name in OUTPUTS if name in values)
    for name in outputs:
        check_choice("outputs", name, known)
        graph.output(values[name], name)
    onnx = onnx_package()
    helper = onnx.helper
    height, width = ("height", "width") if any_size else model.preprocessing.shape[:2]
    images = helper.make_tensor_value_info(IMAGES, onnx.TensorProto.UINT8, ["n", height, width, 3])
    widths = _widths(model)
    made = [_described(name, widths[name]) for name in outputs]
    whole = helper.make_graph(graph.nodes, "hashlens", [images], made, graph.constants)
    proto = helper.make_model(
        whole,
        opset_imports=_opsets(network),
        ir_version=IR_VERSION,
        producer_name="hashlens",
        producer_version=__version__,
    )
    helper.set_model_props(proto, metadata(model))
    return proto


def metadata(model: Model) -> dict[str, str]:
    """What the file says of the model: text, JSON where it is no word or number."""
    data = model.card.get("data", {})
    return {
        "method": model.method,
        "n_bits": str(model.n_bits),
        "lengths": json.dumps(model.lengths),
        "classes": json.dumps(model.classes, ensure_ascii=False),
        "preprocessing": json.dumps(model.preprocessing.to_dict()),
        "hashlens": __version__,
        "pillow": PIL.__version__,  # whose resize is inside
        "training_data": json.dumps(data, ensure_ascii=False),
        "bit_order": "little: bit j of a code is (row[j // 8] >> (j % 8)) & 1",
    }


def _embedded(graph: Graph, seen: str, model: Model, network: Any | None) -> dict[str, str]:
    encoder = model.encoder
    parts = [] if network is None else graph.insert(network, {PLANES: seen}, "network/")
    if isinstance(encoder, FeatureEncoder):
        plain = parts[0] if parts else _plain_features(graph, seen, encoder.features)
        vectors = _vectors(graph, plain, encoder)
        return {"features": vectors, "projection": projected(graph, vectors, encoder.hasher)}
    return dict(zip(("features", "projection", "logits"), parts, strict=False))


def _plain_features(graph: Graph, seen: str, features: Features) -> str:
    if isinstance(features, GIST):
        return gist_vectors(graph, seen, features)
    rows = graph("Flatten", graph("Transpose", seen, perm=[0, 2, 3, 1]), axis=1)
    return graph("Div", rows, np.float32(255))


def _vectors(graph: Graph, vectors: str, encoder: FeatureEncoder) -> str:
    """Lengths of 1 and z-scores, where the model has them."""
    if encoder.features.normalize:
        lengths = graph("ReduceL2", vectors, np.array([1]), keepdims=1)
        none = graph("Equal", lengths, np.float32(0))
        vectors = graph("Div", vectors, graph("Where", none, np.float32(1), lengths))
    scores = encoder.standardizer
    if scores is not None:
        vectors = graph("Div", graph("Sub", vectors, scores.mean_), scores.scale_)
    return vectors


def _widths(model: Model) -> dict[str, int]:
    """Columns of each output, as the model has them."""
    one = model.embed_pixels(np.zeros((1, *model.preprocessing.shape), np.uint8))
    widths = {"codes": code_size(model.n_bits), "projection": model.n_bits}
    scores = {} if one.logits is None else {"logits": one.logits.shape[1]}
    return {**widths, "features": one.features.shape[1], **scores}


def _described(name: str, width: int) -> Any:
    onnx = onnx_package()
    kind = onnx.TensorProto.UINT8 if name == "codes" else onnx.TensorProto.FLOAT
    return onnx.helper.make_tensor_value_info(name, kind, ["n", width])


def _opsets(network: Any | None) -> list[Any]:
    """The operator sets of the whole: those of the network may have more (quantisation)."""
    known = {"": OPSET}
    if network is not None:
        known |= {entry.domain: entry.version for entry in network.opset_import}
    return [onnx_package().helper.make_opsetid(*pair) for pair in known.items()]
