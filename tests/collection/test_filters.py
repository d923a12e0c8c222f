"""Filters: what an expression selects, and what none can do."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hashlens.collection.expression import FUNCTIONS, MAX_LENGTH, read_expression
from hashlens.collection.folder.filters import mask_of, metadata_keys, select_ids
from hashlens.collection.folder.records import as_stored
from hashlens.collection.folder.schema import MIGRATIONS
from hashlens.errors import InputError

ITEMS = [  # (id, path, label, added, metadata, state)
    (1, "/p/owl/1.jpg", "owl", "2024-05-01T10:00:00+00:00", {"year": 2019, "the place": "Tring"}),
    (2, "/p/owl/2.jpg", "owl", "2024-06-01T10:00:00+00:00", {"year": 2020, "ok": True}),
    (4, "/p/cat/it's.png", "cat", None, {"Year": 2021, "tags": ["a", "b"], "ok": False}),
    (5, "/p/cat/x\udcff.png", None, None, {"year": "2020", "end": 7, "none": None}),
    (9, "digits[3]", "3", None, {"größe": 1.5, "box": {"w": 3}, "id2": 5}),
]
LIVE = {row[0] for row in ITEMS}


def catalogue() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    for migration in MIGRATIONS:
        migration(db)
    insert = """INSERT INTO items (id, path, content_hash, label, added, metadata, state, row)
                VALUES (?, ?, ?, ?, ?, ?, ?, 0)"""
    for item_id, path, label, added, metadata in ITEMS:
        values = json.dumps(metadata, ensure_ascii=False)
        db.execute(insert, (item_id, as_stored(path), b"x", label, added, values, "live"))
    gone = json.dumps({"gone": 1, "year": 2020})
    db.execute(insert, (7, "/p/owl/7.jpg", b"x", "owl", None, gone, "removed"))
    return db


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(catalogue()) as db:
        yield db


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("1", [1, 2, 4, 5, 9]),
        ("0", []),
        ("NULL", []),
        ("label = 'owl'", [1, 2]),
        ("label == 'owl' and not id = 1", [2]),
        ("label IS NULL", [5]),
        ("Label IN ('cat', '3')", [4, 9]),
        ("id BETWEEN 2 AND 5", [2, 4, 5]),
        ("id IN (1, 2, 7, 99)", [1, 2]),
        ("path LIKE '%/cat/%'", [4, 5]),
        ("path GLOB '/p/*.jpg'", [1, 2]),
        ("name = '2.jpg'", [2]),
        ("name = 'it''s.png'", [4]),
        ("name LIKE 'digits%'", [9]),
        ("added < '2024-05-20'", [1]),
        ("date(added, '+1 month') = '2024-06-01'", [1]),
        ("added < CURRENT_TIMESTAMP", [1, 2]),
        ("year >= 2020", [2, 4, 5]),  # SQL: text is greater than any number
        ("year >= 2020 AND typeof(year) != 'text'", [2, 4]),
        ("cast(year as integer) = 2020", [2, 5]),
        ("YEAR = 2021", [4]),
        ("\"year\" = '2020'", [5]),
        ("\"the place\" = 'Tring'", [1]),
        ("\"THE PLACE\" COLLATE NOCASE = 'tring'", [1]),
        ('"end" = 7', [5]),
        ("größe > 1", [9]),
        ("ok", [2]),
        ("ok = FALSE", [4]),
        ("none IS NOT NULL", []),
        ('tags = \'["a","b"]\'', [4]),
        ("tags ->> '$[1]' = 'b'", [4]),
        ("json_array_length(tags) = 2", [4]),
        ("box ->> 'w' = 3", [9]),
        ("upper(label) || id = 'OWL2'", [2]),
        ("CASE WHEN label = 'owl' THEN id = 1 ELSE id = 9 END", [1, 9]),
        ("iif(label = 'owl', 0, coalesce(label, 1))", [5, 9]),
        ("max(id, 5) = 5 AND (id & 1) = 1 AND id % 2 <> 0 AND - -id = id", [1, 5]),
        ("id = 0x9 OR id*1.0 = .4e1", [4, 9]),
        ("label\n=\t'owl'", [1, 2]),
        ("'--' <> '/*' AND ';' = ';' AND ')' = ')'", [1, 2, 4, 5, 9]),
    ],
)
def test_an_expression_selects(db: sqlite3.Connection, where: str, ids: list[int]) -> None:
    found = select_ids(db, where)
    assert found.dtype == np.int64
    assert found.tolist() == ids


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("", "an SQL expression, or be left out. Got nothing"),
        (" \n", "an SQL expression, or be left out. Got nothing"),
        (None, "an SQL expression, as text. Got None"),
        (b"1", "an SQL expression, as text"),
        ("1\0", "valid Unicode"),
        ("'\ud800'", "valid Unicode"),
        ("lable = 'owl'", "no column lable. Did you mean 'label'? There are id, path, name, label"),
        ('label = "owl"', "no column owl; text is written 'owl'. There are"),
        ("gone = 1", "no column gone"),
        ("rowid = 1", "no column rowid"),
        ("metadata = '{}'", "no column metadata"),
        ("content_hash = 1", "no column content_hash"),
        ("items.id", "no '.' can be in it"),
        ("1) UNION SELECT id FROM items WHERE (1", "brackets must come in pairs"),
        ("1 UNION SELECT 1", "no column UNION"),
        ("(SELECT 1)", "no column SELECT"),
        ("EXISTS (SELECT 1)", "no function EXISTS"),
        ("id IN (SELECT 7)", "no column SELECT"),
        ("id IN items", "IN is followed by ("),
        ("id IN id2", "IN is followed by ("),
        ("1; DROP TABLE items", "no ';' can be in it"),
        ("1 --", "no comment can be in it"),
        ("1 /* */", "no comment can be in it"),
        ("1 ORDER BY id", "no column ORDER"),
        ("id = ?", "no '?' can be in it"),
        ("$a(')", "no '$' can be in it"),
        ("[id] = 1", "no '[' can be in it"),
        ("`id` = 1", "no '`' can be in it"),
        ("x'00'", "no column x"),
        ("'abc", "text has no end"),
        ('"abc', "a name has no end"),
        ("(1", "brackets must come in pairs"),
        ("label =", 'near ")": syntax error'),
        ("1abc", "no column abc"),
        ("max(id) = 9", "misuse of aggregate"),
        ("max(id) OVER ()", "no function OVER"),
        ("load_extension('x')", "no function load_extension. There are abs, coalesce"),
        ("randomblob(1000000000)", "no function randomblob"),
        ("hashlens_seal(path)", "no function hashlens_seal"),
        ("abs(-9223372036854775808)", "integer overflow"),
        ("id COLLATE other", "COLLATE is followed by BINARY or NOCASE or RTRIM"),
        ("CAST(id AS BLOB)", "AS is followed by"),
        ("label LIKE '" + "%a" * 600 + "'", "LIKE or GLOB pattern too complex"),
        ("json_extract(label, '$')", "malformed JSON"),
        ("+".join(["id"] * 2000), "maximum depth 1000"),
        ("(" * 500 + "1" + ")" * 500, "parser stack overflow|depth"),
        ("1" * (MAX_LENGTH + 1), "at most 50,000 characters. Got 50,001"),
        (f"'{'a' * 40_000}' || '{'b' * 9_000}' || " + "||".join(["path"] * 10), None),
    ],
)
def test_what_is_no_expression_is_refused(
    db: sqlite3.Connection, where: object, message: str | None
) -> None:
    if message is None:  # long, and not too long
        assert len(select_ids(db, where)) == 0
        return
    with pytest.raises(InputError, match=r"^where must be ") as caught:
        select_ids(db, where)
    assert any(part in str(caught.value) for part in message.split("|")), caught.value
    assert len(str(caught.value)) < 1000


def test_a_filter_that_takes_too_long_is_stopped(db: sqlite3.Connection) -> None:
    rows = ((i, f"/q/{i}", b"x") for i in range(100, 5_000))
    db.executemany("INSERT INTO items (id, path, content_hash, row) VALUES (?, ?, ?, 0)", rows)
    slow = " OR ".join(f"path LIKE '%{i}%x'" for i in range(200))
    started = time.monotonic()
    with pytest.raises(InputError, match=r"it takes longer than 0\.001 seconds"):
        select_ids(db, slow, seconds=0.001)
    assert time.monotonic() - started < 2
    assert len(select_ids(db, "id >= 100")) == 4_900  # the clock is put away


def test_no_single_step_takes_long(db: sqlite3.Connection) -> None:
    """SQLite's clock stands still within a function, so none may take long over long text."""
    long = "||".join(["'" + "a" * 9_000 + "'"] * 5)
    for where in (
        f"instr({long}, '{'a' * 2_000}b')",
        f"({long}) LIKE '{'%a' * 490}%b'",
        f"({long}) GLOB '{'*[a]' * 240}*b'",
    ):
        started = time.monotonic()
        select_ids(db, f"id = 1 AND {where}")
        assert time.monotonic() - started < 1, where[:20]


