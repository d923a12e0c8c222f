"""What filters are made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Constant:
    """What no item changes, as SQL."""

    sql: str


@dataclass(frozen=True)
class Column:
    """A column by its name, in lower case."""

    name: str


@dataclass(frozen=True)
class Compare:
    """Two values, by ``= != < <= > >=``, or by ``IS``, to which null is a value."""

    operator: str
    left: "Tree"
    right: "Tree"


@dataclass(frozen=True)
class Between:
    """A value from one to another, with both of them."""

    value: "Tree"
    low: "Tree"
    high: "Tree"


@dataclass(frozen=True)
class In:
    """A value that is among others."""

    value: "Tree"
    among: tuple["Tree", ...]


@dataclass(frozen=True)
class Like:
    """A text of a pattern, by ``LIKE`` or ``GLOB``."""

    operator: str
    value: "Tree"
    pattern: "Tree"


@dataclass(frozen=True)
class IsTrue:
    """Whether a value is true, or false; neither where it is null."""

    value: "Tree"
    wanted: bool


@dataclass(frozen=True)
class IsNull:
    """Whether a value is null."""

    value: "Tree"


@dataclass(frozen=True)
class Not:
    """The opposite; null of null."""

    value: "Tree"


@dataclass(frozen=True)
class Logic:
    """Several trees joined by ``AND`` or by ``OR``."""

    operator: str
    parts: tuple["Tree", ...]


@dataclass(frozen=True)
class Computed:
    """A value that an operator or a function makes of others."""

    operator: str
    parts: tuple["Tree", ...]


Tree = Constant | Column | Compare | Between | In | Like | IsTrue | IsNull | Not | Logic | Computed
