"""Preprocessing inside a graph: Pillow's resize and grey, bit for bit."""

import numpy as np
import PIL
from numpy.typing import NDArray

from hashlens.data import Preprocessing
from hashlens.onnx.graph import Graph

_ONE = 1 << 22  # Pillow's weights are whole multiples of 2^-22
DOWN_FIRST = int(PIL.__version__.partition(".")[0]) >= 13
"""Whether this Pillow turns to the rows first where an image is to lose mostly height.

Its values are rounded between the two passes, so that their order shows in a few pixels.
"""

_SUPPORT = 2.0  # half the width of the bicubic filter, in pixels of the smaller picture


def planes(graph: Graph, images: str, preprocessing: Preprocessing, *, any_size: bool) -> str:
    """Add what makes float32 (n, c, height, width), 0 to 255, of uint8 (n, h, w, 3).

    Pillow sums weights that are integers times pixels, so its result does not depend on the
    order; products and sums in float64 hold the same integers. What decides the weights is
    computed step by step as Pillow does, in float64, the sums of weights in its order.

    Parameters
    ----------
    graph : Graph
    images : str
        Name of the input.
    preprocessing : Preprocessing
    any_size : bool
        Whether the graph resizes; else (h, w) are those of `preprocessing`.
    """
    pixels = graph("Transpose", images, perm=[0, 3, 1, 2])
    if not any_size and preprocessing.n_channels == 3:
        return graph.cast(pixels, np.float32)
    exact = graph.cast(pixels, np.float64)
    if preprocessing.n_channels == 1:
        exact = _luma(graph, exact)
    if any_size:
        exact = _resized(graph, exact, images, preprocessing)
    return graph.cast(exact, np.float32)


def _luma(graph: Graph, colours: str) -> str:
    """Grey by the ITU-R 601 weights, in Pillow's fixed point: (n, 1, h, w)."""
    weights = np.array([19595.0, 38470.0, 7471.0]).reshape(1, 3, 1, 1)
    total = graph("ReduceSum", graph("Mul", colours, weights), np.array([1]), keepdims=1)
    return graph(
        "Floor", graph("Div", graph("Add", total, np.float64(0x8000)), np.float64(1 << 16))
    )


def _resized(graph: Graph, exact: str, images: str, preprocessing: Preprocessing) -> str:
    shape = graph("Shape", images, start=1, end=3)
    wanted = np.array([preprocessing.height, preprocessing.width])
    same = graph("Cast", graph("Equal", shape, wanted), to=6)  # int32: there is no "all" of bools
    same = graph("ReduceMin", same, np.array([0]), keepdims=0)
    return graph.where(
        graph.cast(same, np.bool_),
        lambda side: side("Identity", exact),
        lambda side: _two_passes(side, exact, shape, preprocessing),
    )


def _two_passes(graph: Graph, exact: str, shape: str, preprocessing: Preprocessing) -> str:
    sides = graph.cast(shape, np.float64)
    wanted = np.array([preprocessing.height, preprocessing.width], np.float64)
    low: str | None = None
    if preprocessing.resize == "crop":
        scale = graph("ReduceMax", graph("Div", wanted, sides), np.array([0]), keepdims=1)
        cut = graph("Div", graph("Sub", sides, graph("Div", wanted, scale)), np.float64(2))
        low = graph("Max", cut, np.float64(0))
    down, right = (_weights(graph, sides, low, axis, int(wanted[axis])) for axis in (0, 1))
    right = graph("Transpose", right, perm=[1, 0])  # (w, width)

    def across_first(side: Graph) -> str:
        return _rounded(side, side("MatMul", down, _rounded(side, side("MatMul", exact, right))))

    def down_first(side: Graph) -> str:
        return _rounded(side, side("MatMul", _rounded(side, side("MatMul", down, exact)), right))

    if not DOWN_FIRST:
        return across_first(graph)
    return graph.where(_mostly_lower(graph, sides, wanted), down_first, across_first)


def _mostly_lower(graph: Graph, sides: str, wanted: NDArray[np.float64]) -> str:
    """Whether the height shrinks, and by more than twice as many pixels as the width does."""
    less = graph("Sub", sides, wanted)  # (2,)
    height, width = (graph("Gather", less, np.array(axis)) for axis in (0, 1))
    more = graph("Greater", height, graph("Mul", width, np.float64(2)))
    return graph("And", more, graph("Greater", height, np.float64(0)))


def _weights(graph: Graph, sides: str, low: str | None, axis: int, n_out: int) -> str:
    """Pillow's weights of every input pixel for every output pixel, times 2^22: (n_out, n_in)."""
    n_in = graph("Gather", sides, np.array([axis]))  # (1,), float64
    start, stop = graph("Sub", n_in, n_in), n_in
    if low is not None:
        start = graph("Gather", low, np.array([axis]))
        stop = graph("Sub", n_in, start)
    start, stop = (graph.cast(end, np.float32) for end in (start, stop))  # as Pillow takes a box
    scale = graph("Div", graph.cast(graph("Sub", stop, start), np.float64), np.float64(n_out))
    filter_scale = graph("Max", scale, np.float64(1))
    middles = np.arange(n_out, dtype=np.float64)[:, None] + 0.5
    centre = graph("Add", graph.cast(start, np.float64), graph("Mul", middles, scale))  # (n_out, 1)
    support = graph("Mul", filter_scale, np.float64(_SUPPORT))
    half = np.float64(0.5)
    first = graph("Floor", graph("Add", graph("Sub", centre, support), half))
    last = graph("Floor", graph("Add", graph("Add", centre, support), half))
    count = graph("Squeeze", n_in, np.array([0]))
    places = graph("Range", np.float64(0), count, np.float64(1))
    away = graph("Add", graph("Sub", places, centre), half)
    values = _bicubic(graph, graph("Mul", away, graph("Div", np.float64(1), filter_scale)))
    inside = graph("And", graph("GreaterOrEqual", places, first), graph("Less", places, last))
    values = graph("Where", inside, values, np.float64(0))
    # Sums one after the other, as Pillow's loop: ReduceSum would be free to add in another order.
    sums = graph("CumSum", values, np.array(1))
    total = graph("Gather", sums, np.array([-1]), axis=1)
    scaled = graph("Mul", graph("Div", values, total), np.float64(_ONE))
    size = graph("Floor", graph("Add", graph("Abs", scaled), half))
    return graph("Mul", graph("Sign", scaled), size)


def _bicubic(graph: Graph, x: str) -> str:
    """The filter of a = -0.5, its operations in Pillow's order."""
    x = graph("Abs", x)
    near = graph("Sub", graph("Mul", x, np.float64(1.5)), np.float64(2.5))
    near = graph("Add", graph("Mul", graph("Mul", near, x), x), np.float64(1))
    far = graph("Add", graph("Mul", graph("Sub", x, np.float64(5)), x), np.float64(8))
    far = graph("Mul", graph("Sub", graph("Mul", far, x), np.float64(4)), np.float64(-0.5))
    far = graph("Where", graph("Less", x, np.float64(2)), far, np.float64(0))
    return graph("Where", graph("Less", x, np.float64(1)), near, far)


def _rounded(graph: Graph, sums: str) -> str:
    """Sums of weights times pixels to whole numbers from 0 to 255."""
    up = graph("Floor", graph("Div", graph("Add", sums, np.float64(_ONE // 2)), np.float64(_ONE)))
    return graph("Max", graph("Min", up, np.float64(255)), np.float64(0))
