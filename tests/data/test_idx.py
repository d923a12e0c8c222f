import gzip
import struct

import numpy as np
import pytest

from hashlens.data import load
from hashlens.errors import FormatError, InputError

TRAIN, TEST = "train", "t10k"


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def write(folder, zipped=False, test_labels=(3, 1)):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    arrays = {}
    for split, labels in ((TRAIN, (5, 0, 9)), (TEST, test_labels)):
        images = rng.integers(0, 256, (len(labels), 28, 28)).astype(np.uint8)
        arrays[split] = images
        for kind, array in (("images-idx3", images), ("labels-idx1", np.array(labels, np.uint8))):
            path = folder / f"{split}-{kind}-ubyte{'.gz' * zipped}"
            path.write_bytes(gzip.compress(idx(array)) if zipped else idx(array))
    return arrays


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("mnist", ""),
        ("mnist", "mnist"),
        ("mnist", "MNIST/raw"),
        ("fashion-mnist", ""),
        ("fashion-mnist", "fashion-mnist"),
        ("fashion-mnist", "FashionMNIST/raw"),
    ],
)
def test_every_place_and_wrapper(tmp_path, zipped, name, place):
    arrays = write(tmp_path / place, zipped)
    splits = load(name, data_dir=tmp_path)
    np.testing.assert_array_equal(splits.train.images.pixels[..., 0], arrays[TRAIN])
    np.testing.assert_array_equal(splits.test.images.pixels[..., 0], arrays[TEST])
    assert splits.train.labels.tolist() == [5, 0, 9]
    assert splits.test.labels.dtype == np.int64
    assert splits.train.images.name(2) == "train[2]"
    assert splits.train.classes[9] == ("9" if name == "mnist" else "Ankle boot")


def damaged(folder, name, change):
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b[:-1], "must hold 2352 bytes for shape"),
        (lambda b: b + b"x", r"must hold 2352 bytes .* Got more"),
        (lambda b: b"\0\0\x0d\x03" + b[4:], "must be an idx file of unsigned bytes with 3 axes"),
        (lambda b: b[:9], "must be an idx file"),
        (lambda _: b"", "must be an idx file"),
        (lambda b: b[:4] + b"\xff" * 12 + b[16:], "must hold"),
        (lambda b: gzip.compress(b)[:-20], "damaged or truncated"),
        (lambda b: gzip.compress(b)[:20] + b"\xff" * 40, "damaged or truncated"),
    ],
)
def test_damaged_files_are_named(tmp_path, change, message):
    write(tmp_path)
    damaged(tmp_path, "train-images-idx3-ubyte", change)
    with pytest.raises(FormatError, match=r"train-images-idx3-ubyte: .*" + message):
        load("mnist", data_dir=tmp_path)


def test_counts_and_labels_are_checked(tmp_path):
    write(tmp_path)
    damaged(tmp_path, "t10k-labels-idx1-ubyte", lambda _: idx(np.zeros(3, np.uint8)))
    with pytest.raises(FormatError, match="must hold 2 labels, one an image. Got 3"):  # noqa: RUF043
        load("mnist", data_dir=tmp_path)
    damaged(tmp_path, "t10k-labels-idx1-ubyte", lambda _: idx(np.full(2, 10, np.uint8)))
    with pytest.raises(FormatError, match="labels from 0 to 9"):
        load("mnist", data_dir=tmp_path)


def test_the_one_is_not_taken_for_the_other(tmp_path):
    write(tmp_path, test_labels=(7, 2, 1, 0, 4, 1, 4, 9, 5, 9, 0))
    assert len(load("mnist", data_dir=tmp_path).test) == 11
    with pytest.raises(FormatError, match="must hold the files of fashion-mnist"):
        load("fashion-mnist", data_dir=tmp_path)


def test_missing_files_name_folder_files_and_option(tmp_path, monkeypatch):
    with pytest.raises(InputError) as caught:
        load("mnist", data_dir=tmp_path)
    for part in (str(tmp_path), "MNIST/raw", "t10k-labels-idx1-ubyte", "--download"):
        assert part in str(caught.value)
    write(tmp_path)
    monkeypatch.setenv("HASHLENS_DATA_DIR", str(tmp_path))
    assert len(load("mnist").train) == 3
