import numpy as np
import pytest
from PIL import Image

from hashlens.data import ArrayImages, BytesImages, EncodedImages, FileImages
from hashlens.data.dataset import join_images
from hashlens.errors import ImageError, InputError


def ppm(value):
    return b"P5 2 2 255 " + bytes([value] * 4)


@pytest.fixture
def all_kinds(tmp_path):
    (tmp_path / "a").mkdir()
    for i in range(4):
        (tmp_path / "a" / f"{i}.pgm").write_bytes(ppm(i))
    paths = sorted((tmp_path / "a").iterdir())
    pixels = np.repeat(np.arange(4, dtype=np.uint8), 12).reshape(4, 2, 2, 3)
    return [
        (ArrayImages(pixels, "train"), "train[{}]"),
        (FileImages(paths, tmp_path), "a/{}.pgm"),
        (BytesImages([ppm(i) for i in range(4)]), "image[{}]"),
        (EncodedImages([paths[0], ppm(1), paths[2], ppm(3)], list("0123")), "{}"),
    ]


def test_read_name_and_subset(all_kinds):
    for images, name in all_kinds:
        assert len(images) == 4
        picked = images.subset([3, 1]).subset(np.array([1, 0]))
        assert type(picked) is type(images)
        for row, i in enumerate((1, 3)):
            assert picked.name(row) == images.name(i) == name.format(i)
            np.testing.assert_array_equal(picked.read(row), np.full((2, 2, 3), i))
        assert len(images.subset([])) == 0


def test_fingerprint_changes_with_content_order_and_name(all_kinds):
    for images, _ in all_kinds:
        same = images.subset(range(4))
        assert same.fingerprint() == images.fingerprint()
        assert images.subset([1, 0, 2, 3]).fingerprint() != images.fingerprint()
    blobs = [ppm(1)]
    assert BytesImages(blobs, ["a"]).fingerprint() != BytesImages(blobs, ["b"]).fingerprint()
    assert BytesImages(blobs).fingerprint() != BytesImages([ppm(2)]).fingerprint()


def test_fingerprint_of_a_folder_survives_a_move(tmp_path):
    prints = []
    for root in (tmp_path / "x", tmp_path / "y"):
        root.mkdir()
        (root / "1.pgm").write_bytes(ppm(1))
        prints.append(FileImages([root / "1.pgm", root / "gone.jpg"], root).fingerprint())
    assert prints[0] == prints[1]


def test_a_bad_file_is_named_as_the_sequence_names_it(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"")
    with pytest.raises(ImageError, match=r"^x\.jpg: is empty$"):
        FileImages([tmp_path / "x.jpg"], tmp_path).read(0)


def test_join_keeps_names_and_order(all_kinds):
    for images, name in all_kinds:
        both = join_images(images, images.subset([2]))
        assert [both.name(i) for i in range(5)] == [name.format(i) for i in (0, 1, 2, 3, 2)]
        np.testing.assert_array_equal(both.read(4), images.read(2))
    with pytest.raises(InputError, match=r"second must be a ArrayImages\. Got BytesImages"):
        join_images(all_kinds[0][0], all_kinds[2][0])
    small = ArrayImages(np.zeros((1, 1, 1, 3), np.uint8))
    with pytest.raises(InputError, match="second must be images of shape"):
        join_images(all_kinds[0][0], small)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((2, 2, 2, 3)), np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 2, 4), np.uint8)],
)
def test_wrong_pixels_are_refused(pixels):
    with pytest.raises(InputError, match="pixels must be uint8 of shape"):
        ArrayImages(pixels)


@pytest.mark.parametrize("ids", [[4], [-1], [[0]], [0.5], 1, [True]])
def test_wrong_ids_are_refused(all_kinds, ids):
    for images, _ in all_kinds:
        with pytest.raises(InputError, match="ids must be ints from 0 to 3"):
            images.subset(ids)


def test_names_must_fit():
    with pytest.raises(InputError, match="names must be one name for each of 1 images"):
        BytesImages([b"x"], ["a", "b"])
    with pytest.raises(InputError, match="names must be one name"):
        ArrayImages(np.zeros((1, 1, 1, 1), np.uint8), names=[])


def test_files_are_closed_after_reading(tmp_path):
    path = tmp_path / "x.png"
    Image.new("RGB", (4, 4)).save(path)
    images = FileImages([path])
    assert images.paths == [path]
    images.read(0)
    path.unlink()
