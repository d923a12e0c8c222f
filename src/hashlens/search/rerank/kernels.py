"""The loops that compare a query with candidates, compiled by Numba.

A candidate is a row number; -1 is none, and lies at infinity. Sums are taken in an order that the
compiler chooses for the machine: equal rows give equal sums. Those of the cosine are of float64,
and exact where rows and query are float16 numbers, so that :mod:`hashlens.search.rerank.exact`
has the same without a compiler.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from hashlens.compiling import compiled
from hashlens.search.compiled import kernel, lowest_bit, prefetch

Array = NDArray[Any]
Function = TypeVar("Function", bound=Callable[..., Any])

_AHEAD = 4  # candidates whose rows are asked for before their turn
_I32, _F32 = ir.IntType(32), ir.FloatType()
_INFINITY = 0x7F800000  # of a float32


def adding_kernel(function: Function) -> Function:
    """As :func:`hashlens.search.compiled.kernel`, with sums in any order: else they go one by one.

    NaN and infinity keep their meaning.
    """
    fast = {"reassoc", "contract", "nsz"}
    return compiled(function, boundscheck=False, error_model="numpy", fastmath=fast)


def _as_real(_context: Any, value: Any) -> Any:
    """Turn a stored number into a float32: a float32 itself, or the uint16 of a float16's bits."""

    def same(_target: Any, _builder: Any, _signature: Any, arguments: Any) -> Any:
        return arguments[0]

    def widen(target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        triple, _name, features = target.codegen().magic_tuple()
        # Elsewhere LLVM calls a function that no library of this process has.
        if "+f16c" in features or triple.startswith(("aarch64", "arm64")):
            return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), _F32)
        return widen_bits(builder, arguments[0])

    return types.float32(value), same if value == types.float32 else widen


def widen_bits(builder: Any, half: Any) -> Any:
    """Turn the bits of a float16 into a float32 on a processor without an instruction for it."""
    bits = builder.zext(half, _I32)
    size = builder.and_(bits, ir.Constant(_I32, 0x7FFF))
    # The exponents' offsets are 15 and 127; the product is exact, of the smallest numbers too.
    moved = builder.bitcast(builder.shl(size, ir.Constant(_I32, 13)), _F32)
    scaled = builder.bitcast(builder.fmul(moved, ir.Constant(_F32, 2.0**112)), _I32)
    endless = builder.icmp_unsigned(">=", size, ir.Constant(_I32, 0x7C00))
    zero = ir.Constant(_I32, 0)
    exponent = builder.select(endless, ir.Constant(_I32, _INFINITY), zero)
    sign = builder.shl(builder.and_(bits, ir.Constant(_I32, 0x8000)), ir.Constant(_I32, 16))
    return builder.bitcast(builder.or_(builder.or_(scaled, exponent), sign), _F32)


as_real: Any = intrinsic(_as_real)


