"""Copies from a folder to a real Milvus and back, and codes that go into it: nothing is lost."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from copied_collections import (
    BLOB,
    check_same,
    ids_of,
    rich_collection,
    stored,
)
from hashlens.collection import Collection
from hashlens.data import BytesImages
from hashlens.encoding import EncodeJob, EncodeSettings, encode_local, plan_shards
from hashlens.errors import BusyError, HashlensError, InputError
from hashlens.model import Model
from hashlens.watcher import Watcher
from small_collections import small_model, write_photos
from whole_collections import Stop

pytestmark = pytest.mark.servers

KILLED = """
import os, signal, sys
from unittest.mock import patch
from hashlens.collection import Collection
from hashlens.watcher import Watcher

class Kill(Watcher):
    def stage(self, name, total=None):
        self.name = name
    def advance(self, done, total, note=""):
        if self.name.startswith("copying") and done >= 8:
            os.kill(os.getpid(), signal.SIGKILL)

with patch("hashlens.collection.copying.BATCH", 4):
    Collection.open(sys.argv[1]).copy_to(sys.argv[2], watcher=Kill())
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return rich_collection(tmp_path_factory.mktemp("original"), odd_paths=False)


@pytest.fixture
def rich(original: Collection, tmp_path: Path) -> Collection:
    shutil.copytree(original.path, tmp_path / "rich.hl")
    return Collection.open(tmp_path / "rich.hl")


@pytest.fixture(scope="module")
def place(milvus: str) -> str:
    """Where the tests of this file copy to, since it takes its time to make a collection."""
    return f"{milvus}/copied"


@pytest.fixture
def url(place: str) -> str:
    """Nothing yet, or an empty collection."""
    if Collection.exists(place):
        Collection.open(place).remove(where="id > 0")
    return place


