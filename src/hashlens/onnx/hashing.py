"""Vectors to projections inside a graph, for every hasher; projections to packed codes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from hashlens.checks import refuse, words
from hashlens.codes import code_size
from hashlens.hashers import Hasher, LinearHasher
from hashlens.onnx.graph import Graph


def projected(graph: Graph, vectors: str, hasher: Hasher) -> str:
    """Add what makes the projections, (n, n_bits), of float32 vectors (n, d).

    Raises
    ------
    InputError
        If the hasher is not one matrix, and none of `EXPORTED`.
    """
    if type(hasher)._project is LinearHasher._project:
        return _linear(graph, vectors, hasher)
    name = type(hasher).__name__
    if name not in EXPORTED:
        wanted = f"one matrix, or one of {', '.join(EXPORTED)}, to be put into a graph"
        raise refuse("hasher", wanted, words(name))
    return EXPORTED[name](graph, vectors, hasher)


def packed(graph: Graph, projection: str, n_bits: int) -> str:
    """Add what makes packed codes of float32 projections, as `hashlens.codes.binarize`."""
    size = code_size(n_bits)
    bits = graph.cast(graph("GreaterOrEqual", projection, np.float32(0)), np.int32)
    if n_bits % 8:
        padding = np.array([0, 0, 0, 8 * size - n_bits])
        bits = graph("Pad", bits, padding, np.int32(0))
    bits = graph("Reshape", bits, np.array([-1, size, 8]))
    places = (1 << np.arange(8)).astype(np.int32)
    codes = graph("ReduceSum", graph("Mul", bits, places), np.array([2]), keepdims=0)
    return graph.cast(codes, np.uint8)


def _linear(graph: Graph, vectors: str, hasher: Any) -> str:
    centred = graph("Sub", vectors, hasher.mean_.astype(np.float32))
    return graph("MatMul", centred, hasher.weights_.astype(np.float32))


def _sh(graph: Graph, vectors: str, hasher: Any) -> str:
    angles = graph("Add", _linear(graph, vectors, hasher), hasher.phases_.astype(np.float32))
    return graph("Sin", angles)


def _sklsh(graph: Graph, vectors: str, hasher: Any) -> str:
    angles = graph("Add", _linear(graph, vectors, hasher), hasher.phases_.astype(np.float32))
    return graph("Add", graph("Cos", angles), hasher.thresholds_.astype(np.float32))


def _sph(graph: Graph, vectors: str, hasher: Any) -> str:
    distances = graph("Sqrt", _squared_distances(graph, vectors, hasher.pivots_))
    return graph.cast(graph("Sub", hasher.radii_.astype(np.float64), distances), np.float32)


def _kernel(graph: Graph, vectors: str, hasher: Any) -> str:
    squared = _squared_distances(graph, vectors, hasher.anchors_)
    scale = np.float64(-0.5 / hasher.width_**2)
    near = graph("Exp", graph("Mul", squared, scale))
    centred = graph("Sub", near, hasher.kernel_mean_.astype(np.float64))
    values = graph("MatMul", centred, hasher.weights_.astype(np.float64))
    return graph.cast(values, np.float32)


def _squared_distances(graph: Graph, vectors: str, points: Any) -> str:
    """Squared distances to points, by products; in float64, which leaves them no visible error."""
    points = points.astype(np.float64)
    origin = points.mean(axis=0)
    moved = graph("Sub", graph.cast(vectors, np.float64), origin)
    points = points - origin
    lengths = graph("ReduceSum", graph("Mul", moved, moved), np.array([1]), keepdims=1)
    products = graph("MatMul", moved, -2 * points.T)
    squared = graph("Add", graph("Add", products, np.square(points).sum(axis=1)), lengths)
    return graph("Max", squared, np.float64(0))


def _dsh(graph: Graph, vectors: str, hasher: Any) -> str:
    return graph("Sub", _linear(graph, vectors, hasher), hasher.thresholds_.astype(np.float32))


EXPORTED: dict[str, Callable[[Graph, str, Any], str]] = {
    "DSH": _dsh,
    "SH": _sh,
    "SKLSH": _sklsh,
    "SpH": _sph,
    "KSH": _kernel,
}
"""Hashers that are not one matrix, by their class, and what puts them into a graph."""
