import json
import os
import pickle
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hashlens.data import load
from hashlens.data.plain_pickle import read_plain_pickle
from hashlens.errors import FormatError, InputError

RNG = np.random.default_rng(0)


def short(text):
    return b"U" + bytes([len(text)]) + text


def text_list(parts):
    return b"](" + b"".join(parts) + b"e"


def python2_batch(data, label_key, labels, names):
    """Write the instructions that Python 2's cPickle wrote into the official batches."""
    n = len(labels)
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87R"
        b"(K\x01J" + struct.pack("<i", n) + b"M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<i", data.nbytes)
        + data.tobytes()
        + b"tb"
    )
    return (
        b"\x80\x02}q\x01("
        + short(b"batch_label")
        + short(b"training batch 1 of 5")
        + short(label_key)
        + text_list(b"K" + bytes([label]) for label in labels)
        + short(b"data")
        + array
        + short(b"filenames")
        + text_list(short(name) for name in names)
        + b"u."
    )


def pixels(n):
    return RNG.integers(0, 256, (n, 3072)).astype(np.uint8)


def write_pickles(folder, files, label_key, meta, n_classes):
    folder.mkdir(parents=True)
    written = {}
    for i, file in enumerate(files):
        data = pixels(2)
        written[file] = data
        blob = python2_batch(data, label_key, [i, n_classes - 1], [b"a.png", b"b.png"])
        (folder / file).write_bytes(blob)
    key = {"batches.meta": "label_names", "meta": "fine_label_names"}[meta]
    names = text_list(short(f"class {i}".encode()) for i in range(n_classes))
    (folder / meta).write_bytes(b"\x80\x02}(" + short(key.encode()) + names + b"u.")
    return written


CIFAR10_FILES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


@pytest.mark.parametrize("place", ["", "cifar10"])
def test_cifar10_official_batches(tmp_path, place):
    folder = tmp_path / place / "cifar-10-batches-py"
    written = write_pickles(folder, CIFAR10_FILES, b"labels", "batches.meta", 10)
    splits = load("cifar10", data_dir=tmp_path)
    assert splits.train.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert splits.test.classes[3] == "class 3"
    image = splits.train.images.read(2)
    # A row of the batch is the red plane, then green, then blue, each row after row.
    assert image[1, 2].tolist() == [written["data_batch_2"][0, 1024 * c + 34] for c in range(3)]


def test_cifar100_official_batches(tmp_path):
    folder = tmp_path / "cifar-100-python"
    write_pickles(folder, ["train", "test"], b"fine_labels", "meta", 100)
    splits = load("cifar100", data_dir=tmp_path)
    assert splits.train.labels.tolist() == [0, 99]
    assert splits.test.n_classes == 100


def test_batches_written_again_by_python_3_are_read(tmp_path):
    data = pixels(3)
    for protocol in (3, 4):
        path = tmp_path / "batch"
        path.write_bytes(pickle.dumps({"data": data, b"labels": [1, 2, 3]}, protocol))
        content = read_plain_pickle(path)
        np.testing.assert_array_equal(content["data"], data)
        assert content["labels"] == [1, 2, 3]


class Hostile:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


