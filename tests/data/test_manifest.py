import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hashlens.data import Preprocessing, load, load_dataset, load_pixels
from hashlens.errors import FormatError, InputError


def pgm(value):
    return b"P5 1 1 255 " + bytes([value])


@pytest.fixture
def folder(tmp_path):
    for i in range(5):
        (tmp_path / f"{i}.pgm").write_bytes(pgm(i))
    return tmp_path


def csv(folder, text, encoding="utf-8"):
    path = folder / "labels.csv"
    path.write_text(text, encoding=encoding)
    return path


def parquet(folder, columns, **metadata):
    path = folder / "table.parquet"
    table = pa.table(columns)
    table = table.replace_schema_metadata({k: json.dumps(v) for k, v in metadata.items()})
    pq.write_table(table, path)
    return path


def values(data):
    return load_pixels(data.images, Preprocessing(1, 1, 1)).pixels.ravel().tolist()


def test_csv_with_one_label(folder):
    path = csv(folder, 'label,path,extra\nowl,1.pgm,x\n"cat, big",0.pgm,"a\nb"\nowl,2.pgm,\n')
    data = load_dataset(path)
    assert data.classes == ("cat, big", "owl")
    assert data.labels.tolist() == [1, 0, 1]
    assert values(data) == [1, 0, 2]
    assert data.images.name(0) == "1.pgm"
    assert data.name == "labels"


def test_csv_from_a_spreadsheet(folder):
    path = csv(folder, "path,label\r\n1.pgm, 10\r\n2.pgm,9\r\n", "utf-8-sig")
    data = load_dataset(path)
    assert data.classes == ("9", "10")
    assert data.labels.tolist() == [1, 0]


def test_csv_with_several_labels_and_absolute_paths(folder):
    path = csv(folder, f"image,labels\n{folder / '1.pgm'},sea|sky\n2.pgm,\n3.pgm,sky\n")
    data = load_dataset(path)
    assert data.classes == ("sea", "sky")
    assert data.labels.tolist() == [[True, True], [False, False], [False, True]]
    assert values(data) == [1, 2, 3]


def test_split_column(folder):
    rows = "1.pgm,a,test\n2.pgm,b,train\n3.pgm,a,train\n"
    splits = load(csv(folder, "path,label,split\n" + rows))
    assert values(splits.train) == [2, 3]
    assert values(splits.test) == [1]
    assert splits.test.classes == ("a", "b")


def test_a_manifest_without_splits_is_split_80_to_20(folder):
    rows = "".join(f"{i}.pgm,a\n" for i in range(5))
    splits = load(csv(folder, "path,label\n" + rows))
    assert (len(splits.train), len(splits.test)) == (4, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n1.pgm,a\n2.pgm\n", r"labels\.csv, row 3: must have 2 cells"),
        ("path,label\n1.pgm,\n", r"labels\.csv, row 2: label must be text or an int. Got ''"),
        ("path,label\n1.pgm,a\n,a\n", r"labels\.csv, row 3: path must be a path"),
        ("path,labels\n1.pgm,a||b\n", r"labels\.csv, row 2: labels must be text"),
        ("path,split\n1.pgm,val\n", r"labels\.csv, row 2: split must be 'train' or 'test'"),
        ("path,split\n1.pgm,train\n", r"split must name train and test. Got only 'train'"),
        ("file,label\n1.pgm,a\n", r"must have a column path or image"),
        ("path,image\n1.pgm,a\n", r"must have one column of path, image, img"),
        ("path,label,labels\n1.pgm,a,b\n", r"must have one column of label, labels"),
        ("path,path\n1.pgm,a\n", r"row 1: columns must differ. Got 'path' twice"),
        ("path,label\n", "at least one row"),
        ("", "must have a column path"),
        ('path\n"1.pgm', "not a readable CSV"),
    ],
)
def test_errors_name_the_file_and_the_row(folder, text, message):
    with pytest.raises(FormatError, match=message):
        load_dataset(csv(folder, text))


def test_csv_that_is_not_text(folder):
    (folder / "labels.csv").write_bytes(b"path\n\xff\xfe\n")
    with pytest.raises(FormatError, match=r"labels\.csv: is not a readable CSV"):
        load_dataset(folder / "labels.csv")


def test_a_missing_image_is_skipped_by_its_name_when_it_loads(folder):
    data = load_dataset(csv(folder, "path\n1.pgm\ngone.jpg\n"))
    loaded = load_pixels(data.images, Preprocessing(1, 1))
    assert loaded.skipped[0].name == "gone.jpg"
    assert "No such file" in loaded.skipped[0].reason


def test_parquet_with_bytes_and_int_labels(folder):
    path = parquet(folder, {"image": [pgm(7), pgm(8)], "label": [20, 3]})
    data = load_dataset(path)
    assert data.classes == ("3", "20")
    assert data.labels.tolist() == [1, 0]
    assert values(data) == [7, 8]
    assert data.images.name(1) == "table.parquet[1]"


def test_hugging_face_structs_and_class_names(folder):
    cells = [{"bytes": pgm(7), "path": "x.pgm"}, {"bytes": None, "path": "2.pgm"}]
    features = {"label": {"names": ["zebra", "ape"], "_type": "ClassLabel"}}
    path = parquet(
        folder, {"image": cells, "label": [0, 1]}, huggingface={"info": {"features": features}}
    )
    data = load_dataset(path)
    assert data.classes == ("zebra", "ape")
    assert data.labels.tolist() == [0, 1]
    assert values(data) == [7, 2]
    assert data.images.name(0) == "x.pgm"
    cells = {"image": cells, "label": [0, 2]}
    path = parquet(folder, cells, huggingface={"info": {"features": features}})
    with pytest.raises(FormatError, match=r"table\.parquet, row 2: label must be a class"):
        load_dataset(path)


def test_parquet_with_paths_and_lists_of_labels(folder):
    path = parquet(folder, {"path": ["1.pgm", "2.pgm"], "label": [["b", "a"], []]})
    data = load_dataset(path)
    assert data.is_multi_label
    np.testing.assert_array_equal(data.labels, [[True, True], [False, False]])
    assert data.images.paths[0] == folder / "1.pgm"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"path": ["1.pgm"], "label": [1.5]}, "row 1: label must be text or an int. Got 1.5"),
        ({"path": ["1.pgm"], "label": [True]}, "row 1: label must be text or an int"),
        ({"path": ["1.pgm", None]}, "row 2: path must be a path or the bytes"),
        ({"image": [{"bytes": b"", "path": None}]}, "row 1: image must be a path or the bytes"),
        ({"path": ["1.pgm"], "labels": [3]}, "row 1: labels must be several labels"),
        ({"x": [1]}, "must have a column path or image"),
    ],
)
def test_parquet_errors_name_the_row(folder, columns, message):
    with pytest.raises(FormatError, match=message):
        load_dataset(parquet(folder, columns))


def test_damaged_parquet(folder):
    path = parquet(folder, {"path": ["1.pgm"]})
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FormatError, match=r"table\.parquet: is not a readable Parquet"):
        load_dataset(path)


def test_other_sources_are_refused_with_the_nearest_name(folder):
    with pytest.raises(InputError, match=r"which does not exist\. Did you mean 'fashion-mnist'"):
        load("fashion_mnist")
    with pytest.raises(InputError, match="source must be a folder"):
        load(folder / "1.pgm")
    for wrong in (None, 3, ""):
        with pytest.raises(InputError, match="source must be a folder"):
            load(wrong)
    with pytest.raises(InputError, match="seed must be an int"):
        load("digits", seed=-1)
