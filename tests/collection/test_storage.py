"""Nothing committed is lost, nothing half-written is seen, and damage is named."""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hashlens.collection import Collection
from hashlens.collection.folder import schema
from hashlens.collection.folder.lock import writer_lock
from hashlens.collection.folder.rows import RowFile
from hashlens.collection.folder.sealing import add_functions
from hashlens.data import ArrayImages
from hashlens.errors import BusyError, FormatError, HashlensError, InputError
from hashlens.model import Model
from whole_collections import Stop


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hashlens.collection.adding.BATCH", 4)
    monkeypatch.setattr("hashlens.collection.incoming._ENCODED_AT_ONCE", 2)


@pytest.fixture
def later() -> ArrayImages:
    pixels = np.random.default_rng(9).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    return ArrayImages(pixels, "later")


def check_whole(collection: Collection, n_items: int) -> None:
    """Every item is there, finds itself, and has the code of its file."""
    assert len(collection) == n_items
    ids = list(range(1, n_items + 1))
    hits = collection.search_many(ids, 1, radius=0)
    assert [int(h.ids[0]) for h in hits] == ids
    codes = np.fromfile(collection.path / "codes-1.u8", np.uint8, count=3 * n_items)
    wanted = collection.model.encode([item.path for item in collection.items(n=n_items)])
    assert (codes.reshape(-1, 3) == wanted).all()


@pytest.mark.usefixtures("small_batches")
def test_an_interrupted_add_keeps_what_is_committed_and_goes_on(
    tmp_path: Path, photos: Path, model: Model
) -> None:
    collection = Collection.create(tmp_path / "c.hl", model)
    with pytest.raises(KeyboardInterrupt):
        collection.add(photos, watcher=Stop(11))
    kept = len(collection)
    assert 4 <= kept <= 11
    check_whole(Collection.open(collection.path), kept)
    report = collection.add(photos)
    assert (report.already, report.added) == (kept, 30 - kept)
    check_whole(collection, 30)


