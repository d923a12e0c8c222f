"""The loops that look through pairs of codes for pictures that are alike.

The pairs are (ask, code): an ask is the code of a picture, or of the picture turned, and a code is
one of those that differ. Pictures of a code are compared by their features as they are needed, and
no pair is ever kept, so that a crowd of equal codes costs no more than it has to.
"""

from typing import Any, NamedTuple

import numpy as np

from hashlens.collection.dedup.alignment import N_COLUMNS, SIDE, agree
from hashlens.search.compiled import Array, kernel, popcount
from hashlens.search.rerank.kernels import as_real, product_and_square

OPEN = -1
_UNLIKE = np.float32(-2)
_BLOCK = 128
_ROUNDING = np.float32(0.01)  # of lengths: stored rows are of length 1 as far as float16 goes


class Asks(NamedTuple):
    """What is asked for; the asks of a picture follow one another, the unturned one first."""

    owner: Array  # int64 (n_asks,): the picture that asks
    turn: Array  # int8 (n_asks,): how it is turned; 0 is not at all
    row: Array  # int64 (n_asks,): of its features; those of a turned picture are in `turned`
    turned: Array  # uint16, bits of float16, (n, d); d = 0 where there are none
    sketch: Array  # uint64 (n_asks, n_words); n_words = 0 where there are none


class Known(NamedTuple):
    """The pictures, and which of them have each code."""

    offsets: Array  # int32 (n_codes + 1,)
    pictures: Array  # int32 (n_pictures,), ascending within a code
    row: Array  # int64 (n_pictures,): in `features`
    features: Array  # uint16, bits of float16, (n, d)
    sketch: Array  # uint64 (n_pictures, n_words)


class Greys(NamedTuple):
    """The pixels of pictures, where they are compared."""

    signatures: Array  # int8 (n, SIDE * SIDE)
    row: Array  # int64 (n_pictures,): in `signatures`; -1 for one that could not be read
    places: Array  # int16 (n_turns, SIDE * SIDE): where each pixel of a turned picture was


class Cover(NamedTuple):
    """Who leads each picture: itself, another, or nobody yet; and how near it is to it."""

    leader: Array  # int64 (n_pictures,)
    distance: Array  # int32
    similarity: Array  # float32; NaN where nothing is compared by features
    turn: Array  # int8


class Least(NamedTuple):
    """How like pictures must be."""

    cosine: Any  # float32
    sketch: int  # bits of the sketches that differ at most
    sure: Any  # float32: cosine from which on pixels need not agree
    pixels: Any  # float32: correlation; -1: pixels are not compared


class Problem(NamedTuple):
    """Who asks, who is known, and how like they must be."""

    asks: Asks
    known: Known
    greys: Greys
    least: Least


class Scratch(NamedTuple):
    """What is kept from one pair to the next."""

    ask: Array  # int64 (1,): the last ask whose features were needed
    features: Array  # float32 (d,): of that ask
    rest: Array  # float32: length of what follows each block of them
    pixels: Array  # float32, of `agree`


class Near(NamedTuple):
    """Some pairs of an ask and a code."""

    ask: Array  # int64 (n,), ascending
    code: Array  # int64 (n,)
    distance: Array  # int32 (n,)


