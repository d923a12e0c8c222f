"""What becomes of images that are added: once, again, moved, changed, broken."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashlens.collection import Collection
from hashlens.data import ArrayImages, BytesImages, Dataset
from hashlens.errors import ImageError, InputError
from hashlens.model import Embedding, Model
from whole_collections import Counted


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of images that models have encoded since."""
    counts: list[int] = []
    embed = Model.embed_pixels

    def counting(self: Model, pixels: np.ndarray) -> Embedding:
        counts.append(len(pixels))
        return embed(self, pixels)

    monkeypatch.setattr(Model, "embed_pixels", counting)
    return counts


def test_a_folder_becomes_items_with_labels_and_codes(
    tmp_path: Path, photos: Path, model: Model
) -> None:
    collection = Collection.create(tmp_path / "c.hl", model)
    watcher = Counted()
    report = collection.add(photos, watcher=watcher)
    assert (report.added, report.already, report.skipped) == (30, 0, ())
    assert (watcher.done, watcher.total) == (30, 30)
    assert len(collection) == 30
    stats = collection.stats()
    assert stats.labels == {"cat": 15, "owl": 15}
    assert (stats.n_items, stats.n_rows, stats.n_removed, stats.n_bits) == (30, 30, 0, 24)
    paths = sorted(photos.rglob("*.png"), key=lambda p: p.relative_to(photos).parts)
    codes = np.fromfile(tmp_path / "c.hl" / "codes-1.u8", np.uint8).reshape(-1, 3)
    assert (codes == model.encode(paths)).all()
    item = collection.item(1)
    assert (item.path, item.label) == (str(paths[0]), "cat")


def test_adding_again_encodes_nothing(made: Collection, photos: Path, encoded: list[int]) -> None:
    report = Collection.open(made.path).add(photos)
    assert (report.added, report.already) == (0, 30)
    assert encoded == []
    assert len(made) == 30


def test_only_what_is_new_is_encoded(made: Collection, photos: Path, encoded: list[int]) -> None:
    Image.new("RGB", (8, 8), "red").save(photos / "owl" / "new.png")
    report = made.add(photos)
    assert (report.added, report.already) == (1, 30)
    assert encoded == [1]
    assert made.search(photos / "owl" / "new.png", 1).paths[0] == str(photos / "owl" / "new.png")


def test_the_same_bytes_elsewhere_are_an_item_that_shares_the_row(
    made: Collection, photos: Path, encoded: list[int]
) -> None:
    shutil.copy(photos / "owl" / "0000.png", photos / "cat" / "copy.png")
    report = made.add(photos)
    assert (report.added, report.already, encoded) == (1, 30, [])
    stats = made.stats()
    assert (stats.n_items, stats.n_rows) == (31, 30)
    hits = made.search(photos / "cat" / "copy.png", 2, rerank=False)
    assert hits.distances.tolist() == [0, 0]
    assert {Path(path).name for path in hits.paths} == {"0000.png", "copy.png"}
    assert set(hits.labels) == {"owl", "cat"}


def test_copies_within_one_add_are_encoded_once(tmp_path: Path, photos: Path, model: Model) -> None:
    for i in range(5):
        shutil.copy(photos / "owl" / "0000.png", photos / "owl" / f"copy{i}.png")
    collection = Collection.create(tmp_path / "c.hl", model)
    assert collection.add(photos).added == 35
    assert collection.stats().n_rows == 30


def test_a_changed_file_is_encoded_anew_under_its_id(made: Collection, photos: Path) -> None:
    file = photos / "owl" / "0000.png"
    before = made.search(file, 1).ids[0]
    Image.new("RGB", (8, 8), "red").save(file)
    report = made.add(photos)
    assert (report.added, report.changed, report.already) == (0, 1, 29)
    assert len(made) == 30
    hit = next(iter(made.search(np.array(Image.open(file)), 1)))
    assert (hit.id, hit.distance, hit.path) == (before, 0, str(file))


def test_a_label_that_becomes_known_is_kept(tmp_path: Path, photos: Path, model: Model) -> None:
    collection = Collection.create(tmp_path / "c.hl", model)
    collection.add(photos / "owl")
    assert collection.stats().labels == {}
    report = collection.add(photos)
    assert (report.added, report.already) == (15, 15)
    assert collection.stats().labels == {"cat": 15, "owl": 15}
    collection.add(photos / "owl")
    assert collection.stats().labels == {"cat": 15, "owl": 15}


def test_bad_files_are_named_and_skipped(made: Collection, photos: Path) -> None:
    (photos / "owl" / "empty.png").touch()
    (photos / "owl" / "text.jpg").write_text("no image")
    shutil.copy(photos / "owl" / "text.jpg", photos / "cat" / "text.jpg")
    cut = (photos / "owl" / "0000.png").read_bytes()[:60]
    (photos / "cat" / "cut.png").write_bytes(cut)
    report = made.add(photos)
    assert (report.added, report.already) == (0, 30)
    reasons = dict(report.skipped)
    assert set(reasons) == {"owl/empty.png", "owl/text.jpg", "cat/text.jpg", "cat/cut.png"}
    assert reasons["owl/empty.png"] == "is empty"
    assert reasons["cat/text.jpg"] == "is not an image of a known format"
    assert len(made) == made.stats().n_rows == 30


