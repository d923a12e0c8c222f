"""What Milvus is asked of a column: which items have a value there, and which a value between two.

The answers are those that SQLite gives for a collection in a folder.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from hashlens.collection.milvus.connection import quoted
from hashlens.collection.milvus.formula import Formula, both, either
from hashlens.collection.milvus.interval import Interval, Number, Value

_MANY = 100  # remainders that are asked for one by one
_END = 2**63


class UntoldError(Exception):
    """Milvus cannot tell what SQLite can; the message says what there is instead."""


class Values(ABC):
    """The values that items have somewhere."""

    @property
    def known(self) -> Formula:
        """Whether an item has one: a comparison with none is neither true nor false."""
        return True

    @abstractmethod
    def within(self, interval: Interval) -> Formula:
        """Whether an item has a value that lies between two."""

    def among(self, values: Sequence[Value]) -> Formula:
        """Whether an item has one of some values."""
        return either(*(self.within(Interval.of("=", value)) for value in values))


@dataclass(frozen=True)
class Ids(Values):
    """The ids of items, with a number added.

    >>> Ids().within(Interval(2.5, 7, with_high=False)), Ids(10).within(Interval.of("=", 11))
    ('(id >= 3 and id <= 6)', 'id == 1')
    """

    offset: int = 0

    def within(self, interval: Interval) -> Formula:
        """Whether an item has an id that lies between two."""
        numbers = interval.numbers
        if numbers is None:
            return False
        low, high = 0, _END - 1
        first, last = numbers.ends
        if first is not None:
            low = max(low, _ceiling(first, beyond=not numbers.with_low) - self.offset)
        if last is not None:
            high = min(high, -_ceiling(-last, beyond=not numbers.with_high) - self.offset)
        if low >= high:
            return low == high and f"id == {low}"
        above: Formula = low == 0 or f"id >= {low}"
        return both(above, high == _END - 1 or f"id <= {high}")

    def among(self, values: Sequence[Value]) -> Formula:
        """Whether an item has one of some ids."""
        wanted = sorted(
            {int(v) - self.offset for v in values if not isinstance(v, str) and v % 1 == 0}
        )
        listed = [str(item_id) for item_id in wanted if 0 <= item_id < _END]
        return bool(listed) and f"id in [{', '.join(listed)}]"


@dataclass(frozen=True)
class Remainders(Values):
    """What is left of the ids of items when they are divided by a number."""

    divisor: int

    def within(self, interval: Interval) -> Formula:
        """Whether what is left lies between two."""
        if self.divisor > _MANY:
            raise UntoldError(f"of id % n there is n up to {_MANY:,}")
        held = [rest for rest in range(self.divisor) if interval.holds(rest)]
        if len(held) == self.divisor:
            return True
        return either(*(f"id % {self.divisor} == {rest}" for rest in held))


@dataclass(frozen=True)
class Texts(Values):
    """The texts of a field.

    Parameters
    ----------
    field : str
    compares_as_text : bool
        Whether a number that it is compared with is taken for its digits.
    can_lack : bool
        Whether an item can be without: Milvus 2.3 has no null, so that "" stands for none.
    """

    field: str
    compares_as_text: bool
    can_lack: bool

    @property
    def known(self) -> Formula:
        """Whether an item has a text."""
        return not self.can_lack or f'{self.field} != ""'

    def within(self, interval: Interval) -> Formula:
        """Whether an item has a text that lies between two."""
        texts = interval.texts
        if texts is None:
            return False
        return both(self.known if texts.holds("") else True, texts_within(self.field, texts))

    def among(self, values: Sequence[Value]) -> Formula:
        """Whether an item has one of some texts."""
        listed = [quoted(v) for v in values if isinstance(v, str) and (v or not self.can_lack)]
        return bool(listed) and f"{self.field} in [{', '.join(listed)}]"


def texts_within(place: str, texts: Interval) -> Formula:
    """Compare a field, or what is stored under a key, with one text or two."""
    if texts.low is not None and texts.low == texts.high and texts.holds(texts.low):
        return f"{place} == {quoted(str(texts.low))}"
    parts = []
    if texts.low is not None:
        parts.append(f"{place} {'>=' if texts.with_low else '>'} {quoted(str(texts.low))}")
    if texts.high is not None:
        parts.append(f"{place} {'<=' if texts.with_high else '<'} {quoted(str(texts.high))}")
    return both(*parts)


def _ceiling(bound: Number, *, beyond: bool) -> int:
    """The smallest int that is not below a number, or that is beyond it."""
    if math.isinf(bound):
        return _END if bound > 0 else -_END
    number = math.ceil(bound)
    return number + (beyond and number == bound)
