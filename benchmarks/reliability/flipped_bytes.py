"""One flipped bit anywhere in a collection: `hashlens check` finds it, and names the file.

    python -m benchmarks.reliability.flipped_bytes [--quick] [--seed 0] [--n 300]

Bits at random places of every file, one at a time. The pages of a database have free space, which
nobody reads: a flip there changes nothing. Each flip of the catalogue that is not found is shown
to be one of those: everything that SQLite reads of the file is compared with what it was.
"""

import argparse
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
from benchmarks.reliability._script import Tables, run_script, small_model
from PIL import Image

from hashlens.collection import Collection
from hashlens.collection.folder.catalogue import Catalogue
from hashlens.collection.folder.verifying import verify
from hashlens.data import ArrayImages

CATALOGUE = "catalogue.db"
JOURNAL = f"{CATALOGUE}-wal"


def make(folder: Path, n: int) -> Collection:
    """A collection of n items: files and kept pictures, with metadata, some removed."""
    rng = np.random.default_rng(n)
    pixels = rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    photos = Collection.create(folder / "photos.hl", small_model())
    for i in range(n // 2):
        Image.fromarray(pixels[i]).save(folder / f"{i:05d}.png")
    photos.add([folder / f"{i:05d}.png" for i in range(n // 2)])
    photos.add(ArrayImages(pixels[n // 2 :], "kept"))
    photos.update([{"id": i, "date": f"2024-01-{i % 28:02d}"} for i in range(1, n, 2)])
    photos.remove(list(range(3, n, 7)))
    return photos


def content(folder: Path) -> list[str] | None:
    """All that can be read of the catalogue; None if it cannot."""
    uri = f"file:{folder / CATALOGUE}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as db:
            pragmas = [db.execute(f"PRAGMA {name}").fetchall() for name in ("user_version",)]
            return [*db.iterdump(), str(pragmas)]
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return None


def flip(file: Path, at: int, bit: int) -> None:
    with file.open("r+b") as damaged:
        damaged.seek(at)
        byte = damaged.read(1)[0]
        damaged.seek(at)
        damaged.write(bytes([byte ^ 1 << bit]))


def play_file(
    folder: Path, name: str, n: int, rng: np.random.Generator, restore: Callable[[], None]
) -> Counter[str]:
    """Flip n bits of a file, one at a time; count what became of each."""
    found: Counter[str] = Counter()
    restore()
    wanted, size = content(folder), (folder / name).stat().st_size
    in_database = name in (CATALOGUE, JOURNAL)
    named = CATALOGUE if in_database else name
    for at in rng.integers(0, size, n):
        restore()
        flip(folder / name, int(at), int(rng.integers(8)))
        files = {problem.file for problem in verify(folder).problems}
        if named in files:
            found["found and named"] += 1
        elif files:
            found["found, another file named"] += 1
        elif in_database and content(folder) == wanted:
            found["in free space"] += 1
        else:
            found["missed"] += 1
    return found


def killed(photos: Collection, folder: Path) -> None:
    """Copy the collection as a kill leaves it: the last commits are in the journal alone."""
    with Catalogue(photos.path).reading() as db:
        db.execute("SELECT * FROM items").fetchone()  # holds the journal back
        photos.remove(list(range(1, 40, 7)))
        photos.update([{"id": 2, "date": "never"}])
        shutil.copytree(photos.path, folder)
    (folder / f"{CATALOGUE}-shm").unlink()


def play(arguments: argparse.Namespace, failures: list[str]) -> Tables:
    rng = np.random.default_rng(arguments.seed)
    n = 12 if arguments.quick else int(arguments.n)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        photos = make(Path(scratch), 60 if arguments.quick else 600)
        sound, copy = photos.path, Path(scratch) / "copy.hl"
        names = [path.relative_to(sound).as_posix() for path in sorted(sound.rglob("*"))]
        names = [name for name in names if (sound / name).is_file() and name != "writer.lock"]
        killed(photos, Path(scratch) / "killed.hl")
        for name in [*names, JOURNAL]:
            whole = sound if name != JOURNAL else Path(scratch) / "killed.hl"

            def restore(whole: Path = whole) -> None:
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(whole, copy)

            times = 4 if name == CATALOGUE else 1
            found = play_file(copy, name, times * n, rng, restore)
            row = {"file": name, "bytes": (whole / name).stat().st_size, "flips": times * n}
            keys = ("found and named", "in free space", "missed", "found, another file named")
            rows.append(row | {key: found[key] for key in keys})
            bad = found["missed"] + found["found, another file named"]
            failures += [f"{name}: {bad} flips missed or misnamed"] if bad else []
            if not found["found and named"]:
                failures.append(f"{name}: no flip was found")
    summary = {
        key: sum(row[key] for row in rows) for key in rows[0] if key not in ("file", "bytes")
    }
    return {"summary": [summary | {"failures": len(failures)}], "files": rows}


if __name__ == "__main__":
    run_script("flipped-bytes", __doc__.splitlines()[0], play, {"n": 300})
