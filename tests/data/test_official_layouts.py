import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from hashlens.data import load, load_dataset
from hashlens.errors import FormatError, InputError


def jpeg(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path, "JPEG")


def mat(path, n, labels):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(n).integers(0, 256, (32, 32, 3, n)).astype(np.uint8)
    savemat(path, {"X": pixels, "y": np.array(labels, np.uint8)[:, None]})
    return pixels


@pytest.mark.parametrize("place", ["", "svhn"])
def test_svhn(tmp_path, place):
    pixels = mat(tmp_path / place / "train_32x32.mat", 3, [10, 1, 9])
    mat(tmp_path / place / "test_32x32.mat", 1, [10])
    splits = load("svhn", data_dir=tmp_path)
    assert splits.train.labels.tolist() == [0, 1, 9]
    np.testing.assert_array_equal(splits.train.images.read(2), pixels[..., 2])
    assert splits.test.images.name(0) == "test[0]"


def test_damaged_svhn(tmp_path):
    mat(tmp_path / "train_32x32.mat", 2, [1, 11])
    mat(tmp_path / "test_32x32.mat", 1, [1])
    with pytest.raises(FormatError, match=r"train_32x32\.mat: 'y' must be 2 labels"):
        load("svhn", data_dir=tmp_path)
    savemat(tmp_path / "train_32x32.mat", {"y": [[1]]})
    with pytest.raises(FormatError, match=r"train_32x32\.mat: 'X' must be uint8"):
        load("svhn", data_dir=tmp_path)
    mat(tmp_path / "train_32x32.mat", 2, [1, 2])
    whole = (tmp_path / "train_32x32.mat").read_bytes()
    (tmp_path / "train_32x32.mat").write_bytes(whole[:3000])
    with pytest.raises(FormatError, match=r"train_32x32\.mat: is not a readable MATLAB"):
        load("svhn", data_dir=tmp_path)


@pytest.mark.parametrize("place", ["", "caltech101", "caltech101/caltech-101"])
def test_caltech101_leaves_the_background_out(tmp_path, place):
    root = tmp_path / place / "101_ObjectCategories"
    for name in ("BACKGROUND_Google", "Faces", "accordion"):
        for i in range(1, 11):
            jpeg(root / name / f"image_{i:04d}.jpg")
    whole = load_dataset("caltech101", data_dir=tmp_path)
    assert whole.classes == ("Faces", "accordion")
    assert whole.images.name(10) == "accordion/image_0001.jpg"
    splits = load("caltech101", data_dir=tmp_path, seed=1)
    assert np.bincount(splits.train.labels).tolist() == [7, 7]
    assert np.bincount(splits.test.labels).tolist() == [3, 3]


def test_caltech256_keeps_clutter_and_passes_over_strays(tmp_path):
    root = tmp_path / "256_ObjectCategories"
    for name in ("001.ak47", "056.dog", "257.clutter"):
        jpeg(root / name / f"{name[:3]}_0001.jpg")
    jpeg(root / "056.dog" / "greg" / "stray.jpg")
    (root / "056.dog" / "RENAME2").write_text("#!/bin/sh")
    whole = load_dataset("caltech256", data_dir=tmp_path)
    assert whole.classes == ("ak47", "dog", "clutter")
    assert whole.labels.tolist() == [0, 1, 2]


def test_empty_caltech(tmp_path):
    (tmp_path / "256_ObjectCategories").mkdir()
    with pytest.raises(InputError, match=r"Looked for class/\*\.jpg"):
        load("caltech256", data_dir=tmp_path)


N = 60


@pytest.fixture
def nus(tmp_path):
    """NUS-WIDE of 60 images and 23 labels: label k is on the images whose number is below 2k."""
    root = tmp_path / "nuswide"
    for folder in ("ImageList", "Groundtruth/AllLabels", "Groundtruth/TrainTestLabels"):
        (root / folder).mkdir(parents=True)
    names = [f"actor\\{i:04d}_77.jpg" for i in range(N)]
    parts = {"": range(N), "Train": range(0, N, 2), "Test": range(1, N, 2)}
    for part, rows in parts.items():
        text = "".join(f"{names[i]} \r\n" for i in rows)
        (root / "ImageList" / f"{part}Imagelist.txt").write_text(text)
    for k in range(23):
        column = [int(i < 2 * k) for i in range(N)]
        for part, rows in parts.items():
            folder = "TrainTestLabels" if part else "AllLabels"
            suffix = f"_{part}" if part else ""
            text = "".join(f"{column[i]}\n" for i in rows)
            (root / "Groundtruth" / folder / f"Labels_l{k:02d}{suffix}.txt").write_text(text)
    for name in names:
        jpeg(root / "Flickr" / name.replace("\\", "/"))
    return root


def test_nuswide_keeps_the_21_most_frequent_labels(nus):
    splits = load("nuswide", data_dir=nus.parent)
    assert splits.train.classes == tuple(f"l{k:02d}" for k in range(2, 23))
    # Images 44 to 59 have no label and are dropped.
    assert len(splits.train) == len(splits.test) == 22
    assert splits.train.is_multi_label
    assert splits.train.labels[1].tolist() == [2 * k > 2 for k in range(2, 23)]
    assert splits.test.images.name(0) == "actor/0001_77.jpg"
    assert splits.test.images.read(0).shape == (8, 8, 3)


def test_nuswide_that_contradicts_itself(nus):
    path = nus / "Groundtruth" / "TrainTestLabels" / "Labels_l05_Train.txt"
    path.write_text("0\n" * 30)
    with pytest.raises(FormatError, match=r"Labels_l05_Train\.txt: must agree"):
        load("nuswide", data_dir=nus.parent)
    path.unlink()
    column = nus / "Groundtruth" / "AllLabels" / "Labels_l05.txt"
    column.write_text("0\n" * 59)
    with pytest.raises(FormatError, match=r"Labels_l05\.txt: .* each of 60 images. Got 59"):
        load("nuswide", data_dir=nus.parent)
    column.write_text("1\n" * 60)
    (nus / "ImageList" / "TestImagelist.txt").write_text("actor\\none.jpg\n")
    with pytest.raises(FormatError, match=r"TestImagelist\.txt, row 1: must be in Imagelist"):
        load("nuswide", data_dir=nus.parent)


def test_nuswide_cannot_be_downloaded(tmp_path):
    with pytest.raises(InputError, match="no public source"):
        load("nuswide", data_dir=tmp_path)
    with pytest.raises(InputError, match="no public source"):
        load("nuswide", data_dir=tmp_path, download=True)


def test_digits_are_balanced_and_fixed():
    splits = load("digits", seed=5)
    assert (len(splits.train), len(splits.test)) == (1297, 500)
    assert splits.test.checksum == load("digits").test.checksum
    pixels = splits.train.images.pixels
    assert (pixels.min(), pixels.max()) == (0, 255)
    share = np.bincount(splits.test.labels) / 500
    assert np.abs(share - 0.1).max() < 0.005
    names = {d.images.name(i) for d in (splits.train, splits.test) for i in range(len(d))}
    assert len(names) == 1797
