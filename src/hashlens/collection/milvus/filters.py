"""Filters for Milvus: SQL expressions in its own language, with the answers that SQLite gives.

SQL knows three answers: to an item without a value a comparison is neither true nor false, and so
is its opposite. Milvus knows two. So two expressions are made of each part of a filter: for which
items it is true, and for which it is false.
"""

from collections.abc import Callable, Mapping

from hashlens.collection.expression import Expression, wrong_filter
from hashlens.collection.folder.filters import COLUMNS
from hashlens.collection.milvus.columns import UntoldError
from hashlens.collection.milvus.formula import either, written
from hashlens.collection.milvus.grammar import parse
from hashlens.collection.milvus.sides import Translation

_DOUBTFUL = (
    "it cannot be computed with a metadata value that is a text which begins with a number, or is "
    "beyond 2**53, and there is one; there are =, <, IN and BETWEEN"
)


def translate(
    expression: Expression,
    keys: Mapping[str, tuple[str, ...]],
    is_any: Callable[[str], bool] | None = None,
) -> str:
    """Write a filter in Milvus's language.

    Parameters
    ----------
    expression : Expression
    keys : mapping
        The metadata keys that there are, by their name in lower case: each in all its spellings.
    is_any : callable, optional
        Whether an expression of Milvus is true of any item. It is asked where there is a
        translation for some values only; without it, that is refused.

    Returns
    -------
    text : str
        Never empty, and of one meaning in brackets.

    Raises
    ------
    InputError
        If it is no SQL expression over columns that there are, or Milvus cannot answer it as
        SQLite does; the message says what there is instead.

    Examples
    --------
    >>> from hashlens.collection.expression import read_expression
    >>> translate(read_expression("label = 'owl' OR NOT year = 1 + 1"), {"year": ("year",)})
    '(label == "owl" or ((exists metadata["year"]) and (not (metadata["year"] == 2))))'
    """
    expression.sql([*COLUMNS, *keys])  # so that a column that there is not is refused
    tree = parse(expression)
    translation = Translation(keys)
    try:
        text = written(translation.sides(tree).true)
        doubtful = either(*translation.doubtful)
        if doubtful and (is_any is None or is_any(written(doubtful))):
            raise UntoldError(_DOUBTFUL)
        return text
    except UntoldError as error:
        raise wrong_filter(expression.where, f"on Milvus, {error}") from None
