"""Parts of a filter that no item changes, computed by SQLite as for a collection in a folder."""

import sqlite3
from contextlib import closing

from hashlens.collection.folder.filters import SECONDS, confined, reason
from hashlens.collection.milvus.columns import UntoldError
from hashlens.collection.milvus.interval import Value


def compute(sql: str) -> Value | None:
    """Compute a value from SQL that names no column; None is null.

    Examples
    --------
    >>> compute("7 / 2"), compute("lower('OWL')"), compute("1 = NULL")
    (3, 'owl', None)
    """
    value: Value | None = _first(f"SELECT ({sql})")
    return value


def as_text(value: Value) -> str:
    """Write a number as SQLite does.

    Examples
    --------
    >>> as_text(3), as_text(1e20)
    ('3', '1.0e+20')
    """
    return str(_first("SELECT CAST(? AS TEXT)", value))


def is_true(value: Value) -> bool:
    """Tell whether SQLite takes a value for true.

    Examples
    --------
    >>> is_true(0.5), is_true("owl"), is_true("3 owls")
    (True, False, True)
    """
    return bool(_first("SELECT ? IS TRUE", value))


def _first(query: str, *values: Value) -> Value | None:
    with closing(sqlite3.connect(":memory:")) as db, confined(db, SECONDS):
        try:
            found: Value | None = db.execute(query, values).fetchone()[0]
        except sqlite3.Error as error:
            why = reason(error, SECONDS)
            if why is None:
                raise
            raise UntoldError(why) from None
    return found
