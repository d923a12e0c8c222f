"""Collections from shards of codes: what `add` makes of the same images."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from copied_collections import stored
from hashlens.collection import Collection
from hashlens.collection.incoming_codes import IncomingCodes
from hashlens.data import ArrayImages
from hashlens.encoding import EncodeJob, EncodeSettings, encode_local, plan_shards, read_shards
from hashlens.errors import FormatError, ImageError, InputError
from hashlens.model import Model
from whole_collections import Counted, Stop

BITS = 24


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Path:
    folder = tmp_path_factory.mktemp("models") / "m"
    model.save(folder)
    return folder


@pytest.fixture(scope="module")
def shown_photos(
    tmp_path_factory: pytest.TempPathFactory, make_photos: Callable[..., Path]
) -> Path:
    """Pictures of two classes; two are the same, and one is bad."""
    photos = make_photos(tmp_path_factory.mktemp("photos") / "p", 20)
    shutil.copy(photos / "owl" / "0000.png", photos / "cat" / "again.png")
    (photos / "cat" / "bad.png").write_bytes(b"no picture")
    return photos


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory, saved: Path, shown_photos: Path) -> Path:
    return encoded(shown_photos, saved, tmp_path_factory.mktemp("codes") / "codes")


def encoded(source: object, model: Path, out: Path, size: int = 6, **settings: object) -> Path:
    plan = plan_shards(source, shard_size=size)
    encode_local(EncodeJob(model, plan, out, EncodeSettings(workers=0, **settings)))
    return out


def untimed(collection: Collection) -> dict[int, tuple[object, ...]]:
    """Read all there is but the time at which it was added."""
    return {i: (*said[:6], *said[7:]) for i, said in stored(collection).items()}


@pytest.fixture
def empty(tmp_path: Path, saved: Path) -> Collection:
    return Collection.create(tmp_path / "c.hl", Model.load(saved))


def test_codes_become_what_add_makes_of_the_images(
    empty: Collection, saved: Path, codes: Path, shown_photos: Path, tmp_path: Path
) -> None:
    """Bit for bit, and under the same ids."""
    added = Collection.create(tmp_path / "added.hl", Model.load(saved))
    wanted = added.add(shown_photos)
    watcher = Counted()
    report = empty.add_codes(codes, watcher=watcher)
    assert (report.added, report.n_images) == (wanted.added, wanted.n_images) == (21, 22)
    assert [bad.reason for bad in report.skipped] == [bad.reason for bad in wanted.skipped]
    assert report.skipped[0].name == str(shown_photos / wanted.skipped[0].name)
    assert watcher.done == watcher.total == 22
    assert untimed(empty) == untimed(added)
    assert empty.stats().n_rows == 20
    assert empty.stats().labels == added.stats().labels
    assert empty.verify().problems == ()
    hits, others = (c.search_many([1, 5], k=4, rerank=True) for c in (empty, added))
    for hit, other in zip(hits, others, strict=True):
        assert hit.ids.tolist() == other.ids.tolist()
        assert np.array_equal(hit.similarities, other.similarities)
    assert empty.add_codes(codes).already == 21
    assert empty.add(shown_photos).already == 21


def test_what_is_not_a_file_keeps_no_picture(
    empty: Collection, saved: Path, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    out = encoded(ArrayImages(pixels, "array"), saved, tmp_path / "codes")
    assert empty.add_codes(out).added == 3
    with pytest.raises(ImageError, match="no copy of it is kept"):
        empty.picture(1)
    assert empty.add(ArrayImages(pixels, "array")).already == 3  # now that they are at hand
    assert isinstance(empty.picture(1), bytes)


def test_changed_and_moved_files_keep_their_ids(
    empty: Collection, saved: Path, make_photos: Callable[..., Path], tmp_path: Path
) -> None:
    photos = make_photos(tmp_path / "photos", 4)
    empty.add_codes(encoded(photos, saved, tmp_path / "before"))
    first, second = (Path(empty.item(i).path) for i in (1, 2))
    first.rename(photos / "moved.png")
    Image.new("RGB", (8, 8), "red").save(second)
    report = empty.add_codes(encoded(photos, saved, tmp_path / "after"))
    assert (report.moved, report.changed, report.already, report.added) == (1, 1, 2, 0)
    assert empty.item(1).path == str(photos / "moved.png")
    again = Collection.create(tmp_path / "again.hl", Model.load(saved))
    again.add(photos)
    wanted = {said[1]: said[-2:] for said in untimed(again).values()}
    assert {said[1]: said[-2:] for said in untimed(empty).values()} == wanted


def test_an_interruption_goes_on(
    empty: Collection, codes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashlens.collection.adding.CHUNK", 8)
    with pytest.raises(KeyboardInterrupt):
        empty.add_codes(codes, watcher=Stop(9))
    assert 0 < len(empty) < 21
    n_there = len(empty)
    report = empty.add_codes(codes)
    assert (report.already, report.added) == (n_there, 21 - n_there)


def test_a_strict_run_stops_at_what_was_bad(empty: Collection, codes: Path) -> None:
    with pytest.raises(ImageError, match=r"bad\.png"):
        empty.add_codes(codes, strict=True)


def test_metadata_are_written_too(empty: Collection, codes: Path, shown_photos: Path) -> None:
    table = shown_photos / "table.csv"
    table.write_text("path,year\nowl/0000.png,2020\n")
    empty.add_codes(codes, metadata=table)
    assert [item.path for item in empty.items("year = 2020")] == [
        str(shown_photos / "owl" / "0000.png")
    ]
    table.unlink()


def test_codes_without_features(
    empty: Collection, saved: Path, shown_photos: Path, codes: Path, tmp_path: Path
) -> None:
    out = encoded(shown_photos, saved, tmp_path / "codes", features=False)
    with pytest.raises(InputError, match="with features, as the collection stores them"):
        empty.add_codes(out)
    bare = Collection.create(tmp_path / "bare.hl", Model.load(saved), store_features=False)
    assert bare.add_codes(out).added == 21
    assert bare.add_codes(codes).already == 21  # features that nobody wants are left
    assert bare.verify().problems == ()


def test_codes_of_another_model_are_refused(
    empty: Collection, make_model: Callable[..., Model], shown_photos: Path, tmp_path: Path
) -> None:
    for model, message in (
        (make_model(BITS, 1), "made by the model of the collection"),
        (make_model(16), "of 24 bits. Got .* with 16 bits"),
    ):
        folder = tmp_path / f"m{model.n_bits}"
        model.save(folder)
        out = encoded(shown_photos, folder, tmp_path / f"c{model.n_bits}")
        with pytest.raises(InputError, match=message):
            empty.add_codes(out)
    assert len(empty) == empty.revision == 0


def test_codes_of_a_shorter_length(model: Model, shown_photos: Path, tmp_path: Path) -> None:
    """The shards name the model in its full length, and the collection has the shortened one."""
    folder = tmp_path / "long"
    replace(model, lengths=(8, 16, BITS)).save(folder)
    out = encoded(shown_photos, folder, tmp_path / "codes", n_bits=16)
    short = Model.load(folder).shortened(16)
    collection = Collection.create(tmp_path / "short.hl", short)
    added = Collection.create(tmp_path / "added.hl", short)
    collection.add_codes(out)
    added.add(shown_photos)
    assert untimed(collection) == untimed(added)


def test_damage_is_named_and_what_was_added_stays(
    empty: Collection, codes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashlens.collection.adding.CHUNK", 6)
    out = shutil.copytree(codes, tmp_path / "codes")
    shard = sorted(out.iterdir())[2]
    content = bytearray(shard.read_bytes())
    content[60] ^= 1
    shard.write_bytes(content)
    with pytest.raises(FormatError, match=shard.name):
        empty.add_codes(out)
    assert 0 < len(empty) <= 12
    assert empty.verify().problems == ()
    shard.unlink()
    with pytest.raises(FormatError, match=shard.name):
        empty.add_codes(out)
    with pytest.raises(InputError, match="folder"):
        empty.add_codes(tmp_path / "nowhere")


def test_names_and_pictures_of_codes(codes: Path) -> None:
    incoming = IncomingCodes(read_shards(codes), features=True)
    assert (incoming.title, len(incoming)) == ("codes", 22)
    names = [incoming.name(i) for i in range(22)]
    assert len(set(names)) == 22
    assert sum(name.endswith("bad.png") for name in names) == 1
    with pytest.raises(ImageError, match="as a code only"):
        incoming.picture(0)
