"""Milvus's boolean expressions, joined and made simpler; some are true or false of every item."""

Formula = str | bool
"""An expression; or True or False where it is so of every item."""

ALL, NONE = "id >= 0", "id < 0"
"""What Milvus can read as true, or as false, of every item: it knows no such words."""

_NOT = "(not "


def both(*parts: Formula) -> Formula:
    """Join expressions that must all be true.

    Examples
    --------
    >>> both("a == 1", True, "b == 2"), both("a == 1", False), both()
    ('(a == 1 and b == 2)', False, True)
    """
    return _joined("and", parts, nothing=True)


def either(*parts: Formula) -> Formula:
    """Join expressions of which one must be true.

    Examples
    --------
    >>> either("a == 1", False, "b == 2"), either("a == 1", True), either()
    ('(a == 1 or b == 2)', True, False)
    """
    return _joined("or", parts, nothing=False)


def opposite(part: Formula) -> Formula:
    """Turn an expression around.

    Examples
    --------
    >>> opposite("a == 1"), opposite(opposite("a == 1")), opposite(True)
    ('(not (a == 1))', '(a == 1)', False)
    """
    if isinstance(part, bool):
        return not part
    if part.startswith(_NOT):
        return part.removeprefix(_NOT).removesuffix(")")
    return f"{_NOT}{part})" if part.startswith("(") else f"{_NOT}({part}))"


def written(part: Formula) -> str:
    """Write an expression as Milvus can read it, be it joined with others or not.

    Examples
    --------
    >>> written("a == 1"), written(False)
    ('a == 1', 'id < 0')
    """
    if isinstance(part, bool):
        return ALL if part else NONE
    return part


def _joined(word: str, parts: tuple[Formula, ...], *, nothing: bool) -> Formula:
    if any(part is not nothing for part in parts if isinstance(part, bool)):
        return not nothing
    # An expression twice is one: those of several spellings of a key repeat themselves.
    some = list(dict.fromkeys(part for part in parts if isinstance(part, str)))
    if len(some) < 2:
        return some[0] if some else nothing
    return f"({f' {word} '.join(some)})"
