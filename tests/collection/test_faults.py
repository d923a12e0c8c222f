"""Add, remove and compact, stopped at each step: nothing committed is lost, nothing half shows."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashlens.collection import Collection
from hashlens.data import ArrayImages, BytesImages
from hashlens.errors import HashlensError
from hashlens.model import Model
from whole_collections import FullDisk, Shown, check_whole, copies_of_kills, nothing, shown, steps

Verb = Callable[[Collection], object]
BLOBS = [b"P6 2 1 255 " + bytes(range(6)), b"P6 2 1 255 " + bytes(range(90, 96))]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hashlens.collection.adding.BATCH", 2)
    monkeypatch.setattr("hashlens.collection.incoming._ENCODED_AT_ONCE", 2)
    monkeypatch.setattr("hashlens.collection.folder.compacting.ROWS_AT_ONCE", 3)


@pytest.fixture
def kept(tmp_path: Path, model: Model, make_photos: Callable[..., Path]) -> Collection:
    """Files and arrays; one item of each has been removed, one has changed."""
    pixels = np.random.default_rng(7).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    photos = make_photos(tmp_path / "photos", 4)
    collection = Collection.create(tmp_path / "c.hl", model)
    collection.add(photos)
    collection.add(ArrayImages(pixels, "array"))
    collection.remove([1, 5])
    Image.new("RGB", (8, 8), "red").save(collection.item(2).path)
    collection.add(photos / "owl")
    collection.add(photos / "cat")
    return collection


def adds(collection: Collection) -> object:
    """Two batches; an image takes the place of another of its name."""
    return collection.add(BytesImages([*BLOBS, b"P5 1 1 255 A"], ["array[1]", "a", "b"]))


def removes(collection: Collection) -> object:
    return collection.remove(where="id in (3, 4, 6)")


def compacts(collection: Collection) -> object:
    return collection.compact()


VERBS = pytest.mark.parametrize("verb", [adds, removes, compacts])


def files_of(collection: Collection) -> set[str]:
    """Names of the files with a generation."""
    return {file.name for file in collection.path.glob("*-[0-9].*")}


def opened(folder: Path, model: Model) -> Collection:
    """Open a collection without loading its model again."""
    collection = Collection.open(folder)
    vars(collection)["model"] = model
    return collection


def seen_in(found: dict[int, Shown]) -> list[Shown]:
    return sorted(found.values(), key=str)


@VERBS
def test_killed_at_any_step_it_shows_the_last_commit_and_goes_on(
    kept: Collection, tmp_path: Path, verb: Verb
) -> None:
    codes: dict[str, bytes] = {}
    before = check_whole(kept, codes)
    copies = copies_of_kills(kept, lambda: verb(kept), tmp_path / "kills")
    after = check_whole(kept, codes)
    assert len(copies) > 3
    assert copies[0][1] == before
    assert copies[-1][1] == after
    for folder, seen in copies:
        killed = opened(folder, kept.model)
        assert check_whole(killed, codes) == seen, folder
        with steps(nothing):
            verb(killed)
        assert seen_in(shown(killed)) == seen_in(after)
        assert len(files_of(killed)) == 3


@VERBS
def test_a_disk_that_is_full_at_any_step_leaves_the_last_commit(
    kept: Collection, tmp_path: Path, verb: Verb
) -> None:
    codes: dict[str, bytes] = {}
    before, names = check_whole(kept, codes), files_of(kept)
    n_failed = 0
    for n in range(100):
        folder = tmp_path / f"full-{n}.hl"
        shutil.copytree(kept.path, folder, ignore=shutil.ignore_patterns("*-shm"))
        collection, disk, said = opened(folder, kept.model), FullDisk(n), ""
        try:
            with steps(disk):
                verb(collection)
        except HashlensError as error:
            said = str(error)
        if said:
            n_failed += 1
            assert "No space left" in said or "disk is full" in said
            found = check_whole(collection, codes)
            if verb is not adds:  # which keeps the batches before
                assert (found, files_of(collection)) == (before, names)
            with steps(nothing):
                verb(collection)
            assert shown(collection)
        if not disk.came:
            break
    assert n_failed >= 3
    assert not disk.came
