"""For which items a part of a filter is true, and for which it is false."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hashlens.collection.milvus import tree
from hashlens.collection.milvus.columns import Ids, Remainders, Texts, UntoldError, Values
from hashlens.collection.milvus.constants import as_text, compute, is_true
from hashlens.collection.milvus.formula import Formula, both, either, opposite
from hashlens.collection.milvus.interval import Interval, Number, Value
from hashlens.collection.milvus.keys import Key
from hashlens.collection.milvus.patterns import texts_like
from hashlens.collection.milvus.reckoned import OPERATORS, Reckoned

_FIELDS: Mapping[str, Values] = {
    "id": Ids(),
    "path": Texts("path", compares_as_text=True, can_lack=False),
    "name": Texts("name", compares_as_text=False, can_lack=False),
    "label": Texts("label", compares_as_text=True, can_lack=True),
    "added": Texts("added", compares_as_text=True, can_lack=True),
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_THERE_IS = (
    "of columns it computes id + n, id - n and id % n with an int n, and value + n, value - n, "
    "value * n and value % n with n > 0 of metadata"
)


class Sides(NamedTuple):
    """For which items something is true, and for which it is false."""

    true: Formula
    false: Formula


@dataclass(frozen=True)
class _Truths(Values):
    """What is 1 where something is true, and 0 where it is false."""

    sides: Sides

    @property
    def known(self) -> Formula:
        return either(*self.sides)

    def within(self, interval: Interval) -> Formula:
        return either(interval.holds(1) and self.sides.true, interval.holds(0) and self.sides.false)


class Translation:
    """What the parts of one filter come to.

    Parameters
    ----------
    keys : mapping
        The metadata keys that there are, by their name in lower case: each in all its spellings.

    Attributes
    ----------
    doubtful : list of Formula
        The items, if there are any, of which it would not be right.
    """

    def __init__(self, keys: Mapping[str, tuple[str, ...]]) -> None:
        self._keys = keys
        self.doubtful: list[Formula] = []

    def sides(self, part: tree.Tree) -> Sides:
        """Tell for which items a part is true, and for which it is false."""
        match part:
            case tree.Constant(sql):
                value = compute(sql)
                return Sides(False, False) if value is None else _certain(is_true(value))
            case tree.Not(value):
                return Sides(*reversed(self.sides(value)))
            case tree.Logic(operator, parts):
                true, false = zip(*map(self.sides, parts), strict=True)
                if operator == "AND":
                    return Sides(both(*true), either(*false))
                return Sides(either(*true), both(*false))
            case tree.Column() | tree.Computed():
                values = self._values(part)
                if isinstance(values, Key):
                    values = self._reckoned(Reckoned(values))
                return _truth_of_number(values)
            case _:
                return self._asked(part)

    def _asked(self, part: tree.Tree) -> Sides:
        match part:
            case tree.Compare(operator, left, right):
                return self._compare(operator, left, right)
            case tree.Between(value, low, high):
                return self._between(value, low, high)
            case tree.In(value, among):
                return self._in(value, among)
            case tree.Like(operator, value, pattern):
                return self._like(operator, value, pattern)
            case tree.IsTrue(value, wanted):
                asked = self.sides(value)
                return _two_sided(asked.true if wanted else asked.false)
            case tree.IsNull(value):
                return _two_sided(opposite(self._values(value).known))
        raise TypeError(part)

    def _values(self, part: tree.Tree) -> Values:
        match part:
            case tree.Column(name):
                return _FIELDS.get(name) or Key(self._keys[name])
            case tree.Computed(operator, parts):
                return self._computed(operator, parts)
            case _:
                return _Truths(self.sides(part))

    def _compare(self, operator: str, left: tree.Tree, right: tree.Tree) -> Sides:
        if operator == "!=":
            return Sides(*reversed(self._compare("=", left, right)))
        if isinstance(left, tree.Constant):
            left, right, operator = right, left, _MIRRORED.get(operator, operator)
        values = self._values(left)
        if not isinstance(right, tree.Constant):
            return _compare_columns(operator, values, self._values(right))
        bound = compute(right.sql)
        if bound is None:
            is_null = opposite(values.known)
            return _two_sided(is_null) if operator == "IS" else Sides(False, False)
        if operator == "IS":
            return _two_sided(values.within(Interval.of("=", _fitting(values, bound))))
        return _sides(values, values.within(Interval.of(operator, _fitting(values, bound))))

    def _between(self, value: tree.Tree, low: tree.Tree, high: tree.Tree) -> Sides:
        if isinstance(low, tree.Constant) and isinstance(high, tree.Constant):
            bounds = compute(low.sql), compute(high.sql)
            if bounds[0] is not None and bounds[1] is not None:
                values = self._values(value)
                interval = Interval(_fitting(values, bounds[0]), _fitting(values, bounds[1]))
                return _sides(values, values.within(interval))
        return self.sides(
            tree.Logic("AND", (tree.Compare(">=", value, low), tree.Compare("<=", value, high)))
        )

    def _in(self, value: tree.Tree, among: Sequence[tree.Tree]) -> Sides:
        if not among:
            return _certain(False)  # of a null too
        if isinstance(value, tree.Constant):
            raise UntoldError("what stands before IN must be a column")
        if not all(isinstance(each, tree.Constant) for each in among):
            return self.sides(
                tree.Logic("OR", tuple(tree.Compare("=", value, each) for each in among))
            )
        values = self._values(value)
        listed = [compute(each.sql) for each in among if isinstance(each, tree.Constant)]
        fitting = [_fitting(values, each) for each in listed if each is not None]
        found = _sides(values, values.among(fitting))
        return Sides(found.true, False) if None in listed else found

    def _like(self, operator: str, value: tree.Tree, pattern: tree.Tree) -> Sides:
        if not isinstance(pattern, tree.Constant):
            raise UntoldError(f"the pattern of {operator} must be text")
        said, values = compute(pattern.sql), self._values(value)
        if said is None:
            return Sides(False, False)
        return _sides(values, texts_like(operator, values, as_text(said)))

    def _computed(self, operator: str, parts: Sequence[tree.Tree]) -> Values:
        if operator in ("+", "*") and isinstance(parts[0], tree.Constant):
            parts = parts[::-1]
        match parts:
            case [tree.Column(name), tree.Constant(sql)] if operator in OPERATORS:
                number, values = compute(sql), self._values(tree.Column(name))
                if isinstance(values, Ids) and isinstance(number, int):
                    return _computed_id(operator, number)
                if isinstance(values, Key) and isinstance(number, int | float):
                    return self._reckoned(_reckoned(values, operator, number))
        raise UntoldError(_THERE_IS)

    def _reckoned(self, values: Reckoned) -> Values:
        self.doubtful.append(values.doubtful)
        return values


def _computed_id(operator: str, number: int) -> Values:
    if operator in ("+", "-"):
        return Ids(number if operator == "+" else -number)
    if operator == "%" and number > 0:
        return Remainders(number)
    raise UntoldError(_THERE_IS)


def _reckoned(key: Key, operator: str, number: Number) -> Reckoned:
    fits = (
        number > 0
        if operator == "*"
        else operator != "%" or (isinstance(number, int) and number > 0)
    )
    if not fits or abs(number) > 2**53:
        raise UntoldError(_THERE_IS)
    return Reckoned(key, operator, number)


def _certain(answer: bool) -> Sides:
    return Sides(answer, not answer)


def _two_sided(answer: Formula) -> Sides:
    """What is never null."""
    return Sides(answer, opposite(answer))


def _sides(values: Values, answer: Formula) -> Sides:
    """What is null where there is no value."""
    return Sides(answer, both(values.known, opposite(answer)))


def _truth_of_number(values: Values) -> Sides:
    if isinstance(values, Texts):
        raise UntoldError("a text by itself is no condition; there is column <> ''")
    return Sides(*reversed(_sides(values, values.within(Interval.of("=", 0)))))


def _fitting(values: Values, bound: Value) -> Value:
    """A value as SQLite takes it for a comparison with a column."""
    if isinstance(values, Ids) and isinstance(bound, str):
        raise UntoldError("an id is compared with numbers, which have no quotation marks")
    digits = isinstance(values, Texts) and values.compares_as_text
    return as_text(bound) if digits else bound


def _compare_columns(operator: str, left: Values, right: Values) -> Sides:
    if not isinstance(left, Texts) or not isinstance(right, Texts) or operator == "IS":
        raise UntoldError(
            "of columns only path, name, label and added are compared with each other"
        )
    sign = "==" if operator == "=" else operator
    known = both(left.known, right.known)
    answer = f"{left.field} {sign} {right.field}"
    return Sides(both(known, answer), both(known, opposite(answer)))
