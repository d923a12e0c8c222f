"""Items with values of all kinds, in both engines, and filters over them."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st

from hashlens.collection.folder.records import as_stored
from hashlens.collection.folder.schema import MIGRATIONS

PATHS = ("/p/owl/1.jpg", "/p/Owl/1.jpg", "/p/cat/it's.png", "digits[3]", "7", "/p/ö/é.jpg", "a/")
LABELS = (None, "owl", "Owl", "3", "10", "3.0", "a|b", "ö", "7")
DAYS = (None, "2024-05-01T10:00:00+00:00", "2024-06-01T10:00:00+00:00")
LAST, BEFORE_SURROGATES = "\U0010ffff", "\ud7ff"
TEXTS = (
    "", "2", "2020", "abc", "ABC", "b", "ö", "zz", "~", 'a"b\\c', "a\nb", "a\tb", "it's", "100%",
    "[", "[1", "{", "{x", "1", "-5", LAST, BEFORE_SURROGATES,
)  # fmt: skip
NUMBERS = (
    0, 1, -3, 2, 2.0, 2.5, 2019, 2020, 2**53, 2**53 + 1, float(2**53), 2**62 + 1, float(2**62),
    2**63 - 1, 1e300, -1e-7, -7.5, True, False,
)  # fmt: skip
OTHERS: tuple[Any, ...] = ([], [1, 2], ["a"], {}, {"w": 3}, [None])
# `n` has no text that begins with a number: a filter may compute with it.
KEYS = ("v", "year", "Year", "a/b", "a~b c", "größe", "it's", "1", "n", "N")
NO_NUMBERS = tuple(text for text in TEXTS if not text[:1].isdigit() and text[:1] != "-")


class Row(NamedTuple):
    """One item."""

    id: int
    path: str
    label: str | None
    added: str | None
    metadata: dict[str, Any]


def rows(n: int, seed: int) -> list[Row]:
    """Some items; among every hundred there is each value of metadata."""
    draw = Random(seed)
    return [_row(draw, i) for i in range(1, n + 1)]


def _row(draw: Random, item_id: int) -> Row:
    values: Sequence[Any] = (*TEXTS, *NUMBERS, *OTHERS)
    metadata = {key: draw.choice(values) for key in draw.sample(KEYS, draw.choice((0, 1, 2, 3, 5)))}
    metadata |= {"v": values[item_id % len(values)]} if draw.random() < 0.8 else {}
    for key in {"n", "N"} & metadata.keys():
        while isinstance(metadata[key], str) and metadata[key] not in NO_NUMBERS:
            metadata[key] = draw.choice(NO_NUMBERS)
        while isinstance(metadata[key], float | int) and abs(metadata[key]) > 2**53:
            metadata[key] = draw.choice(NUMBERS)
    path = PATHS[item_id - 1] if item_id <= len(PATHS) else draw.choice(PATHS)
    return Row(item_id, path, draw.choice(LABELS), draw.choice(DAYS), metadata)


def catalogue(items: Sequence[Row]) -> sqlite3.Connection:
    """The items in the tables of a collection in a folder."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    for migration in MIGRATIONS:
        migration(db)
    db.execute("DROP INDEX items_path")  # here several may have one path
    for row in items:
        values = json.dumps(row.metadata, ensure_ascii=False, separators=(",", ":"))
        db.execute(
            """INSERT INTO items (id, path, content_hash, label, added, metadata, row)
               VALUES (?, ?, ?, ?, ?, ?, 0)""",
            (row.id, as_stored(row.path), b"x", row.label, row.added, values),
        )
    return db


def on_milvus(items: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """The items as rows of Milvus."""
    for row in items:
        texts = {"label": row.label or "", "added": row.added or "", "path": row.path}
        name = row.path.rpartition("/")[2]
        yield {"id": row.id, "code": b"\0", "name": name, "metadata": row.metadata, **texts}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


COLUMNS = st.sampled_from(
    (
        "id", "path", "name", "label", "added", "v", "v", "v", "v", "year", "YEAR", '"a/b"',
        '"a~b c"', "größe", '"it\'s"', '"1"', "n",
    )
)  # fmt: skip
CONSTANTS = st.one_of(
    st.sampled_from(
        (
            "0", "1", "-1", "2", "3", "-3", "7", "10", "2019", "2020", "1.0", "2.5", "2.0", "1e300",
            "-1e-7", "1e999", "4.6e18", "9007199254740992.0", "0x10", "1e20", "100", "7/2",
            "2020-1", "-(-2)", "9007199254740992", "9007199254740993", "-9007199254740993",
            "4611686018427387904", "4611686018427387905", "9223372036854775807",
        )
    ),
    st.sampled_from(
        (*TEXTS, *PATHS, "owl", "Owl", "3", "3.0", "m", "Z", "2024-05-15", "it's.png", "/q", "{}")
    ).map(_quoted),
    st.sampled_from(("NULL", "TRUE", "FALSE", "upper('abc')", "1=1", "'a'||'bc'", "1 AND NULL")),
)  # fmt: skip
PATTERNS = st.sampled_from(
    (
        "abc*", "a*", "*", "%", "ö%", "ö*", "2024-05%", "2024*", "/%", "/p/*", "/p/o*", "it*", "[*",
        "~%", "~*", "owl", "3", "20%", "100*", "", LAST + "*", BEFORE_SURROGATES + "*",
    )
).map(_quoted)  # fmt: skip
ORDERS = st.sampled_from(["=", "==", "<>", "!=", "<", "<=", ">", ">=", "IS", "IS NOT"])
NOT = st.sampled_from(["", "NOT "])


def _written(form: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda each: form.format(*each))


COMPUTED = st.one_of(
    _written("id {} {}", st.sampled_from("+-%"), st.sampled_from(["1", "3", "7"])),
    _written("n {} {}", st.sampled_from("+-*%"), st.sampled_from(["1", "3", "0.1", "7"])),
    st.just("2 + n"),
)
LEAVES = st.one_of(
    _written("{} {} {}", COLUMNS, ORDERS, CONSTANTS),
    _written("{} {} {}", COLUMNS, ORDERS, CONSTANTS),
    _written("{} {} {}", CONSTANTS, ORDERS, COLUMNS),
    _written("{} {}BETWEEN {} AND {}", COLUMNS, NOT, CONSTANTS, CONSTANTS),
    _written("{} {}IN ({})", COLUMNS, NOT, st.lists(CONSTANTS, max_size=4).map(", ".join)),
    _written(
        "{} {}",
        COLUMNS,
        st.sampled_from(["IS NULL", "IS NOT NULL", "ISNULL", "NOTNULL", "NOT NULL"]),
    ),
    _written("{} {}{} {}", COLUMNS, NOT, st.sampled_from(["LIKE", "GLOB"]), PATTERNS),
    _written("{} {} {}", COMPUTED, ORDERS, CONSTANTS),
    _written("{} < {}", *[st.sampled_from(["path", "name", "label", "added"])] * 2),
    st.sampled_from(["id", "n", "1", "0", "NULL", "'2'", "'a'"]),
)


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        _written("{} AND {}", parts, parts),
        _written("{} OR {}", parts, parts),
        _written("NOT {}", parts),
        _written("NOT ({})", parts),
        _written("({}) IS {}{}", parts, NOT, st.sampled_from(["NULL", "TRUE", "FALSE"])),
        _written("({}) {} {}", parts, ORDERS, CONSTANTS),
    )


FILTERS = st.recursive(LEAVES, _joined, max_leaves=5)
