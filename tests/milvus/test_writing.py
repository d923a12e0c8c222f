"""Writing to a real Milvus: as to a folder, and what a kill or a second writer leaves of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from hashlens.collection import Collection
from hashlens.collection.milvus.target import Target
from hashlens.errors import BusyError, ImageError, InputError
from milvus_rows import all_of, store_of
from small_collections import write_photos

pytestmark = pytest.mark.servers


def test_images_are_written_as_in_a_folder(photos: Collection, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "photos", 40)
    shutil.copy(folder / "owl" / "0000.png", folder / "owl" / "copy.png")
    local = Collection.create(tmp_path / "c.hl", photos.model)
    local.add(folder)
    first, revision = store_of(photos).next_id, photos.revision
    with (
        patch("hashlens.collection.adding.BATCH", 8),
        patch("hashlens.collection.adding.CHUNK", 16),
    ):
        report = photos.add(folder)
    assert (report.added, report.skipped) == (41, ())
    found = all_of(photos)
    assert list(found) == list(range(first, first + 41))
    there = {item.path: (item, *rest) for item, *rest in found.values()}
    for item, code, vector in all_of(local).values():
        assert there[item.path][0]._replace(id=item.id, added=item.added) == item
        assert there[item.path][1:] == (code, vector)
    assert photos.revision >= revision + 3
    codes = [tuple(code) for code in photos.sample_codes(1000)]
    assert codes == [tuple(np.frombuffer(code, np.uint8)) for _, code, _ in found.values()]
    assert photos.sample_codes(10).shape == (10, 3)
    assert photos.stats().labels == {"cat": 20, "owl": 21}


def test_codes_that_move_between_items_are_not_lost(photos: Collection, tmp_path: Path) -> None:
    """One changes to what another was, which changes, too: also where batches divide them."""
    folder = write_photos(tmp_path / "photos", 6, ("owl",))
    photos.add(folder)
    before = {Path(item.path).name: rest for item, *rest in all_of(photos).values()}
    files = sorted(folder.rglob("*.png"))
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, contents[1:] + contents[:1], strict=True):
        file.write_bytes(content)
    with (
        patch("hashlens.collection.adding.BATCH", 1),
        patch("hashlens.model.Model.iter_embed", side_effect=AssertionError),
    ):
        assert photos.add(folder).changed == 6
    after = {Path(item.path).name: rest for item, *rest in all_of(photos).values()}
    names = [file.name for file in files]
    for name, was in zip(names, names[1:] + names[:1], strict=True):
        assert after[name] == before[was]


def test_labels_and_metadata_stay_with_an_item_that_is_written_again(
    photos: Collection, tmp_path: Path
) -> None:
    folder = write_photos(tmp_path / "photos", 4, ("owl",))
    photos.add(folder)
    changed, moved, *_ = photos.items()
    said = {"year": 2020, "of": [1, {"x": None}], "text": 'ü"\\\n'}
    photos.update([{"id": changed.id, "label": "cat", **said}, {"id": moved.id, **said}])
    other = write_photos(tmp_path / "other", 9, ("dog",)) / "dog" / "0008.png"
    shutil.copy(other, changed.path)
    (folder / "fox").mkdir()
    Path(moved.path).rename(folder / "fox" / "x.png")
    report = photos.add(folder)
    assert (report.changed, report.moved, report.already) == (1, 1, 2)
    assert photos.item(changed.id)[1:4] == (changed.path, "cat", said)
    assert photos.item(moved.id)[1:4] == (str(folder / "fox" / "x.png"), "fox", said)
    assert photos.item(moved.id).added == moved.added
    assert photos.stats().metadata == {"of": 2, "text": 2, "year": 2}
    assert photos.update([{"id": moved.id, "year": None, "label": None}]).updated == 1
    assert photos.item(moved.id)[2:4] == (None, {k: said[k] for k in ("of", "text")})


def test_what_milvus_cannot_hold_is_skipped_or_refused(photos: Collection, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "photos", 3, ("owl",))
    bad = os.fsdecode(os.fsencode(str(folder)) + b"/\xff.png")
    shutil.copy(folder / "owl" / "0000.png", bad)
    report = photos.add(folder)
    assert report.added == 3
    assert [each.reason for each in report.skipped] == [
        "its path is no valid Unicode, which Milvus cannot hold"
    ]
    with pytest.raises(ImageError, match="no valid Unicode"):
        photos.add(folder, strict=True)
    first, second, _ = (item.id for item in photos.items())
    for values in ({"n": 2**64}, {"label": "x" * 70_000}):
        with pytest.raises(InputError, match=f"item {second} must be one that Milvus can hold"):
            photos.update([{"id": first, "year": 1}, {"id": second, **values}])
    assert photos.item(first).metadata == {}


def test_removal_is_of_all_or_none(photos: Collection, tmp_path: Path) -> None:
    photos.add(write_photos(tmp_path / "photos", 5))
    ids = [item.id for item in photos.items()]
    for wrong in (ids[-1] + 1, 2**63 - 1):
        with pytest.raises(InputError, match=rf"item id must be .*\. Got {wrong}"):
            photos.remove([*ids, wrong])
    assert len(all_of(photos)) == 5
    assert photos.remove(ids[:2]) == 2
    assert list(all_of(photos)) == ids[2:]
    photos.add(tmp_path / "photos")
    assert min(set(all_of(photos)) - set(ids[2:])) > max(ids)  # an id is never given again


def test_a_removal_reaches_what_was_just_added_also_where_reads_are_bounded(
    photos: Collection, tmp_path: Path
) -> None:
    bounded = Collection.open(f"{photos.place}?consistency=bounded")
    assert photos.add(write_photos(tmp_path / "photos", 3)).added == 3
    assert bounded.remove(where="id >= 0") == 3
    assert len(photos) == len(bounded) == 0


def test_what_is_gone_below_a_folder_is_pruned(photos: Collection, tmp_path: Path) -> None:
    for name in ("a", "a0", "b"):
        photos.add(write_photos(tmp_path / name, 2, ("owl",)))
    for gone in tmp_path.glob("*/owl/0001.png"):
        gone.unlink()
    assert photos.add(tmp_path / "a", prune=True).pruned == 1
    left = [str(Path(item.path).relative_to(tmp_path)) for item in photos.items()]
    every = [f"{name}/owl/000{i}.png" for name in ("a", "a0", "b") for i in (0, 1)]
    assert left == [path for path in every if path != "a/owl/0001.png"]


WRITER = """
import sys, time
from hashlens.collection.milvus.store import MilvusStore
with MilvusStore.open(sys.argv[1]).receiving():
    print("holding", flush=True)
    time.sleep(60)
