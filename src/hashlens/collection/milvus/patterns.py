"""Patterns of text that Milvus can find: a beginning, or a whole text."""

import string

from hashlens.collection.milvus.columns import Texts, UntoldError, Values
from hashlens.collection.milvus.formula import Formula
from hashlens.collection.milvus.interval import Interval
from hashlens.collection.milvus.keys import Key

_WILD = {"GLOB": ("*", "?["), "LIKE": ("%", "_")}  # for any text, and for what is not to be had
_OF_OTHERS = frozenset("-[{" + string.digits)  # with which a number, a list or an object begins
_LAST = chr(0x10FFFF)
_BEFORE_SURROGATES, _AFTER_SURROGATES = 0xD7FF, 0xE000


def texts_like(operator: str, values: Values, pattern: str) -> Formula:
    """Whether an item has a text of a pattern.

    Parameters
    ----------
    operator : str
        ``GLOB`` or ``LIKE``.
    values : Values
    pattern : str

    Raises
    ------
    UntoldError
        If it is another pattern than a beginning or a whole text.
    """
    start, anything, rest = pattern.partition(_WILD[operator][0])
    if rest.strip(_WILD[operator][0]) or any(sign in start for sign in _WILD[operator][1]):
        raise UntoldError(f"{operator} finds a beginning only: 'text{_WILD[operator][0]}'")
    if operator == "LIKE" and any(sign in string.ascii_letters for sign in start):
        raise UntoldError("letters are not taken for each other's capitals; there is GLOB 'text*'")
    interval = Interval(start, _after(start), True, False) if anything else Interval(start, start)
    if isinstance(values, Texts):
        return values.within(interval)
    if isinstance(values, Key) and start and start[0] not in _OF_OTHERS:
        return values.beginning(interval)
    wanted = "text only, and of a metadata value what begins with no digit, sign or bracket"
    raise UntoldError(f"{operator} finds {wanted}")


def _after(start: str) -> str | None:
    """The first text, in the order of all, that comes after those with a beginning; or None.

    Examples
    --------
    >>> _after("ab"), _after("a" + chr(0x10FFFF)), _after("")
    ('ac', 'b', None)
    """
    start = start.rstrip(_LAST)
    if not start:
        return None
    code = ord(start[-1])
    return start[:-1] + chr(_AFTER_SURROGATES if code == _BEFORE_SURROGATES else code + 1)