def test_strict_stops_at_a_bad_file(made: Collection, photos: Path) -> None:
    (photos / "owl" / "text.jpg").write_text("no image")
    with pytest.raises(ImageError, match=r"owl/text\.jpg: is not an image"):
        made.add(photos, strict=True)
    assert len(made) == 30


def test_a_file_that_is_gone_is_named(made: Collection, tmp_path: Path) -> None:
    report = made.add([tmp_path / "gone.png"])
    assert [reason for _, reason in report.skipped] == [
        "cannot be read (No such file or directory)"
    ]
    with pytest.raises(ImageError, match=r"gone\.png"):
        made.add([tmp_path / "gone.png"], strict=True)


def test_one_image_several_and_loaded_data_can_be_added(
    tmp_path: Path, photos: Path, model: Model
) -> None:
    collection = Collection.create(tmp_path / "c.hl", model)
    files = sorted(photos.rglob("*.png"))
    assert collection.add(files[0]).added == 1
    assert collection.add(str(files[1])).added == 1
    assert collection.add(files[:3]).added == 1
    pixels = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    marks = np.array([[1, 0], [0, 0], [1, 1], [0, 1]])
    data = Dataset("d", ArrayImages(pixels, "d"), marks, ("wing", "eye"))
    assert collection.add(data).added == 4
    assert collection.add(data).already == 4
    assert collection.stats().labels == {"eye": 1, "wing": 1, "wing|eye": 1}
    assert collection.search(pixels[2], 1).paths[0] == "d[2]"
    blobs = [file.read_bytes() for file in files[3:5]]
    assert collection.add(BytesImages(blobs, ["a", "b"])).added == 2
    assert collection.search(blobs[1], 1).paths[0] == "b"


def test_two_images_of_one_name_are_not_taken_for_one(made: Collection) -> None:
    red, blue = (np.full((8, 8, 3), i, np.uint8) for i in (1, 2))
    images = ArrayImages(np.stack([red, red, blue]), names=["a", "a", "a"])
    report = made.add(images)
    assert (report.added, report.already) == (1, 1)
    assert report.skipped == (("a", "has the name of an image before it"),)


def test_a_name_that_is_no_unicode_is_kept(made: Collection, photos: Path) -> None:
    odd = photos / "owl" / "caf\udce9.png"
    Image.new("RGB", (8, 8), "red").save(odd)
    assert made.add(photos).added == 1
    assert made.search(odd, 1).paths[0] == str(odd)
    assert made.add(photos).already == 31


def test_a_relative_path_is_the_same_item(
    made: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos / "owl")
    assert made.add("..").already == 30
    assert made.add(Path("0000.png")).already == 1


@pytest.mark.parametrize("source", [b"bytes", 3, [b"bytes"], None])
def test_what_has_no_name_cannot_be_added(made: Collection, source: object) -> None:
    with pytest.raises(InputError, match=r"^source must be a path"):
        made.add(source)  # type: ignore[arg-type]


def test_more_than_one_chunk_and_batch(
    tmp_path: Path, photos: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashlens.collection.adding.CHUNK", 7)
    monkeypatch.setattr("hashlens.collection.adding.BATCH", 3)
    monkeypatch.setattr("hashlens.collection.incoming._ENCODED_AT_ONCE", 2)
    shutil.copy(photos / "cat" / "0001.png", photos / "owl" / "copy.png")
    (photos / "cat" / "0003.png").write_bytes(b"")
    collection = Collection.create(tmp_path / "c.hl", model)
    report = collection.add(photos)
    assert (report.added, [name for name, _ in report.skipped]) == (30, ["cat/0003.png"])
    for file in sorted(photos.rglob("*.png")):
        if file.stat().st_size:
            hits = collection.search(file, 3)
            assert hits.distances[0] == 0
            assert str(file) in hits.paths


def test_names_that_differ_only_far_apart_are_not_taken_for_one(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashlens.collection.adding.CHUNK", 2)
    pixels = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    images = ArrayImages(pixels, names=["a", "b", "c", "d", "a"])
    report = Collection.create(tmp_path / "c.hl", model).add(images)
    assert (report.added, report.changed) == (4, 0)
    assert report.skipped == (("a", "has the name of an image before it"),)


def test_the_watcher_is_told_what_was_skipped_so_far(made: Collection, photos: Path) -> None:
    for i in range(3):
        (photos / "owl" / f"bad{i}.jpg").write_text(f"no image, {i}")
    watcher = Counted()
    made.add(photos, watcher=watcher)
    assert (watcher.done, watcher.total) == (33, 33)
    assert re.fullmatch(r"\d+ images/s, 3 skipped", watcher.note_said)
