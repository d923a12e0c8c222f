"""What is computed of a metadata value: as SQLite computes it, in Milvus's comparisons.

SQLite takes true for 1, and all that is no number for 0: but for texts that begin with a number,
which Milvus cannot tell.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from hashlens.collection.milvus.columns import UntoldError, Values, texts_within
from hashlens.collection.milvus.formula import Formula, both, either, opposite
from hashlens.collection.milvus.interval import Interval, Number
from hashlens.collection.milvus.keys import Key, numbers_within, there

OPERATORS = ("+", "-", "*", "%")

_EXACT = 2**53  # up to here, float64 has every int
_MOST_REMAINDERS = 100
_STARTS = ("\t\x0e", " !", "+,", "-/", "0:")  # of numbers in a text: from a sign on, and before one


@dataclass(frozen=True)
class Reckoned(Values):
    """A metadata value, with a number added, subtracted, multiplied or left over.

    Parameters
    ----------
    key : Key
    operator : {"+", "-", "*", "%"}
    number : int or float
        Positive where it multiplies or divides.

    Examples
    --------
    >>> Reckoned(Key(("n",)), "+", 0.1).within(Interval.of("=", 2020.1))
    '(metadata["n"] >= 2020 and metadata["n"] < 2020.0000000000002)'
    """

    key: Key
    operator: str = "+"
    number: Number = 0

    @property
    def known(self) -> Formula:
        """Whether an item has a value."""
        return self.key.known

    @property
    def doubtful(self) -> Formula:
        """Whether an item has a text that SQLite takes for a number, or a number too great."""
        parts: list[Formula] = [
            texts_within(place, Interval(start[0], start[1], with_high=False))
            for place in self.key.places
            for start in _STARTS
        ]
        if self.operator == "%":
            parts += [
                numbers_within(place, interval)
                for place in self.key.places
                for interval in (Interval.of(">", _EXACT), Interval.of("<", -_EXACT))
            ]
        return either(*parts)

    def within(self, interval: Interval) -> Formula:
        """Whether what is computed lies between two."""
        return self.key.first_of([self._within(place, interval) for place in self.key.places])

    def _within(self, place: str, interval: Interval) -> Formula:
        truth = f"{place} in [true]"
        of_one = interval.holds(self._value(1))
        if not interval.holds(self._value(0)):
            return either(self._numbers(place, interval), of_one and truth)
        outside = [self._numbers(place, each) for each in interval.outside]
        return both(there(place), opposite(either(*outside, not of_one and truth)))

    def _numbers(self, place: str, interval: Interval) -> Formula:
        """Whether a number is there of which what is computed lies between two."""
        numbers = interval.numbers
        if numbers is None:
            return False
        if self.operator == "%":
            return self._remainders(place, numbers)
        low, high = numbers.ends
        first = last = None
        if low is not None:
            first = _smallest(lambda x: Interval(low, None, numbers.with_low).holds(self._value(x)))
        if high is not None:
            above = Interval(high, None, not numbers.with_high)
            last = _smallest(lambda x: above.holds(self._value(x)))
        return numbers_within(place, Interval(first, last, with_high=False))

    def _remainders(self, place: str, numbers: Interval) -> Formula:
        if self.number > _MOST_REMAINDERS:
            raise UntoldError(f"of a value % n there is n up to {_MOST_REMAINDERS}")
        rests = range(1 - int(self.number), int(self.number))
        held = [rest for rest in rests if numbers.holds(rest)]
        return either(*(f"{place} % {self.number} == {rest}" for rest in held))

    def _value(self, x: Number) -> Number:
        """What is computed of a number; it grows with the number, if it is no remainder."""
        if self.operator == "+":
            return x + self.number
        if self.operator == "-":
            return x - self.number
        return x * self.number if self.operator == "*" else x % self.number


def _smallest(holds: Callable[[float], bool]) -> float:
    """The smallest float64 for which something holds that holds of all greater ones."""
    low, high = _place(-_EXACT), _place(_EXACT)
    if holds(_float(low)) or not holds(_float(high)):
        raise UntoldError("a metadata value is computed with up to 2**53 only")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(_float(middle)) else (middle, high)
    return _float(high)


def _place(number: float) -> int:
    """The place of a float64 among all of them, 0 for 0.

    Examples
    --------
    >>> _place(0.0), _place(5e-324), _place(-1e-323), _float(_place(-2.5))
    (0, 1, -2, -2.5)
    """
    (bits,) = struct.unpack("<q", struct.pack("<d", abs(number)))
    return int(bits) if number >= 0 else -int(bits)


def _float(place: int) -> float:
    (number,) = struct.unpack("<d", struct.pack("<q", abs(place)))
    return float(number) if place >= 0 else -float(number)