@kernel
def _widen(row: Array, asked: Array, rest: Array) -> None:
    """Write the features asked for as float32, and the length of what follows each block."""
    square = np.float32(0)
    for j in range(asked.shape[0] - 1, -1, -1):
        if j % _BLOCK == _BLOCK - 1 or j == asked.shape[0] - 1:
            rest[j // _BLOCK] = np.sqrt(square)
        asked[j] = as_real(row[j])
        square += asked[j] * asked[j]


@kernel
def _likeness(row: Array, asked: Array, rest: Array, least: Any) -> Any:
    """Cosine of a picture to what is asked for, or -1 once it is known to be below `least`.

    NaN where there are no features. Rows have length 1, so what the numbers after a block can add
    is at most the product of the two lengths that are left: most pictures that are unlike are told
    by their first block or two.
    """
    width = asked.shape[0]
    if width == 0:
        return np.float32(np.nan)
    product, square = np.float32(0), np.float32(0)
    for start in range(0, width, _BLOCK):
        stop = min(start + _BLOCK, width)
        # Slices, not loops from `start`: the compiler makes vector instructions of these alone.
        part, length = product_and_square(row[start:stop], asked[start:stop])
        product += part
        square += length
        left = np.sqrt(max(np.float32(1) - square, np.float32(0)))
        if product + rest[start // _BLOCK] * left + _ROUNDING < least:
            return np.float32(-1)
    return min(product, np.float32(1))


@kernel
def _apart(asked: Array, ask: int, known: Array, picture: Any, most: int) -> Any:
    """Whether two sketches differ so much that the pictures cannot be alike."""
    differing = np.uint64(0)
    for w in range(known.shape[1]):
        differing += popcount(asked[ask, w] ^ known[picture, w])
    return np.int64(differing) > most


@kernel
def _same_pixels(
    owner: Any, turn: Any, picture: Any, greys: Greys, least: Any, work: Array
) -> bool:
    """Whether the pixels of a picture, turned, agree with those of another."""
    signatures, rows, places = greys
    asked, known = rows[owner], rows[picture]
    if asked < 0 or known < 0:
        return False
    if turn == 0:
        return agree(signatures[asked], signatures[known], least, work)
    turned = np.empty(signatures.shape[1], np.int8)
    for i in range(turned.shape[0]):
        turned[i] = signatures[asked, places[turn, i]]
    return agree(turned, signatures[known], least, work)


@kernel
def _scratch(features: Array) -> Scratch:
    asked = np.empty(features.shape[1], np.float32)
    rest = np.empty(asked.shape[0] // _BLOCK + 1, np.float32)
    work = np.empty((N_COLUMNS + 2, SIDE * SIDE), np.float32)
    return Scratch(np.full(1, -1), asked, rest, work)


@kernel
def _alike(ask: Any, picture: Any, problem: Problem, scratch: Scratch) -> Any:
    """Cosine of what is asked for and a picture, NaN without features; or `_UNLIKE`."""
    owners, turns, ask_rows, turned, _ = problem.asks
    known, (cosine, _, sure, pixels) = problem.known, problem.least
    if scratch.ask[0] != ask:
        row = (known.features if turns[ask] == 0 else turned)[ask_rows[ask]]
        _widen(row, scratch.features, scratch.rest)
        scratch.ask[0] = ask
    row = known.features[known.row[picture]]
    likeness = _likeness(row, scratch.features, scratch.rest, cosine)
    if likeness < cosine:  # false for NaN
        return _UNLIKE
    if pixels <= -1 or likeness >= sure:
        return likeness
    work, greys = scratch.pixels, problem.greys
    if _same_pixels(owners[ask], turns[ask], picture, greys, pixels, work):
        return likeness
    return _UNLIKE


@kernel
def take(near: Near, problem: Problem, cover: Cover) -> int:
    """Let each picture that nobody leads by its turn lead all that are near and not led yet.

    Returns how many pairs were compared.
    """
    owners, turns = problem.asks.owner, problem.asks.turn
    offsets, pictures = problem.known.offsets, problem.known.pictures
    asked_sketch, sketch, most = problem.asks.sketch, problem.known.sketch, problem.least.sketch
    leaders, distances, similarities, led_turned = cover
    scratch, n_compared = _scratch(problem.known.features), 0
    for i in range(near.ask.shape[0]):
        ask, code, distance = near.ask[i], near.code[i], near.distance[i]
        owner = owners[ask]
        if leaders[owner] != OPEN and leaders[owner] != owner:
            continue
        leaders[owner] = owner
        for at in range(offsets[code], offsets[code + 1]):
            picture = np.int64(pictures[at])
            if leaders[picture] != OPEN:
                continue
            n_compared += 1
            if _apart(asked_sketch, ask, sketch, picture, most):
                continue
            likeness = _alike(ask, picture, problem, scratch)
            if likeness != _UNLIKE:  # true for NaN
                leaders[picture] = owner
                distances[picture] = distance
                similarities[picture] = likeness
                led_turned[picture] = turns[ask]
    return n_compared


@kernel
def mark(near: Near, problem: Problem, alone: Array) -> int:
    """Unmark the pictures that are near to another one.

    One that has been found is not asked for any more: the others that are like it are alone, and
    ask themselves, or have been found too. Returns how many pairs were compared.
    """
    owners, turns = problem.asks.owner, problem.asks.turn
    offsets, pictures = problem.known.offsets, problem.known.pictures
    asked_sketch, sketch, most = problem.asks.sketch, problem.known.sketch, problem.least.sketch
    scratch, n_compared = _scratch(problem.known.features), 0
    of, asking = np.int64(-1), False
    for i in range(near.ask.shape[0]):
        ask, code = near.ask[i], near.code[i]
        owner, is_turned = owners[ask], turns[ask] != 0
        if ask != of:
            of, asking = ask, is_turned or alone[owner]
        if not asking:
            continue
        for at in range(offsets[code], offsets[code + 1]):
            picture = np.int64(pictures[at])
            if picture == owner or not (alone[owner] or alone[picture]):
                continue
            if not is_turned and picture < owner and alone[picture]:
                continue  # it has asked before, and nothing was like it
            n_compared += 1
            apart = _apart(asked_sketch, ask, sketch, picture, most)
            if not (apart or _alike(ask, picture, problem, scratch) == _UNLIKE):
                alone[owner] = False
                alone[picture] = False
    return n_compared