def test_what_is_not_committed_does_not_exist(made: Collection, later: ArrayImages) -> None:
    for file in made.path.glob("*-1.*"):
        with file.open("ab") as tail:
            tail.write(b"half a row of an add that was killed")
    reopened = Collection.open(made.path)
    check_whole(reopened, 30)
    reopened.add(later)
    assert (made.path / "codes-1.u8").stat().st_size == 33 * 3
    assert (made.path / "features-1.f16").stat().st_size == 33 * 192 * 2
    assert reopened.search(later.pixels[2], 1).paths[0] == "later[2]"


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("name", ["codes-1.u8", "features-1.f16"])
def test_a_full_disk_is_said_and_leaves_the_collection_as_it_was(
    made: Collection, later: ArrayImages, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(self: RowFile, rows: NDArray[np.uint8], n_rows: int) -> None:
        if self.path.name == name:
            monkeypatch.setattr(os, "fsync", no_space)
        append(self, rows, n_rows)

    def no_space(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    append = RowFile.append
    monkeypatch.setattr(RowFile, "append", full)
    with pytest.raises(HashlensError, match=rf"{name} must be writable. Got No space left"):
        made.add(later)
    monkeypatch.undo()
    check_whole(Collection.open(made.path), 30)
    assert made.add(later).added == 3


def test_a_failed_commit_leaves_the_collection_as_it_was(
    made: Collection, later: ArrayImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hashlens.collection.folder.batch._INSERT", "INSERT INTO items VALUES (?, ?, ?, ?)"
    )
    with pytest.raises(FormatError, match=r"catalogue\.db"):
        made.add(later)
    monkeypatch.undo()
    check_whole(made, 30)
    assert made.add(later).added == 3


def test_a_second_writer_is_told_and_readers_are_not_held_up(
    made: Collection, later: ArrayImages
) -> None:
    with writer_lock(made.path):
        with pytest.raises(BusyError, match=f"Got a writer already: process {os.getpid()}"):
            made.add(later)
        assert made.search(1, 1).ids[0] == 1
        assert len(Collection.open(made.path)) == 30
    assert made.add(later).added == 3


def test_a_search_sees_one_commit_while_another_is_made(
    made: Collection, later: ArrayImages
) -> None:
    with made._store.catalogue.reading() as db:
        before = db.execute("SELECT COUNT(*) FROM items").fetchone()
        Collection.open(made.path).add(later)
        assert db.execute("SELECT COUNT(*) FROM items").fetchone() == before == (30,)
    assert len(made) == 33


def test_a_folder_that_cannot_be_written_can_be_searched(
    made: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in made.path.glob("catalogue.db-*"):
        file.unlink()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert Collection.open(made.path).search(3, 1).ids[0] == 3
    assert not list(made.path.glob("catalogue.db-*"))


@pytest.mark.parametrize(
    "name", ["catalogue.db", "codes-1.u8", "features-1.f16", "model/model.json"]
)
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_missing_or_cut_file_is_named(made: Collection, name: str, damage: str) -> None:
    file = made.path / name
    if damage == "missing":
        file.unlink()
    else:
        os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(FormatError, match=str(file)):
        Collection.open(made.path)


@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_damaged_weights_are_named_when_they_are_needed(made: Collection, damage: str) -> None:
    file = made.path / "model" / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(content if damage == "changed" else content[:99])
    reopened = Collection.open(made.path)
    assert reopened.search(1, 1).ids[0] == 1
    with pytest.raises(FormatError, match=str(file)):
        reopened.search(np.zeros((8, 8, 3), np.uint8))


def test_another_file_in_place_of_the_catalogue_is_named(made: Collection) -> None:
    (made.path / "catalogue.db").write_bytes(b"no database, " * 500)
    with pytest.raises(FormatError, match=r"catalogue\.db must be an undamaged file"):
        Collection.open(made.path)
    (made.path / "catalogue.db").unlink()
    with closing(sqlite3.connect(made.path / "catalogue.db")) as db:
        db.execute("CREATE TABLE t (x)")
    with pytest.raises(FormatError, match=r"catalogue\.db must be a collection's catalogue"):
        Collection.open(made.path)


def test_a_newer_format_is_named(made: Collection) -> None:
    with closing(sqlite3.connect(made.path / "catalogue.db")) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(FormatError, match=r"catalogue\.db must have format version \d+ or older"):
        Collection.open(made.path)


def test_the_model_of_other_codes_is_named(
    made: Collection, make_model: Callable[..., Model]
) -> None:
    for model, message in [
        (make_model(16), "must be of a model of 24 bits, as the codes are. Got 16 bits"),
        (make_model(24, seed=1), "must be of the model that made the codes. Got another model"),
    ]:
        model.save(made.path / "model")
        with pytest.raises(FormatError, match=rf"model\.json {message}"):
            Collection.open(made.path)


def test_a_lost_value_of_the_catalogue_is_named(made: Collection) -> None:
    with closing(sqlite3.connect(made.path / "catalogue.db", isolation_level=None)) as db:
        add_functions(db)
        db.execute("DELETE FROM meta WHERE key = 'n_bits'")
    with pytest.raises(FormatError, match=r"catalogue\.db must describe a collection.*n_bits"):
        Collection.open(made.path)


def test_an_older_catalogue_is_brought_up_to_date_once(
    made: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add_column(db: sqlite3.Connection) -> None:
        db.execute("ALTER TABLE items ADD COLUMN colour TEXT DEFAULT 'red'")

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add_column))
    for _ in range(2):
        assert Collection.open(made.path).search(1, 1).ids[0] == 1
    with closing(sqlite3.connect(made.path / "catalogue.db")) as db:
        assert db.execute("SELECT DISTINCT colour FROM items").fetchall() == [("red",)]
        assert schema.schema_version(db) == len(schema.MIGRATIONS)


def test_a_failed_migration_leaves_no_trace(
    made: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM items")
        raise ZeroDivisionError

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, fail))
    with pytest.raises(ZeroDivisionError):
        Collection.open(made.path)
    monkeypatch.undo()
    check_whole(Collection.open(made.path), 30)


def test_only_a_new_place_is_taken(
    made: Collection, tmp_path: Path, model: Model, photos: Path
) -> None:
    for taken in (made.path, photos, photos / "owl" / "0000.png"):
        with pytest.raises(InputError, match="path must be a new folder"):
            Collection.create(taken, model)
    (tmp_path / "empty").mkdir()
    assert len(Collection.create(tmp_path / "empty", model)) == 0
    with pytest.raises(InputError, match=r"model must be a hashlens\.Model"):
        Collection.create(tmp_path / "new", "model")  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_a_failed_creation_leaves_nothing(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: RowFile) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(self.path))

    monkeypatch.setattr(RowFile, "create", fail)
    with pytest.raises(HashlensError, match=r"c\.hl must be writable\. Got No space left"):
        Collection.create(tmp_path / "c.hl", model)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_collection_is_refused(tmp_path: Path, photos: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.hl': nothing"):
        Collection.open(tmp_path / "gone.hl")
    with pytest.raises(InputError, match=r"0000\.png': a file"):
        Collection.open(photos / "owl" / "0000.png")
    with pytest.raises(FormatError, match=r"catalogue\.db must be a collection's catalogue"):
        Collection.open(photos)
