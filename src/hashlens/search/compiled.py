"""What kernels are built from: Numba's settings, and operations on the 64 lanes of a block.

The lane operations are written as LLVM vectors, in place of loops that the compiler may or may
not turn into such: the same instructions on every machine that has them, plain ones elsewhere.
A block has the shape (n_words, 64), see :mod:`hashlens.search.blocks`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from llvmlite import ir
from numba import types
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from hashlens.compiling import compiled
from hashlens.search.blocks import LANES

Array = NDArray[Any]
Function = TypeVar("Function", bound=Callable[..., Any])

cgutils: Any = _cgutils
_BYTE_POINTER = ir.IntType(8).as_pointer()
_I32, _I64 = ir.IntType(32), ir.IntType(64)
_REGISTER_BITS = 512


def kernel(function: Function) -> Function:
    """Compile with Numba: no interpreter lock, no bounds check, cached on disk."""
    return compiled(function, boundscheck=False, error_model="numpy")


def _popcount(_context: Any, word: Any) -> Any:
    """Count set bits by the processor's own instruction (LLVM's ``ctpop``)."""

    def generate(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return word(word), generate


def _lowest_bit(_context: Any, word: Any) -> Any:
    """Place (int64) of the lowest set bit of a uint64 that is not zero (LLVM's ``cttz``)."""

    def generate(_: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(word), generate


def _prefetch(_context: Any, array: Any, position: Any) -> Any:
    """Ask for an element of a one-dimensional array to be brought into the cache."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), _BYTE_POINTER)
        kind = ir.FunctionType(ir.VoidType(), [_BYTE_POINTER, _I32, _I32, _I32])
        ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(ask, [place, *(ir.Constant(_I32, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, position), generate


class _Lanes:
    """Code for the distances of one block to one query."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self.builder = builder
        kind = signature.args[0]
        self.word = ir.IntType(kind.dtype.bitwidth)
        self.vector = ir.VectorType(self.word, LANES)
        blocks = context.make_array(kind)(context, builder, arguments[0])
        rows = context.make_array(signature.args[2])(context, builder, arguments[2])
        self.n_words = builder.extract_value(blocks.shape, 1)
        self.blocks = blocks.data
        self.row = builder.gep(rows.data, [builder.mul(arguments[3], self.n_words)])
        self.first_word = self._query_word(ir.Constant(_I64, 0))

    def distances(self, block: Any) -> Any:
        """Add the differing bits of all words of a block: a vector of 64 words."""
        builder, one = self.builder, ir.Constant(_I64, 1)
        size = builder.mul(self.n_words, ir.Constant(_I64, LANES))
        start = builder.gep(self.blocks, [builder.mul(block, size)])
        first = self._differing(start, ir.Constant(_I64, 0), self.first_word)
        if self.word.width < 64:  # one word is all there is
            return first
        total = cgutils.alloca_once(builder, self.vector)
        builder.store(first, total)
        with cgutils.for_range_slice(builder, one, self.n_words, one) as (word, _):
            more = self._differing(start, word, self._query_word(word))
            builder.store(builder.add(builder.load(total), more), total)
        return builder.load(total)

    def _query_word(self, word: Any) -> Any:
        """Repeat a word of the query in all lanes."""
        return self.splat(self.builder.load(self.builder.gep(self.row, [word])), self.vector)

    def _differing(self, start: Any, word: Any, query: Any) -> Any:
        builder = self.builder
        place = builder.gep(start, [builder.mul(word, ir.Constant(_I64, LANES))])
        vector = builder.bitcast(place, self.vector.as_pointer())
        codes = builder.load(vector, align=self.word.width // 8)
        name = f"llvm.ctpop.v{LANES}i{self.word.width}"
        return self.call(name, self.vector, builder.xor(codes, query))

    def any_below(self, block: Any, limit: Any) -> Any:
        """Compare the smallest distance of a block with the limit."""
        limits = self.limits(limit, _REGISTER_BITS // self.word.width)
        hits = self.below(self._smallest(self.distances(block)), limits)
        return self.builder.icmp_unsigned("!=", hits, ir.Constant(hits.type, 0))

    def _smallest(self, distances: Any) -> Any:
        """Reduce 64 distances to one register of the smallest: a comparison does the rest."""
        builder = self.builder
        # Distances fit 32 bits, and the smallest of 32-bit lanes is found faster than of 64.
        width = min(32, self.word.width)
        n_lanes = LANES * self.word.width // width
        values = builder.bitcast(distances, ir.VectorType(ir.IntType(width), n_lanes))
        while n_lanes > _REGISTER_BITS // width:
            n_lanes //= 2
            half = ir.VectorType(ir.IntType(width), n_lanes)
            parts = [self._part(values, start, n_lanes) for start in (0, n_lanes)]
            values = self.call(f"llvm.umin.v{n_lanes}i{width}", half, *parts)
        n_words = n_lanes * width // self.word.width
        return builder.bitcast(values, ir.VectorType(self.word, n_words))

    def _part(self, values: Any, start: int, n_lanes: int) -> Any:
        places = ir.VectorType(_I32, n_lanes)
        chosen = ir.Constant(places, list(range(start, start + n_lanes)))
        return self.builder.shuffle_vector(values, values, chosen)

    def below(self, values: Any, limits: Any) -> Any:
        """Compare each value with its limit: as many bits as there are values."""
        less = self.builder.icmp_unsigned("<", values, limits)
        return self.builder.bitcast(less, ir.IntType(values.type.count))

    def limits(self, limit: Any, count: int) -> Any:
        """Repeat the limit, an int64, in so many lanes."""
        narrow = self.builder.trunc(limit, self.word) if self.word.width < 64 else limit
        return self.splat(narrow, ir.VectorType(self.word, count))

    def splat(self, value: Any, vector: Any) -> Any:
        """Repeat a word in all lanes."""
        empty = ir.Constant(vector, ir.Undefined)
        one = self.builder.insert_element(empty, value, ir.Constant(_I32, 0))
        places = ir.Constant(ir.VectorType(_I32, vector.count), [0] * vector.count)
        return self.builder.shuffle_vector(one, empty, places)

    def call(self, name: str, vector: Any, *values: Any) -> Any:
        """Call one of LLVM's own functions on vectors."""
        kind = ir.FunctionType(vector, [vector] * len(values))
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, values)

    def store(self, distances: Any, out: Any, width: int) -> None:
        """Write the distances as 64 integers of so many bits."""
        short = ir.VectorType(ir.IntType(width), LANES)
        same = self.word.width == width
        values = distances if same else self.builder.trunc(distances, short)
        place = self.builder.bitcast(out, short.as_pointer())
        self.builder.store(values, place).align = width // 8


def _any_below(_context: Any, blocks: Any, block: Any, rows: Any, query: Any, limit: Any) -> Any:
    """Tell whether any of the 64 codes of a block is nearer to a query than the limit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _Lanes(context, builder, signature, arguments).any_below(arguments[1], arguments[4])

    return types.boolean(blocks, block, rows, query, limit), generate


def _lanes_below(
    _context: Any, blocks: Any, block: Any, rows: Any, query: Any, limit: Any, out: Any
) -> Any:
    """Write the 64 distances (uint16), and give a bit for each that is below the limit."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = _Lanes(context, builder, signature, arguments)
        distances = lanes.distances(arguments[1])
        out = context.make_array(signature.args[5])(context, builder, arguments[5])
        lanes.store(distances, out.data, signature.args[5].dtype.bitwidth)
        return lanes.below(distances, lanes.limits(arguments[4], LANES))

    return types.uint64(blocks, block, rows, query, limit, out), generate


def _lane_distances(_context: Any, blocks: Any, block: Any, rows: Any, query: Any, out: Any) -> Any:
    """Write the 64 distances of a block (uint16, or uint8 where they fit)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = _Lanes(context, builder, signature, arguments)
        out = context.make_array(signature.args[4])(context, builder, arguments[4])
        width = signature.args[4].dtype.bitwidth
        lanes.store(lanes.distances(arguments[1]), out.data, width)
        return context.get_dummy_value()

    return types.void(blocks, block, rows, query, out), generate


popcount: Any = intrinsic(_popcount)
lowest_bit: Any = intrinsic(_lowest_bit)
prefetch: Any = intrinsic(_prefetch)
any_below: Any = intrinsic(_any_below)
lanes_below: Any = intrinsic(_lanes_below)
lane_distances: Any = intrinsic(_lane_distances)
