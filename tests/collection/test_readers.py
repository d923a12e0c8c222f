"""One writer and many readers: each answer is that of one commit, in threads and in processes."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import IO

import numpy as np
import pytest

from hashlens.collection import Collection
from hashlens.collection.folder.catalogue import read_meta
from hashlens.collection.folder.records import live_rows
from hashlens.collection.folder.snapshot import Snapshot, take_snapshot
from hashlens.data import BytesImages
from hashlens.errors import BusyError
from whole_collections import check_whole, shown


def red(i: int) -> bytes:
    """Give one red pixel."""
    return b"P6 1 1 255 " + bytes([255 - i, i, 0])


def changes(collection: Collection, n: int) -> Iterator[frozenset[int]]:
    """Change a collection, commit by commit; give the ids after each. No state comes twice."""
    for i in range(n):
        collection.add(BytesImages([red(2 * i), red(2 * i + 1)], [f"a{i}", f"b{i}"]))
        yield frozenset(shown(collection))
        collection.remove([1 + i, max(shown(collection))])
        yield frozenset(shown(collection))
        if i % 3 == 2:
            collection.compact()


def check_in_order(seen: list[frozenset[int]], states: list[frozenset[int]]) -> None:
    """Check that each answer is that of a commit, and none older than the answer before."""
    places = [states.index(ids) for ids in seen]
    assert places == sorted(places)


@pytest.mark.parametrize("shared", [True, False], ids=["one-object", "own-objects"])
def test_threads_see_one_commit_each(made: Collection, shared: bool) -> None:
    states, done = [frozenset(shown(made))], Event()

    def search() -> list[frozenset[int]]:
        collection = made if shared else Collection.open(made.path)
        seen = []
        while not done.is_set() or not seen:
            hits = collection.search(29, 1000, rerank=False)
            assert len(hits.paths) == len(hits.ids)
            seen.append(frozenset(hits.ids.tolist()))
        return seen

    with ThreadPoolExecutor(3) as pool:
        searches = [pool.submit(search) for _ in range(3)]
        try:
            states += changes(made, 12)
        finally:
            done.set()
        answers = [each.result() for each in searches]
    for seen in answers:
        check_in_order(seen, states)
    assert sum(len(set(seen)) for seen in answers) > 6, "the searches missed the writing"
    check_whole(made, {})


def test_threads_that_write_at_once_are_refused_or_done_whole(made: Collection) -> None:
    def write(place: int) -> int:
        n_done = 0
        for i in range(6):
            with suppress(BusyError):
                made.add(BytesImages([red(10 * place + i)], [f"{place}-{i}"]))
                n_done += 1
            with suppress(BusyError):
                made.remove(10 * place + i + 1)
                n_done -= 1
            with suppress(BusyError):
                made.compact()
        return n_done

    with ThreadPoolExecutor(3) as pool:
        n_more = sum(pool.map(write, range(3)))
    assert len(made) == 30 + n_more
    check_whole(made, {})


@contextmanager
def started(
    script: str, collection: Collection
) -> Iterator[tuple[subprocess.Popen[str], IO[str], IO[str]]]:
    """Run a script on a collection; give the process, what it reads, and what it writes."""
    command = [sys.executable, "-c", script, str(collection.path)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield process, process.stdin, process.stdout
        process.stdin.close()


READER = """
import sys
from hashlens.collection import Collection

collection = Collection.open(sys.argv[1])
for line in sys.stdin:
    print(*collection.search(29, 1000, rerank=False).ids.tolist(), flush=True)
"""


@pytest.mark.slow
def test_another_process_sees_the_last_commit(made: Collection) -> None:
    with started(READER, made) as (_, words, answers):
        for state in changes(made, 12):
            words.write("search\n")
            words.flush()
            assert {int(i) for i in answers.readline().split()} == state


WRITER = """
import sys
from hashlens.collection import Collection
from hashlens.collection.folder.target import writing_to

with writing_to(Collection.open(sys.argv[1]).path):
    print("writing", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_another_process_that_writes_is_named(made: Collection) -> None:
    with started(WRITER, made) as (writer, _, answers):
        assert answers.readline() == "writing\n"
        for write in (
            lambda: made.remove(1),
            made.compact,
            lambda: made.add(BytesImages([red(0)])),
        ):
            with pytest.raises(BusyError, match=f"Got a writer already: process {writer.pid}"):
                write()
        assert made.search(1, 1).ids == [1]
        writer.kill()
    assert made.remove(1) == 1


def check_equal(one: Snapshot, other: Snapshot) -> None:
    assert (one.revision, one.generation) == (other.revision, other.generation)
    assert (one.ids == other.ids).all()
    assert (one.rows == other.rows).all()
    assert (one.index.codes() == other.index.codes()).all()
    assert (one.index.ids == other.index.ids).all()


@pytest.mark.parametrize("every", [1, 3])
def test_a_snapshot_brought_forward_is_the_one_read_anew(made: Collection, every: int) -> None:
    def look() -> None:
        with made._store.seen() as (db, snapshot):
            check_equal(snapshot, take_snapshot(made.path, db, read_meta(db, made.path)))

    rng = np.random.default_rng(every)
    look()
    for i in range(24):
        if i % 2 == 0:
            made.add(BytesImages([red(i), red(i + 1)], [f"a{i}", f"b{i % 8}"]))
        else:
            made.remove(rng.choice(list(shown(made)), 2, replace=False))
        if i % every == 0:
            look()
    made.compact()
    look()


def test_a_commit_reads_only_what_it_changed(
    made: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.search(1, 1)
    with made._store.seen() as (_, before):
        index = before.index
    monkeypatch.setattr("hashlens.collection.folder.snapshot.live_rows", None)
    made.add(BytesImages([red(1)], ["a"]))
    assert made.search(31, 1).ids == [31]
    made.remove([31, 2])
    assert 2 not in made.search(1, 40).ids
    with made._store.seen() as (_, now):
        assert now.index is not index
    assert made.add(made.item(1).path).already == 1
    with made._store.seen() as (_, same):
        assert same is now


def test_what_changes_no_code_keeps_the_index(made: Collection, photos: Path) -> None:
    made.search(1, 1)
    with made._store.seen() as (_, before):
        index = before.index
    file = photos / "cat" / "0001.png"
    file.rename(photos / "owl" / "0001.png")
    assert made.add(photos).moved == 1
    with made._store.seen() as (_, after):
        assert after.revision == before.revision + 1
        assert after.index is index


def test_ids_and_rows_are_read_part_by_part(monkeypatch):
    monkeypatch.setattr("hashlens.collection.folder.records._READ_AT_ONCE", 2)
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, row INTEGER, state TEXT)")
    assert [len(part) for part in live_rows(db)] == [0, 0]
    items = [(i, 100 - i, "removed" if i in (3, 4) else "live") for i in range(1, 8)]
    db.executemany("INSERT INTO items VALUES (?, ?, ?)", items)
    ids, rows = live_rows(db)
    assert (ids.tolist(), rows.tolist()) == ([1, 2, 5, 6, 7], [99, 98, 95, 94, 93])
    assert ids.dtype == rows.dtype == np.int64