"""


def test_a_second_process_waits_until_the_first_is_dead(photos: Collection, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "photos", 3)
    command = [sys.executable, "-c", WRITER, photos.place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "holding\n"
        for change in (
            lambda: photos.add(folder),
            lambda: photos.remove(where="id >= 0"),
            lambda: photos.update([{"id": 1, "label": "x"}]),
        ):
            with pytest.raises(BusyError, match=f"Got a writer already: process {other.pid}"):
                change()
        other.kill()
    assert photos.add(folder).added == 3


@pytest.mark.parametrize("where", ["write_features", "write_items", "commit"])
def test_an_add_that_was_interrupted_goes_on(
    photos: Collection, tmp_path: Path, where: str
) -> None:
    folder = write_photos(tmp_path / "photos", 12)
    real = getattr(Target, where)
    times = []

    def stopped(self: Any, *given: Any, **named: Any) -> None:
        times.append(1)
        if len(times) == 3:
            raise KeyboardInterrupt
        real(self, *given, **named)

    revision = photos.revision
    with (
        patch("hashlens.collection.adding.BATCH", 4),
        patch("hashlens.collection.incoming._ENCODED_AT_ONCE", 4),
        patch.object(Target, where, stopped),
        pytest.raises(KeyboardInterrupt),
    ):
        photos.add(folder)
    done = len(photos)
    assert 0 < done <= 12
    report = photos.add(folder)
    assert (report.added, report.already) == (12 - done, done)
    assert len({item.path for item, *_ in all_of(photos).values()}) == len(photos) == 12
    assert photos.revision > revision
    assert store_of(photos)._meta.numbers("n_items") == [12]
