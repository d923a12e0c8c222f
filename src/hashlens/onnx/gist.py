"""GIST inside a graph: its Fourier transforms as products of matrices."""

import numpy as np
from numpy.typing import NDArray

from hashlens.features import GIST
from hashlens.features.gist import LOCAL_PAD, MIRROR, N_CELLS, blur_gain, gabor_filters
from hashlens.onnx.graph import Graph

Real = NDArray[np.float32]
Pair = tuple[str, str]
"""A complex value: its real and its imaginary part."""


def gist_vectors(graph: Graph, seen: str, features: GIST) -> str:
    """Add what makes GIST, (n, 512), of grey planes (n, 1, size, size), 0 to 255.

    In float32, as the features themselves: equal up to rounding.
    """
    size = features.size
    even = _even_contrast(graph, _full_range(graph, seen), size)
    mirrored = _mirror(graph, even, size, MIRROR)
    side = size + 2 * MIRROR
    filters = np.concatenate(gabor_filters(side))[None]  # (1, 32, side, side)
    to = _fourier(side)
    back = tuple(part[MIRROR:-MIRROR] / np.float32(side) for part in (to[0], -to[1]))
    zero = graph("Mul", mirrored, np.float32(0))
    spectrum = _both_sides(graph, to, (mirrored, zero))
    filtered = (graph("Mul", spectrum[0], filters), graph("Mul", spectrum[1], filters))
    real, imaginary = _both_sides(graph, (back[0], back[1]), filtered)
    squares = graph("Add", graph("Mul", real, real), graph("Mul", imaginary, imaginary))
    cell = [size // N_CELLS] * 2
    cells = graph("AveragePool", graph("Sqrt", squares), kernel_shape=cell, strides=cell)
    return graph("Flatten", cells, axis=1)


def _full_range(graph: Graph, grey: str) -> str:
    axes = np.array([1, 2, 3])
    stretched = graph("Sub", grey, graph("ReduceMin", grey, axes, keepdims=1))
    highest = graph("ReduceMax", stretched, axes, keepdims=1)
    flat = graph("Equal", highest, np.float32(0))
    scale = graph("Div", np.float32(255), graph("Where", flat, np.float32(1), highest))
    return graph("Mul", stretched, scale)


def _even_contrast(graph: Graph, grey: str, size: int) -> str:
    side = size + 2 * LOCAL_PAD
    gain = blur_gain(side)[:, 0].astype(np.float64)  # of rows; the blur is that of rows and columns
    blur = np.fft.ifft(gain[:, None] * np.fft.fft(np.eye(side), axis=0), axis=0).real
    blur = blur.astype(np.float32)

    def blurred(value: str) -> str:
        return graph("MatMul", graph("MatMul", blur, value), blur.T)

    logarithm = graph("Log", graph("Add", grey, np.float32(1)))
    padded = _mirror(graph, logarithm, size, LOCAL_PAD)
    white = graph("Sub", padded, blurred(padded))
    deviation = graph("Sqrt", graph("Abs", blurred(graph("Mul", white, white))))
    even = graph("Div", white, graph("Add", deviation, np.float32(0.2)))
    first, last = np.array([LOCAL_PAD] * 2), np.array([LOCAL_PAD + size] * 2)
    return graph("Slice", even, first, last, np.array([2, 3]))


def _mirror(graph: Graph, images: str, size: int, width: int) -> str:
    places = np.pad(np.arange(size), width, mode="symmetric")
    return graph("Gather", graph("Gather", images, places, axis=2), places, axis=3)


def _fourier(side: int) -> tuple[Real, Real]:
    """Real and imaginary part of the matrix of the discrete Fourier transform."""
    matrix = np.fft.fft(np.eye(side))
    return matrix.real.astype(np.float32), matrix.imag.astype(np.float32)


def _both_sides(graph: Graph, matrix: tuple[Real, Real], value: Pair) -> Pair:
    """Complex ``M X M^T``, of the last two dimensions."""
    real, imaginary = matrix
    left = _complex(graph, *(graph("MatMul", m, x) for x in value for m in (real, imaginary)))
    return _complex(graph, *(graph("MatMul", x, m.T) for x in left for m in (real, imaginary)))


def _complex(graph: Graph, rr: str, ir: str, ri: str, ii: str) -> Pair:
    """Put the four products of (matrix part, value part) together."""
    return graph("Sub", rr, ii), graph("Add", ir, ri)
