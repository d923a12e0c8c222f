"""What Milvus is asked of a metadata key, under which items have numbers, texts and others.

SQLite, which answers for a collection in a folder, takes true for 1 and false for 0, and a list or
an object for the text that it has as JSON.
"""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

from hashlens.collection.milvus.columns import UntoldError, Values, texts_within
from hashlens.collection.milvus.connection import quoted
from hashlens.collection.milvus.formula import Formula, both, either, opposite
from hashlens.collection.milvus.interval import Interval, Number, Value

_END = 2.0**63
_EXACT = 2**53  # up to here, every int is a float64
_ORDERS = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Key(Values):
    """The values under a metadata key.

    Parameters
    ----------
    spellings : tuple of str
        Keys that differ in capitals alone are one: the first that an item has counts.
    """

    spellings: tuple[str, ...]

    @property
    def known(self) -> Formula:
        """Whether an item has a value."""
        return either(*(there(place) for place in self.places))

    @property
    def places(self) -> list[str]:
        """Where its spellings are, in Milvus's words."""
        return [f"metadata[{quoted(key)}]" for key in self.spellings]

    def within(self, interval: Interval) -> Formula:
        """Whether an item has a value that lies between two."""
        return self.first_of([_within(place, interval) for place in self.places])

    def among(self, values: Sequence[Value]) -> Formula:
        """Whether an item has one of some values."""
        return self.first_of([_among(place, values) for place in self.places])

    def beginning(self, interval: Interval) -> Formula:
        """Whether an item has a text, and no list or object, that lies between two."""
        return self.first_of([_plain(place, interval) for place in self.places])

    def first_of(self, answers: Sequence[Formula]) -> Formula:
        """The answer for the first of the spellings that an item has."""
        parts: list[Formula] = []
        before: list[Formula] = []
        for place, answer in zip(self.places, answers, strict=True):
            parts.append(both(*before, answer))
            before.append(opposite(there(place)))
        return either(*parts)


def there(place: str) -> str:
    """Whether something is stored under a key."""
    return f"(exists {place})"  # it would take all that follows


def _within(place: str, interval: Interval) -> Formula:
    if not _holds_structures(interval):
        return _plain(place, interval)
    # Milvus has no word for a list or an object: they are what does not lie outside.
    outside = [_plain(place, each) for each in interval.outside]
    return both(there(place), opposite(either(*outside)))


def _holds_structures(interval: Interval) -> bool:
    """Whether the texts that lists and objects are to SQLite lie within."""
    for bound in interval.bounds:
        if isinstance(bound, str) and bound[:1] in ("[", "{") and len(bound) > 1:
            raise UntoldError(
                "a metadata value cannot be compared with the JSON of a list or object"
            )
    lists, objects = interval.holds("[]"), interval.holds("{}")
    if lists != objects:
        wanted = "BETWEEN, = or GLOB 'text*'"
        raise UntoldError(
            f"a metadata value that is a list or an object cannot be put before or after text that "
            f"begins with a small letter; there is {wanted}"
        )
    return lists


def _plain(place: str, interval: Interval) -> Formula:
    """Whether a number, a text, true or false lies within."""
    truths = [name for name, value in (("false", 0), ("true", 1)) if interval.holds(value)]
    parts: list[Formula] = []
    if truths:
        parts.append(f"{place} in [{', '.join(truths)}]")
    if interval.numbers is not None:
        parts.append(numbers_within(place, interval.numbers))
    if interval.texts is not None:
        texts = interval.texts
        parts.append(texts_within(place, texts) if texts.bounds else f'{place} >= ""')
    return either(*parts)


def _among(place: str, values: Sequence[Value]) -> Formula:
    """Whether one of some values is there; values of one kind are asked for together."""
    texts = [v for v in values if isinstance(v, str) and v[:1] not in ("[", "{")]
    ints = [v for v in values if isinstance(v, int) and abs(v) <= _EXACT]
    rest = [v for v in values if v not in texts and v not in ints]
    truths = [name for name, value in (("false", 0), ("true", 1)) if value in ints]
    parts: list[Formula] = [_within(place, Interval.of("=", value)) for value in rest]
    lists = (truths, map(str, ints), map(quoted, texts))
    listed = (", ".join(each) for each in lists)
    return either(*(f"{place} in [{each}]" for each in listed if each), *parts)


def numbers_within(place: str, numbers: Interval) -> Formula:
    """Compare what is stored under a key with one number or two; it is false of all else."""
    low, high = map(_as_int, numbers.ends)
    if low is None and high is None:
        return _any_number(place)
    if low is not None and low == high:
        return numbers.holds(low) and _compared(place, "==", low)
    parts: list[Formula] = []
    if low is not None:
        parts.append(_compared(place, ">=" if numbers.with_low else ">", low))
    if high is not None:
        parts.append(_compared(place, "<=" if numbers.with_high else "<", high))
    return both(*parts)


def _any_number(place: str) -> Formula:
    return either(f"{place} < 0", f"{place} >= 0")


def _as_int(bound: Number | None) -> Number | None:
    """A whole number as an int, which Milvus compares with ints without rounding them."""
    whole = isinstance(bound, float) and bound.is_integer() and abs(bound) < _END
    return int(bound) if whole and bound is not None else bound


def _compared(place: str, order: str, bound: Number) -> Formula:
    """Compare a value with a number; it is false of what is no number."""
    if abs(bound) == _END:
        raise UntoldError("a metadata value is compared with any number but 2**63 and -2**63")
    if math.isinf(bound):
        return bool(_ORDERS[order](0.0, bound)) and _any_number(place)
    said = f"{place} {order} {bound!r}"
    nearest = float(bound)
    if nearest == bound:
        return said
    # A value that is stored as the float64 nearest to such an int is equal to it for Milvus, and to
    # its neighbour too. It is the only one that is.
    neighbor = bound - 1 if float(bound - 1) == nearest else bound + 1
    stored = both(f"{place} == {bound}", f"{place} == {neighbor}")
    right = _ORDERS[order](nearest, bound)
    if right == _ORDERS[order](bound, bound):
        return said
    return either(said, stored) if right else both(said, opposite(stored))