def test_there_and_back_everything_is_the_same(
    rich: Collection,
    url: str,
    fresh: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hashlens.collection.copying.BATCH", 5)
    monkeypatch.setattr("hashlens.collection.copying.PICTURE_BYTES", 1)
    again, back = fresh(), tmp_path / "back.hl"
    report = rich.copy_to(url)
    assert (report.written, report.n_items, report.n_pictures) == (14, 14, 4)
    there = check_same(rich, url)
    assert there.copy_to(back).written == 14
    check_same(rich, back)
    assert there.copy_to(again).written == 14  # from Milvus to Milvus
    check_same(rich, again)
    assert rich.copy_to(url).already == there.copy_to(back).already == 14
    new = BytesImages([b"P5 1 1 255 Z"], ["new"])
    for copied in there, Collection.open(back):
        copied.add(new)
        assert ids_of(copied)[-1] == rich._store.next_id


def test_a_copy_is_brought_up_to_date(rich: Collection, url: str, tmp_path: Path) -> None:
    rich.copy_to(url)
    swapped = [rich.item(i).path for i in (1, 5)]
    rich.remove([2, *(item.id for item in rich.items() if item.path == "a")])
    rich.update([{"id": 3, "n": 1.0, "label": None}, {"id": 6, "n": {"deep": [1, None]}}])
    rich.add(BytesImages([b"P6 2 1 255 abcdef"], ["new"]))
    there = Collection.open(url)
    with pytest.raises(InputError, match="2 other items, such as 2"):
        rich.copy_to(url)
    assert len(there) == 14
    report = rich.copy_to(url, prune=True)
    assert (report.written, report.changed, report.already, report.pruned) == (1, 2, 10, 2)
    check_same(rich, url)
    there.update([{"id": 3, "label": "there"}])
    there.remove([5])
    back = tmp_path / "rich.hl"
    assert there.copy_to(back, prune=True).pruned == 1
    check_same(there, back)
    assert [rich.item(1).path, rich.item(3).label] == [swapped[0], "there"]


def test_what_the_copy_changed_is_put_right(rich: Collection, url: str) -> None:
    """Code, features, path: also those of two items that have swapped their paths."""
    rich.copy_to(url)
    one, other = (rich.item(i) for i in (1, 8))
    store = Collection.open(url)._store
    with store.receiving() as receiver:
        for records in store.records():
            assert records.vectors is not None
            items = [
                item._replace(path={1: other.path, 8: one.path}.get(item.id, item.path))
                for item in records.items
            ]
            codes, vectors = records.codes.copy(), records.vectors.copy()
            codes[2] ^= 1
            vectors[3] = vectors[3][::-1]
            receiver.put(type(records)(items, codes, vectors), [])
    assert rich.copy_to(url).changed == 4
    check_same(rich, url)


def test_interrupted_and_killed_a_copy_goes_on(
    rich: Collection, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [sys.executable, "-c", KILLED, str(rich.path), url]
    assert subprocess.run(words, check=False, timeout=60).returncode == -9
    there = Collection.open(url)
    assert len(there) == 8  # and the right to write of the dead counts no more
    monkeypatch.setattr("hashlens.collection.copying.BATCH", 2)
    with pytest.raises(KeyboardInterrupt):
        rich.copy_to(url, watcher=_StopCopying(10))
    assert len(there) == 10
    assert rich.copy_to(url).written == 4
    check_same(rich, url)


class _StopCopying(Stop):
    is_there = False

    def stage(self, name: str, total: int | None = None) -> None:
        del total
        self.is_there = name.startswith("copying")

    def advance(self, done: int, total: int, note: str = "") -> None:
        if self.is_there:
            super().advance(done, total, note)


def test_what_is_no_copy_is_refused(rich: Collection, url: str, tmp_path: Path) -> None:
    rich.copy_to(url)
    for seed, settings, message in (
        (1, {}, "another model"),
        (0, {"store_features": False}, "with features"),
        (0, {"keep_pictures": False}, "that keeps pictures"),
    ):
        place = tmp_path / f"{message}.hl"
        other = Collection.create(place, small_model(24, seed), **settings)
        with pytest.raises(InputError, match=f"a collection {message}"):
            other.copy_to(url, prune=True)
    there = Collection.open(url)
    with pytest.raises(InputError, match="another place than the collection itself"):
        there.copy_to(url)
    with there._store.receiving(), pytest.raises(BusyError):
        rich.copy_to(url)
    check_same(rich, url)


def test_what_milvus_cannot_hold_is_named(tmp_path: Path, url: str) -> None:
    odd = rich_collection(tmp_path)
    with pytest.raises(InputError, match=r"one that Milvus can hold. Got .*no valid Unicode"):
        odd.copy_to(url)


def test_a_source_on_milvus_that_changes_meanwhile_is_told(
    rich: Collection, url: str, tmp_path: Path
) -> None:
    rich.copy_to(url)
    source = Collection.open(url)

    class Meanwhile(Watcher):
        def stage(self, name: str, total: int | None = None) -> None:
            del total
            if name == "comparing":
                Collection.open(source.place).update([{"id": 2, "n": 1}])

    with pytest.raises(HashlensError, match=r"stay as it is .* the same command again"):
        source.copy_to(tmp_path / "copy.hl", watcher=Meanwhile())
    assert source.copy_to(tmp_path / "copy.hl").changed == 1
    check_same(source, tmp_path / "copy.hl")


def test_codes_go_to_milvus_as_to_a_folder(fresh: Callable[[], str], tmp_path: Path) -> None:
    saved = tmp_path / "model"
    small_model(24).save(saved)
    photos = write_photos(tmp_path / "photos", 20)
    (photos / "a.ppm").write_bytes(BLOB)
    shards = plan_shards(photos, shard_size=6)
    encode_local(EncodeJob(saved, shards, tmp_path / "codes", EncodeSettings(workers=0)))
    places = [fresh(), str(tmp_path / "c.hl")]
    there, here = (Collection.create(place, Model.load(saved)) for place in places)
    assert there.add_codes(tmp_path / "codes").added == 21
    here.add(photos)
    found, wanted = (
        {i: (*said[:6], *said[7:]) for i, said in stored(c).items()} for c in (there, here)
    )
    assert found == wanted
    assert there.add_codes(tmp_path / "codes").already == 21