HOSTILE = {
    "system": b"cos\nsystem\n(S'true'\ntR.",
    "eval": b"\x80\x02cbuiltins\neval\nU\x03[1]\x85R.",
    "dotted": b"\x80\x04\x8c\x05numpy\x8c\x0eos.path.exists\x93.",
    "load": b"\x80\x02cnumpy\nload\nU\x01x\x85R.",
    "object array": b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\x01\x85"
    b"cnumpy\ndtype\nU\x02O8\x85R\x89U\x08AAAAAAAAtbs.",
    "persistent": b"\x80\x02U\x01xQ.",
    "extension": b"\x80\x02\x82\x01.",
    "new object": b"\x80\x02cnumpy\ndtype\n)\x81.",
    "class state": b"\x80\x02cnumpy\ndtype\n}U\x04codeU\x02u1sb.",
    "not a dict": b"\x80\x02].",
    "empty": b"",
    "truncated": python2_batch(pixels(1), b"labels", [1], [b"a"])[:-40],
    "wrong size": python2_batch(pixels(2), b"labels", [1], [b"a"]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_damaged_pickle_is_a_format_error(tmp_path, name):
    path = tmp_path / "test_batch"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(FormatError, match="test_batch: must be a pickle of plain values"):
        read_plain_pickle(path)


def test_a_hostile_batch_runs_nothing(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    write_pickles(folder, CIFAR10_FILES, b"labels", "batches.meta", 10)
    marker = tmp_path / "pwned"
    for protocol in range(6):
        (folder / "data_batch_3").write_bytes(pickle.dumps({"data": Hostile(marker)}, protocol))
        with pytest.raises(FormatError, match="data_batch_3: must be a pickle of plain values"):
            load("cifar10", data_dir=tmp_path)
    assert not marker.exists()


def test_a_mutated_pickle_never_escapes(tmp_path):
    blob = python2_batch(pixels(1), b"labels", [1], [b"a.png"])
    head = bytes(blob)
    path = tmp_path / "batch"
    rng = np.random.default_rng(3)
    n_refused = 0
    for _ in range(300):
        data = bytearray(head)
        for at in rng.integers(0, 200, 3):
            data[at] = rng.integers(0, 256)
        path.write_bytes(bytes(data))
        try:
            assert isinstance(read_plain_pickle(path), dict)
        except FormatError:
            n_refused += 1
    assert 100 < n_refused <= 300


@pytest.mark.parametrize(
    ("labels", "message"),
    [([1], "must hold 2 labels"), ([1, 10], "row 2: label must be an int from 0 to 9. Got 10")],
)
def test_labels_of_a_batch_are_checked(tmp_path, labels, message):
    folder = tmp_path / "cifar-10-batches-py"
    write_pickles(folder, CIFAR10_FILES, b"labels", "batches.meta", 10)
    batch = {"data": pixels(2), "labels": labels}
    (folder / "test_batch").write_bytes(pickle.dumps(batch, 4))
    with pytest.raises(FormatError, match=message):
        load("cifar10", data_dir=tmp_path)
    (folder / "test_batch").write_bytes(pickle.dumps({"labels": labels}, 4))
    with pytest.raises(FormatError, match=r"test_batch: must hold 'data'. Got \['labels'\]"):
        load("cifar10", data_dir=tmp_path)


def png(array, path):
    Image.fromarray(array).save(path, "PNG")
    return path.read_bytes()


def write_parquet(folder, file, image, label, values, names=()):
    folder.mkdir(parents=True, exist_ok=True)
    array = pixels(1).reshape(32, 32, 3)
    cells = [{"bytes": png(array, folder / "x.png"), "path": f"{i}.png"} for i in values]
    features = {label: {"names": list(names), "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if names else {}
    table = pa.table({image: cells, label: values}).replace_schema_metadata(metadata)
    pq.write_table(table, folder / file)
    return array


@pytest.mark.parametrize("place", ["", "cifar10", "cifar10/plain_text"])
@pytest.mark.parametrize("column", ["image", "img"])
def test_cifar10_parquet(tmp_path, place, column):
    folder, names = tmp_path / place, [f"n{i}" for i in range(10)]
    write_parquet(folder, "train-00000-of-00002.parquet", column, "label", [3, 0], names)
    write_parquet(folder, "train-00001-of-00002.parquet", column, "label", [9], names)
    array = write_parquet(folder, "my-test.parquet", column, "label", [1], names)
    splits = load("cifar10", data_dir=tmp_path)
    assert splits.train.labels.tolist() == [3, 0, 9]
    assert splits.train.images.name(2) == "train[2]"
    assert splits.test.classes == tuple(names)
    np.testing.assert_array_equal(splits.test.images.read(0), array)


def test_cifar100_parquet_without_class_names(tmp_path):
    for split in ("train", "test"):
        write_parquet(tmp_path / "cifar100", f"{split}.parquet", "img", "fine_label", [99, 5])
    splits = load("cifar100", data_dir=tmp_path)
    assert splits.train.labels.tolist() == [99, 5]
    assert splits.train.classes[42] == "42"


def test_parquet_of_the_wrong_set_is_refused(tmp_path):
    for split in ("train", "test"):
        write_parquet(tmp_path, f"{split}.parquet", "img", "fine_label", [99])
    with pytest.raises(FormatError, match=r"train\.parquet: must have a column label"):
        load("cifar10", data_dir=tmp_path)
    pq.write_table(pa.table({"img": ["a.png"], "label": [1]}), tmp_path / "train.parquet")
    with pytest.raises(FormatError, match=r"train\.parquet, row 1: must hold the bytes"):
        load("cifar10", data_dir=tmp_path)


def test_missing_files(tmp_path):
    with pytest.raises(InputError, match=r"cifar-10-batches-py.*--download"):
        load("cifar10", data_dir=tmp_path)