def test_a_connection_is_as_it_was(db: sqlite3.Connection) -> None:
    before = [db.getlimit(limit) for limit in range(10)]
    select_ids(db, "id = 1")
    with pytest.raises(InputError):
        select_ids(db, "max(id)")
    assert [db.getlimit(limit) for limit in range(10)] == before
    db.execute("UPDATE items SET label = 'x' WHERE id = 1")
    assert db.execute("SELECT count(*) FROM meta").fetchone()


def test_sqlite_itself_refuses_what_is_not_read_from_items(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second wall: were the words not known, the authorizer would stop them."""
    for query in (
        "SELECT value FROM meta",
        "SELECT content_hash FROM items",
        "SELECT random() FROM items",
        "DELETE FROM items",
        "PRAGMA user_version",
        "ATTACH ':memory:' AS other",
    ):
        monkeypatch.setattr("hashlens.collection.folder.filters._query", lambda *_, q=query: q)
        with pytest.raises(InputError, match=r"not authorized|prohibited"):
            select_ids(db, "1")


def test_damage_is_not_taken_for_a_wrong_filter(tmp_path: Path) -> None:
    (tmp_path / "c.db").write_bytes(b"SQLite format 3\0" + b"\1" * 5000)
    broken = sqlite3.connect(tmp_path / "c.db")
    with closing(broken), pytest.raises(sqlite3.DatabaseError):
        select_ids(broken, "id = 1")


def test_keys_are_those_of_live_items(db: sqlite3.Connection) -> None:
    keys = metadata_keys(db)
    assert keys["year"] == ("Year", "year")
    assert "gone" not in keys
    assert set(keys) == {"year", "the place", "ok", "tags", "end", "none", "größe", "box", "id2"}


def test_only_expressions_of_items_alone_can_be_kept() -> None:
    asks = {w: read_expression(w).asks_the_clock for w in ("id = 1", "date(added)", "date = 1")}
    assert asks == {"id = 1": False, "date(added)": True, "date = 1": False}
    assert read_expression("added < current_date").asks_the_clock


def test_a_mask_marks_ids() -> None:
    ids = np.array([3, 5, 8, 9])
    assert mask_of(ids, np.array([], np.int64)).tolist() == [False] * 4
    assert mask_of(ids, ids).all()
    assert mask_of(ids, np.array([5, 9])).tolist() == [False, True, False, True]


WORDS = [
    *sorted(FUNCTIONS), "id", "path", "name", "label", "added", "year", '"the place"', "tags",
    "1", "0x7f", "1e308", "-1", "'owl'", "''''", "NULL", "(", ")", ",", "=", "<", "||", "->>",
    "AND", "OR", "NOT", "IN", "LIKE", "ESCAPE", "BETWEEN", "CASE", "WHEN", "THEN", "END", "AS",
    "TEXT", "SELECT", "FROM", "items", "meta", "UNION", "WHERE", "PRAGMA", "ATTACH", ";", "--",
    "/*", "*/", "DELETE", "x'00'", "$", "?", "@a", "[", "]", "`", "\\", "\0", "\n", "%", "é", "𝔞",
]  # fmt: skip
FILTERS = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="()'\"-/*;=, idx1$?[]`|<>", max_size=40),
    st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join),
    st.lists(st.sampled_from(WORDS), max_size=8).map("".join),
)


@pytest.fixture(scope="module")
def one_for_all() -> Iterator[sqlite3.Connection]:
    with closing(catalogue()) as db:
        before = list(db.iterdump())
        yield db
        assert list(db.iterdump()) == before


@settings(max_examples=250, deadline=1000, derandomize=True)
@given(where=FILTERS)
@example(where="1) OR (1")
@example(where="1)) UNION SELECT id FROM items WHERE ((1")
@example(where="'' -- '\n) UNION SELECT 7 --")
def test_whatever_text_comes_it_selects_live_items_or_is_refused(
    one_for_all: sqlite3.Connection, where: str
) -> None:
    before = one_for_all.total_changes
    with suppress(InputError):
        found = select_ids(one_for_all, where)
        assert set(found.tolist()) <= LIVE
        assert (np.diff(found) > 0).all()
    assert one_for_all.total_changes == before
