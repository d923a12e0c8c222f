"""Damage is found and named, wherever it is; what is whole is called whole."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from hashlens.collection import Collection
from hashlens.collection.folder import schema
from hashlens.collection.folder.sealing import add_functions
from hashlens.collection.folder.verifying import verify
from hashlens.data import ArrayImages
from hashlens.model import Model
from hashlens.watcher import Watcher

FILES = ["codes-1.u8", "features-1.f16", "pictures-1.bin", "last-commit"]
FILES += ["model/model.json", "model/weights.safetensors"]


@pytest.fixture
def rich(made: Collection) -> Collection:
    """Thirty files, three arrays that are kept, two items removed."""
    pixels = np.random.default_rng(9).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    made.add(ArrayImages(pixels, "later"))
    made.remove([4, 5])
    return made


def content(folder: Path) -> list[str] | None:
    """All that can be read of the catalogue, as text; None if it cannot."""
    uri = f"file:{folder / 'catalogue.db'}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as db:
            return [*db.iterdump(), *map(str, db.execute("PRAGMA user_version"))]
    except sqlite3.DatabaseError:
        return None


def flips(file: Path, n: int, seed: int = 0) -> Iterator[int]:
    """Flip one bit, give its place, and put the file right again: n times, the first byte first."""
    sound = file.read_bytes()
    rng = np.random.default_rng(seed)
    for at in [0, len(sound) - 1, *rng.integers(0, len(sound), n - 2).tolist()]:
        with file.open("r+b") as damaged:
            damaged.seek(at)
            damaged.write(bytes([sound[at] ^ 1 << int(rng.integers(8))]))
        yield at
        file.write_bytes(sound)


def test_a_whole_collection_is_called_whole(rich: Collection) -> None:
    report = rich.verify()
    assert report.is_whole
    assert (report.problems, report.notes, report.changed, report.gone) == ((), (), (), ())
    assert (report.n_items, report.n_rows) == (31, 33)
    files = {path.relative_to(rich.path).as_posix() for path in rich.path.rglob("*")}
    unread = {"model", "writer.lock", "last-commit", "catalogue.db-wal", "catalogue.db-shm"}
    assert {part.file for part in report.parts} == files - unread
    rich.compact()
    assert rich.verify().is_whole
    assert rich.verify().n_rows == 31


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_found_and_its_file_is_named(rich: Collection, name: str) -> None:
    for at in flips(rich.path / name, 40):
        report = verify(rich.path)
        assert {problem.file for problem in report.problems} == {name}, at


def test_a_flipped_bit_of_the_catalogue_is_found_or_changes_nothing(rich: Collection) -> None:
    wanted = content(rich.path)
    missed = 0
    for at in flips(rich.path / "catalogue.db", 60):
        report = verify(rich.path)
        if report.is_whole:
            missed += 1
            assert content(rich.path) == wanted, f"the flip at {at} changed what is read"
        else:
            # Where a checksum in it is hit, the file that it is of is named too.
            assert "catalogue.db" in {problem.file for problem in report.problems}, at
    assert missed < 50  # most of the pages of so small a catalogue is free space


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE items SET label = 'cau' WHERE id = 7", "table items"),
        ("UPDATE items SET row = 8 WHERE id = 7", "table items"),
        ("UPDATE items SET row = 33 WHERE id = 7", "with a row that exists. Got 1: id 7"),
        ("UPDATE items SET metadata = '[]' WHERE id = 7", "each item must be complete"),
        ("UPDATE batches SET first_row = 1 WHERE first_row = 0", "must begin at 0"),
        ("UPDATE batches SET codes_sha256 = X'00'", "must have checksums"),
        ("UPDATE pictures SET first_byte = first_byte + 1", "a picture must begin at byte 0"),
        ("UPDATE meta SET value = 5000 WHERE key = 'n_bits'", "n_bits must be from 1 to 4096"),
        ("UPDATE sqlite_sequence SET seq = 99", "table sqlite_sequence"),
        ("DROP INDEX items_content", "index items_content must be defined"),
        ("CREATE TABLE notes (text)", "table notes must be defined"),
        ("PRAGMA user_version = 1", "must have format version"),
    ],
)
def test_a_wrong_statement_of_the_catalogue_is_named(
    rich: Collection, change: str, what: str
) -> None:
    with closing(sqlite3.connect(rich.path / "catalogue.db", isolation_level=None)) as db:
        triggers = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        triggers = dict(triggers.fetchall())
        for name in triggers:
            db.execute(f"DROP TRIGGER {name}")
        db.execute(change)
        for sql in triggers.values():
            db.execute(sql)
    problems = verify(rich.path).problems
    assert what in " ".join(problem.what for problem in problems if problem.file == "catalogue.db")


def test_the_items_that_are_hit_are_named(rich: Collection) -> None:
    codes = np.fromfile(rich.path / "codes-1.u8", np.uint8)
    codes[3 * 30 :] ^= 255  # the second batch: the three arrays
    codes.tofile(rich.path / "codes-1.u8")
    (problem,) = verify(rich.path).problems
    assert problem.file == "codes-1.u8"
    assert problem.what == "rows 30 to 32 must be as they were written. Got changed bytes."
    assert problem.items == (31, 32, 33)


def reseal(folder: Path, column: str, name: str) -> None:
    """Put the checksum of damaged rows in the catalogue: what was written was wrong already."""
    import hashlib

    digest = hashlib.sha256((folder / name).read_bytes()).digest()
    with closing(sqlite3.connect(folder / "catalogue.db", isolation_level=None)) as db:
        add_functions(db)
        db.execute(f"UPDATE batches SET {column} = ?", (digest,))


def test_numbers_that_cannot_be_are_named(
    tmp_path: Path, make_model: Callable[..., Model], photos: Path
) -> None:
    collection = Collection.create(tmp_path / "odd.hl", make_model(21))
    collection.add(photos)
    folder = collection.path
    codes = np.fromfile(folder / "codes-1.u8", np.uint8)
    codes[5] |= 128
    codes.tofile(folder / "codes-1.u8")
    reseal(folder, "codes_sha256", "codes-1.u8")
    vectors = np.fromfile(folder / "features-1.f16", np.float16)
    for value in np.float16([np.nan, np.inf, 7]):
        vectors[7] = value
        vectors.tofile(folder / "features-1.f16")
        reseal(folder, "features_sha256", "features-1.f16")
        what = {problem.file: problem.what for problem in verify(folder).problems}
        assert "rows 0 to 29 must be zero in the last 3 padding bits" in what["codes-1.u8"]
        assert what["features-1.f16"] == "rows 0 to 29 must be vectors of length 1. Got others."


@pytest.mark.parametrize("name", [*FILES, "catalogue.db"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_missing_or_cut_file_is_a_problem(rich: Collection, name: str, damage: str) -> None:
    file = rich.path / name
    if damage == "missing":
        file.unlink()
    else:
        os.truncate(file, file.stat().st_size // 2)
    assert {problem.file for problem in verify(rich.path).problems} == {name}


def test_what_is_left_over_is_noted_and_is_no_problem(rich: Collection) -> None:
    with (rich.path / "codes-1.u8").open("ab") as file:
        file.write(b"half a row")
    (rich.path / "codes-2.u8").write_bytes(b"of a compaction")
    (rich.path / "notes.txt").write_text("mine")
    report = rich.verify()
    assert report.is_whole
    assert report.notes == (
        "codes-1.u8: 10 bytes are not committed, of a change that is under way or was interrupted",
        "codes-2.u8: no part of the last commit",
        "notes.txt: no part of the last commit",
    )


def killed_copy(collection: Collection, photos: Path, folder: Path) -> Path:
    """Copy a collection as a kill leaves it: the last commits are in the journal alone."""
    with collection._store.catalogue.reading() as db:
        db.execute("SELECT * FROM items").fetchone()  # holds the journal back
        collection.add(sorted(photos.glob("*/*"))[:1])
        collection.remove([1])
        shutil.copytree(collection.path, folder)
    return folder


def test_a_damaged_journal_is_found(rich: Collection, photos: Path, tmp_path: Path) -> None:
    killed = killed_copy(rich, photos, tmp_path / "killed.hl")
    (killed / "catalogue.db-shm").unlink(missing_ok=True)
    clean = shutil.copytree(killed, tmp_path / "clean.hl")
    assert verify(clean).is_whole
    wanted = content(clean)
    found = 0
    wal = killed / "catalogue.db-wal"
    for at in range(0, wal.stat().st_size, 997):
        damaged = shutil.copytree(killed, tmp_path / "damaged.hl")
        with (damaged / "catalogue.db-wal").open("r+b") as file:
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 16]))
        report = verify(damaged)
        found += not report.is_whole
        assert report.problems or content(damaged) == wanted
        assert {problem.file for problem in report.problems} <= {"catalogue.db"}
        shutil.rmtree(damaged)
    assert found
    wal.unlink()
    (problem,) = verify(killed).problems
    assert "must hold commit 4. Got commits up to" in problem.what


def test_files_that_changed_or_went_are_told_apart(rich: Collection) -> None:
    report = rich.verify(files=True)
    assert (report.is_whole, report.changed, report.gone) == (True, (), ())
    first, second = Path(rich.item(1).path), Path(rich.item(2).path)
    first.write_bytes(b"other bytes")
    second.unlink()
    report = rich.verify(files=True)
    assert report.is_whole
    assert [(each.id, each.path) for each in report.changed] == [(1, str(first))]
    assert [(each.id, each.path) for each in report.gone] == [(2, str(second))]
    assert "No such file" in report.gone[0].reason
    assert rich.verify().changed == ()


def test_migrated_catalogues_are_as_new_ones(
    tmp_path: Path, model: Model, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:2])
        Collection.create(tmp_path / "old.hl", model)
    migrated = Collection.open(tmp_path / "old.hl")
    assert migrated.verify().is_whole
    migrated.add(photos)
    assert migrated.verify().is_whole


class Meanwhile(Watcher):
    """Does something when the check comes to a stage, once."""

    def __init__(self, stage: str, act: Callable[[], object]) -> None:
        self.at = stage
        self.act = act
        self.done = 0

    def stage(self, name: str, total: int | None = None) -> None:
        del total
        if name == f"checking {self.at}" and not self.done:
            self.done += 1
            self.act()


@pytest.mark.parametrize("stage", ["catalogue.db", "codes-1.u8", "features-1.f16", "the model"])
@pytest.mark.parametrize("verb", ["add", "remove", "compact"])
def test_changes_meanwhile_are_no_damage(rich: Collection, stage: str, verb: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    acts: dict[str, Callable[[], object]] = {
        "add": lambda: rich.add(ArrayImages(pixels, "meanwhile")),
        "remove": lambda: rich.remove([1, 2]),
        "compact": rich.compact,
    }
    watcher = Meanwhile(stage, acts[verb])
    report = rich.verify(watcher)
    assert watcher.done
    assert report.problems == ()
    assert rich.verify().is_whole
