"""Images that have no file of their own are kept, and shown as they came."""

import io
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashlens.collection import Collection
from hashlens.collection.folder.sealing import add_functions
from hashlens.data import ArrayImages, BytesImages, EncodedImages
from hashlens.errors import FormatError, ImageError
from hashlens.model import Model
from whole_collections import check_whole

RED, BLUE = (b"P6 1 1 255 " + bytes(colour) for colour in ([200, 9, 9], [9, 9, 200]))


@pytest.fixture
def empty(tmp_path: Path, model: Model) -> Collection:
    return Collection.create(tmp_path / "empty.hl", model)


def test_bytes_are_kept_as_they_came(empty: Collection) -> None:
    report = empty.add(BytesImages([RED, BLUE], ["red", "blue"]))
    assert report.added == 2
    assert [empty.picture(1), empty.picture(2)] == [RED, BLUE]
    assert [item.path for item in empty.items()] == ["red", "blue"]
    assert empty.stats().n_pictures == 2
    assert (empty.path / "pictures-1.bin").read_bytes() == RED + BLUE


@pytest.mark.parametrize("n_channels", [1, 3])
def test_arrays_are_kept_as_png(empty: Collection, n_channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 7, n_channels), dtype=np.uint8)
    empty.add(ArrayImages(pixels, "array"))
    for i in range(2):
        picture = empty.picture(i + 1)
        assert isinstance(picture, bytes)
        with Image.open(io.BytesIO(picture)) as image:
            assert image.format == "PNG"
            assert (np.asarray(image).reshape(pixels[i].shape) == pixels[i]).all()


def test_files_are_not_copied(made: Collection, photos: Path) -> None:
    assert made.picture(1) == photos / "cat" / "0001.png"
    assert made.stats().n_pictures == 0
    assert not list(made.path.glob("pictures*"))


def test_a_file_that_is_gone_is_named(made: Collection, photos: Path) -> None:
    file = photos / "cat" / "0001.png"
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(ImageError, match=r"0001\.png: is gone"):
        made.picture(1)
    made.add(BytesImages([content], ["saved"]))
    assert made.picture(1) == made.picture(31) == content


def test_one_content_is_kept_once(empty: Collection) -> None:
    empty.add(BytesImages([RED, RED], ["a", "b"]))
    empty.add(BytesImages([RED], ["c"]))
    assert (empty.path / "pictures-1.bin").read_bytes() == RED
    assert [empty.picture(i) for i in (1, 2, 3)] == [RED] * 3


def test_other_bytes_under_a_name_are_a_changed_image(empty: Collection) -> None:
    empty.add(BytesImages([RED], ["a"]))
    report = empty.add(BytesImages([BLUE], ["a"]))
    assert (report.added, report.changed, len(empty)) == (0, 1, 1)
    assert empty.picture(1) == BLUE
    assert empty.search(BLUE, 1).ids == [1]
    assert empty.compact().n_rows_dropped == 1
    assert (empty.path / "pictures-2.bin").read_bytes() == BLUE
    assert empty.picture(1) == BLUE
    assert empty.add(BytesImages([BLUE], ["a"])).already == 1


def test_a_name_that_is_a_path_is_no_file(made: Collection, photos: Path) -> None:
    file = photos / "cat" / "0001.png"
    secret = photos / "secret.txt"
    secret.write_text("not an image, and not to be shown")
    report = made.add(BytesImages([RED, BLUE], [str(file), str(secret)]))
    assert (report.added, report.changed) == (2, 0)
    assert made.picture(1) == file
    assert [made.picture(31), made.picture(32)] == [RED, BLUE]
    assert made.add(file).already == 1
    assert made.add(photos, prune=True).pruned == 0


def test_bytes_beside_files(empty: Collection, made: Collection, photos: Path) -> None:
    file = photos / "cat" / "0001.png"
    images = EncodedImages([file, RED], ["a", "b"])
    assert empty.add(images).added == 2
    assert [empty.picture(1), empty.picture(2)] == [file, RED]
    made.add(BytesImages([file.read_bytes()], ["copy"]))
    assert made.stats().n_rows == 30
    assert made.picture(31) == file.read_bytes()


def test_nothing_is_kept_where_nobody_wants_it(tmp_path: Path, model: Model) -> None:
    collection = Collection.create(tmp_path / "c.hl", model, keep_pictures=False)
    collection.add(BytesImages([RED], ["a"]))
    assert not (collection.path / "pictures-1.bin").exists()
    with pytest.raises(ImageError, match="a: has no file, and no copy of it is kept"):
        collection.picture(1)


@pytest.mark.parametrize("damage", ["changed", "cut", "missing"])
def test_a_damaged_picture_is_named(empty: Collection, damage: str) -> None:
    empty.add(BytesImages([RED], ["a"]))
    file = empty.path / "pictures-1.bin"
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(RED[:-1] if damage == "cut" else RED[:-1] + b"x")
    with pytest.raises(FormatError, match=r"pictures-1\.bin must be"):
        empty.picture(1)
    if damage == "changed":
        return
    with pytest.raises(FormatError, match=r"pictures-1\.bin must hold 14 bytes. Got only"):
        empty.add(BytesImages([BLUE], ["b"]))
    with pytest.raises(FormatError, match=r"pictures-1\.bin must hold 14 bytes. Got only"):
        Collection.open(empty.path)


def test_what_is_added_again_is_kept_if_it_was_not(empty: Collection) -> None:
    empty.add(BytesImages([RED], ["a"]))
    with closing(sqlite3.connect(empty.path / "catalogue.db", isolation_level=None)) as db:
        add_functions(db)
        db.execute("DELETE FROM pictures")
    report = empty.add(BytesImages([RED], ["a"]))
    assert (report.added, report.already) == (0, 1)
    assert empty.picture(1) == RED
    check_whole(empty, {})
