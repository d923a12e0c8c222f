"""Values from one to another, in SQLite's order: all numbers come before all texts."""

from dataclasses import dataclass
from typing import Self

Number = int | float
Value = Number | str


@dataclass(frozen=True)
class Interval:
    """Values that lie between two, which may be among them.

    Attributes
    ----------
    low, high : int, float or str, optional
        None where there is no bound.
    with_low, with_high : bool
        Whether the bounds are among them.

    Examples
    --------
    >>> Interval.of(">=", 3).holds(3), Interval.of(">=", 3).holds("text")
    (True, True)
    >>> Interval.of("<", "owl").numbers, Interval.of("<", 3).texts
    (Interval(low=None, high=None, with_low=True, with_high=True), None)
    """

    low: Value | None = None
    high: Value | None = None
    with_low: bool = True
    with_high: bool = True

    @classmethod
    def of(cls, operator: str, bound: Value) -> Self:
        """Values that are ``= < <= > >=`` to one."""
        if operator == "=":
            return cls(bound, bound)
        if operator.startswith("<"):
            return cls(high=bound, with_high=operator == "<=")
        return cls(low=bound, with_low=operator == ">=")

    @property
    def bounds(self) -> list[Value]:
        """The bounds that there are."""
        return [bound for bound in (self.low, self.high) if bound is not None]

    @property
    def numbers(self) -> "Interval | None":
        """Those that are numbers; None if there are none."""
        if isinstance(self.low, str):
            return None
        if isinstance(self.high, str):
            return Interval(self.low, None, self.with_low)
        return self

    @property
    def texts(self) -> "Interval | None":
        """Those that are texts; None if there are none."""
        if self.high is not None and not isinstance(self.high, str):
            return None
        if self.low is not None and not isinstance(self.low, str):
            return Interval(None, self.high, with_high=self.with_high)
        return self

    @property
    def ends(self) -> tuple[Number | None, Number | None]:
        """The bounds that are numbers: the low one, and the high one."""
        low, high = self.low, self.high
        return None if isinstance(low, str) else low, None if isinstance(high, str) else high

    @property
    def outside(self) -> "list[Interval]":
        """All other values: those before, and those after."""
        before = Interval(high=self.low, with_high=not self.with_low)
        after = Interval(low=self.high, with_low=not self.with_high)
        return [each for each in (before, after) if each.bounds]

    def holds(self, value: Value) -> bool:
        """Tell whether a value lies in it."""
        above = self.low is None or _before(self.low, value, equal=self.with_low)
        return above and (self.high is None or _before(value, self.high, equal=self.with_high))


def _before(first: Value, second: Value, *, equal: bool) -> bool:
    if isinstance(first, str) and isinstance(second, str):
        # Characters are in the order of their bytes in UTF-8.
        return first < second or (equal and first == second)
    if isinstance(first, str) or isinstance(second, str):
        return isinstance(second, str)
    return first < second or (equal and first == second)