@kernel
def _ask_for_row(flat: Array, row: int, width: int) -> None:
    """Ask for a row of `width` numbers to be brought into the cache, line by line."""
    if row >= 0:
        for j in range(0, width, 64 // flat.itemsize):
            prefetch(flat, row * width + j)


@adding_kernel
def _squared_distance(row: Array, query: Array) -> Any:
    total = np.float32(0)
    for j in range(row.shape[0]):
        difference = as_real(row[j]) - query[j]
        total += difference * difference
    return total


@adding_kernel
def product_and_square(row: Array, query: Array) -> Any:
    """Product of a row and a query, and the row's squared length: both float32."""
    product, square = np.float32(0), np.float32(0)
    for j in range(row.shape[0]):
        value = as_real(row[j])
        product += value * query[j]
        square += value * value
    return product, square


@adding_kernel
def _cosine(row: Array, query: Array, length: Any) -> Any:
    """Cosine (float64) of a row to a query of a length; 0 for a row of zeros."""
    product, square = 0.0, 0.0
    for j in range(row.shape[0]):
        value = np.float64(as_real(row[j]))
        product += value * np.float64(query[j])
        square += value * value
    return _quotient(product, square, length)


@kernel
def _quotient(product: Any, square: Any, length: Any) -> Any:
    """Divide, each step rounded as in NumPy."""
    return product / (np.sqrt(square) * length) if square > 0 else product


@kernel
def feature_distances(
    features: Array, queries: Array, candidates: Array, lengths: Array, out: Array
) -> None:
    """Write the distance of each candidate (n_queries, m) to its query: float32 (n_queries, m).

    Parameters
    ----------
    features : float32, or float16 seen as uint16, (n, d)
    queries : float32 (n_queries, d)
    candidates : int64 (n_queries, m)
    lengths : float64 (n_queries,), or (0,)
        Of the queries, for 1 - cosine in place of the Euclidean distance.
    """
    flat, width = features.reshape(-1), features.shape[1]
    infinity = np.float32(np.inf)
    for q in range(candidates.shape[0]):
        rows = candidates[q]
        for i in range(rows.shape[0]):
            if i + _AHEAD < rows.shape[0]:
                _ask_for_row(flat, rows[i + _AHEAD], width)
            out[q, i] = infinity
            if rows[i] < 0:
                continue
            if lengths.shape[0] > 0:
                cosine = _cosine(features[rows[i]], queries[q], lengths[q])
                distance = np.float32(1 - cosine)
            else:
                distance = np.sqrt(_squared_distance(features[rows[i]], queries[q]))
            if distance < infinity:  # false for NaN too
                out[q, i] = max(distance, np.float32(0))


@kernel
def _write_sums(weights: Array, sums: Array) -> None:
    """Write the weight of every set of bits of each byte: `sums` (n_bytes, 256)."""
    for byte in range(sums.shape[0]):
        sums[byte, 0] = 0
        for bits in range(1, 256):
            bit = lowest_bit(np.uint64(bits))
            sums[byte, bits] = sums[byte, bits & (bits - 1)] + weights[8 * byte + np.int64(bit)]


@kernel
def weighted_distances(
    codes: Array, queries: Array, weights: Array, candidates: Array, out: Array
) -> None:
    """Write the weight of the bits in which each candidate differs from its query.

    Parameters
    ----------
    codes, queries : uint8 (n, n_bytes) and (n_queries, n_bytes)
    weights : float32 (n_queries, 8 * n_bytes), or (1, 8 * n_bytes) for all queries
    candidates : int64 (n_queries, m)
    out : float32 (n_queries, m)
    """
    n_bytes = codes.shape[1]
    sums = np.empty((n_bytes, 256), np.float32)
    for q in range(candidates.shape[0]):
        if q < weights.shape[0]:
            _write_sums(weights[q], sums)
        for i in range(candidates.shape[1]):
            row = candidates[q, i]
            if row < 0:
                out[q, i] = np.inf
                continue
            total = np.float32(0)
            for byte in range(n_bytes):
                total += sums[byte, codes[row, byte] ^ queries[q, byte]]
            out[q, i] = total


@kernel
def _lies_behind(distance: Any, name: int, other: Any, other_name: int) -> Any:
    """Whether (distance, id) comes after another; -1, no id, comes after every other id."""
    return distance > other or (distance == other and np.uint64(name) > np.uint64(other_name))


@kernel
def _sift_down(distances: Array, ids: Array, size: int, distance: Any, name: int) -> None:
    """Put a pair in place of the first of a heap, which is the farthest of its pairs."""
    place, child = 0, 1
    while child < size:
        right = child + 1
        if right < size and _lies_behind(
            distances[right], ids[right], distances[child], ids[child]
        ):
            child = right
        if not _lies_behind(distances[child], ids[child], distance, name):
            break
        distances[place], ids[place] = distances[child], ids[child]
        place, child = child, 2 * child + 1
    distances[place], ids[place] = distance, name


@kernel
def select_nearest(distances: Array, ids: Array, nearest: Array, names: Array) -> None:
    """Write the first k candidates of each query by (distance, id).

    Parameters
    ----------
    distances, ids : float32 and int64 (n_queries, m)
        An id of -1 is no candidate.
    nearest, names : float32 and int64 (n_queries, k)
        Filled with infinity and -1.
    """
    k = nearest.shape[1]
    for q in range(ids.shape[0]):
        heap, heap_ids = nearest[q], names[q]
        for i in range(ids.shape[1]):
            distance, name = distances[q, i], ids[q, i]
            if name >= 0 and _lies_behind(heap[0], heap_ids[0], distance, name):
                _sift_down(heap, heap_ids, k, distance, name)
        for last in range(k - 1, 0, -1):
            distance, name = heap[last], heap_ids[last]
            heap[last], heap_ids[last] = heap[0], heap_ids[0]
            _sift_down(heap, heap_ids, last, distance, name)
