"""Labels and metadata: tables of them, and what becomes of the items."""

import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from hashlens.collection import Collection, Metadata, UpdateReport
from hashlens.collection.folder.lock import writer_lock
from hashlens.collection.metadata import MAX_BYTES, as_json
from hashlens.data import ArrayImages
from hashlens.errors import BusyError, FormatError, InputError
from hashlens.model import Model

CAT_1, OWL_0, OWL_2 = 1, 16, 17  # ids of cat/0001.png, owl/0000.png, owl/0002.png


def revision(collection: Collection) -> int:
    with closing(sqlite3.connect(collection.path / "catalogue.db")) as db:
        return int(db.execute("SELECT value FROM meta WHERE key = 'revision'").fetchone()[0])


def table(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def test_a_csv_table_sets_labels_and_values(made: Collection, photos: Path) -> None:
    file = table(
        photos,
        "labels.csv",
        "\ufeffPath,Label,year,weight,zip,note\n"
        "owl/0000.png,barn owl,2020,1.5,00501,\n"
        f'{photos}/cat/0001.png,7,-3,1e3,+5,"a, ""b"""\n'
        "owl/0000.png,,2021,,,\n",
    )
    report = made.update(file)
    assert report == UpdateReport(updated=2, unchanged=0, unknown=())
    first, second = made.item(OWL_0), made.item(CAT_1)
    assert (first.label, second.label) == ("barn owl", "7")
    assert first.metadata == {"year": 2021, "weight": 1.5, "zip": "00501"}
    assert second.metadata == {"year": -3, "weight": 1000.0, "zip": "+5", "note": 'a, "b"'}
    assert made.item(OWL_2).metadata == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.json", '[{"id": 16, "label": "a", "ok": true}, {"path": "owl/0002.png", "n": [1]}]'),
        ("m.json", '{"owl/0000.png": {"label": "a", "ok": true}, "owl/0002.png": {"n": [1]}}'),
        ("m.jsonl", '{"id": 16, "label": "a", "ok": true}\n\n{"id": 17, "n": [1]}\n'),
        ("m.ndjson", '{"id": 16, "label": "a", "ok": true}\r\n{"id": 17, "n": [1]}'),
    ],
)
def test_tables_in_json(made: Collection, photos: Path, name: str, text: str) -> None:
    assert made.update(table(photos, name, text)).updated == 2
    assert (made.item(OWL_0).label, made.item(OWL_0).metadata) == ("a", {"ok": True})
    assert (made.item(OWL_2).label, made.item(OWL_2).metadata) == ("owl", {"n": [1]})


def test_values_are_added_replaced_and_taken_away(made: Collection) -> None:
    made.update([{"id": 1, "a": 1, "b": {"c": None}, "label": "x"}])
    made.update([{"id": 1, "b": "ü", "d": False}])
    assert made.item(1).metadata == {"a": 1, "b": "ü", "d": False}
    made.update([{"id": 1, "a": None, "gone": None, "label": None}])
    assert made.item(1).metadata == {"b": "ü", "d": False}
    assert made.item(1).label is None
    made.update([{"id": 1, "label": ["owl", "bird"]}, {"id": 2, "label": 7}])
    assert [made.item(i).label for i in (1, 2)] == ["owl|bird", "7"]


def test_the_same_again_changes_nothing(made: Collection) -> None:
    rows = [{"id": i, "n": i, "box": {"w": 1.5}, "label": "x"} for i in (1, 2, 3)]
    assert made.update(rows) == UpdateReport(3, 0, ())
    before = revision(made)
    assert made.update(rows) == UpdateReport(0, 3, ())
    assert made.update([{"id": 1, "none": None}, {"id": 1, "n": 5}, {"id": 1, "n": 1}]).updated == 0
    assert revision(made) == before
    assert made.update([{"id": 1, "n": True}, {"id": 2, "n": 2.0}]).updated == 2  # 1 is not true
    assert revision(made) == before + 1


def test_rows_of_what_is_not_there_are_told(made: Collection, tmp_path: Path) -> None:
    made.remove([4])
    file = table(
        tmp_path, "m.csv", "id,path,n\n1,,1\n99,,1\n4,,1\n,photos/owl/0002.png,1\n,x.png,1\n"
    )
    report = made.update(file)
    assert (report.updated, report.unchanged) == (2, 0)
    assert report.unknown == (f"{file}, row 3: 99", f"{file}, row 4: 4", f"{file}, row 6: 'x.png'")
    assert made.update([{"id": 2**70, "n": 1}]).unknown == (f"metadata, row 1: {2**70}",)


def test_a_path_starts_from_the_given_folder_then_from_that_of_the_table(
    made: Collection, photos: Path, tmp_path: Path
) -> None:
    file = table(tmp_path, "m.csv", "path,n\nowl/0000.png,1\nphotos/cat/0001.png,2\n")
    assert len(made.update(file).unknown) == 1
    assert made.update(Metadata.read(file, photos)).unknown == ()
    assert made.select("n >= 1").tolist() == [CAT_1, OWL_0]


def test_images_without_a_file_go_by_their_names(made: Collection) -> None:
    made.add(ArrayImages(np.full((2, 8, 8, 3), 7, np.uint8), "later"))
    assert made.update([{"path": "later[1]", "n": 1}]).updated == 1
    assert made.item(32).metadata == {"n": 1}


def test_names_that_are_not_unicode_keep_their_label(tmp_path: Path, model: Model) -> None:
    file = tmp_path / "photos" / "x\udcff" / "a.png"
    try:
        file.parent.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(file)
    except OSError:
        pytest.skip("the file system holds no such name")
    collection = Collection.create(tmp_path / "c.hl", model)
    collection.add(tmp_path / "photos")
    collection.update([{"id": 1, "n": 1}])
    assert collection.item(1).label == "x\udcff"
    assert collection.select("n = 1 AND label LIKE 'x%'").tolist() == [1]


def test_metadata_comes_with_the_images(tmp_path: Path, photos: Path, model: Model) -> None:
    file = table(tmp_path, "m.csv", "path,year,label\nowl/0000.png,2020,\ncat/0001.png,2021,tom\n")
    collection = Collection.create(tmp_path / "c.hl", model)
    assert collection.add(photos, metadata=file).added == 30
    assert collection.item(OWL_0).metadata == {"year": 2020}
    assert [collection.item(i).label for i in (CAT_1, OWL_0)] == ["tom", "owl"]
    bad = table(tmp_path, "bad.csv", "path,name\na.png,x\n")
    with pytest.raises(FormatError, match=r"bad\.csv, row 2"):
        collection.add(photos, metadata=bad)


def test_a_label_that_was_set_outlives_another_look_at_the_folder(
    made: Collection, photos: Path
) -> None:
    made.update([{"id": OWL_0, "label": "barn owl"}, {"id": OWL_2, "label": None}])
    before = revision(made)
    report = made.add(photos)
    assert (report.added, report.already) == (0, 30)
    assert [made.item(i).label for i in (OWL_0, OWL_2)] == ["barn owl", "owl"]
    assert revision(made) == before + 1
    Image.new("RGB", (8, 8), "red").save(photos / "owl" / "0000.png")
    assert made.add(photos).changed == 1
    assert made.item(OWL_0).label == "barn owl"
    (photos / "owl" / "0000.png").rename(photos / "cat" / "0000.png")
    assert made.add(photos).moved == 1
    assert made.item(OWL_0).label == "cat"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.csv", "", "m.csv, row 1: must have a column id or path. Got no columns"),
        ("m.csv", "a,b\n1,2\n", "row 1: must have a column id or path. Got a, b."),
        ("m.csv", "id,n\n1,2\n2\n", "m.csv, row 3: must have 2 cells, as the header has. Got 1."),
        ("m.csv", "id,n,n\n", "row 1: columns must differ. Got 'n' twice."),
        ("m.csv", "id,label,Label\n1,a,b\n", "columns must be different. Got label and"),
        ("m.csv", "id,n\nx,2\n", "m.csv, row 2: id must be an int >= 0. Got 'x'."),
        ("m.csv", "id,n\n-1,2\n", "m.csv, row 2: id must be an int >= 0. Got -1."),
        ("m.csv", "id,n\n,2\n", "row 2: a row must be of an item: with its id or its path"),
        ("m.csv", "id,Name\n1,x\n", "row 2: a name must be another one than name, added, which"),
        ("m.csv", 'id,"a""b"\n1,x\n', "row 2: a name must be text of 1 to 100 characters, without"),
        ("m.csv", "id,\n1,x\n", "row 2: a name must be text of 1 to 100 characters"),
        ("m.csv", f"id,{'a' * 101}\n1,x\n", "row 2: a name must be text of 1 to 100 characters"),
        ("m.json", "[{]", "m.json: must be JSON. Got: Expecting property name"),
        ("m.json", "7", "m.json: must be a list of objects, or an object of path to object. Got 7"),
        ("m.json", "[7]", "entry 1: a row must be an object of names and values. Got 7"),
        ("m.json", '{"a.png": 7}', "'a.png': must be an object of names and values. Got 7"),
        ("m.json", '[{"id": 1, "id": 2}]', "must be JSON. Got: 'id' twice in one object."),
        ("m.json", '[{"id": 1, "n": NaN}]', "must be JSON. Got: NaN, which JSON does not have."),
        ("m.json", '[{"id": 1, "n": 1e999}]', "entry 1: a value must be one that JSON has"),
        ("m.json", '[{"id": true}]', "entry 1: id must be an int >= 0. Got True"),
        ("m.json", '[{"id": 1, "label": ""}]', "label must be text, an int, a list of texts"),
        ("m.json", '[{"id": 1, "label": 1.5}]', "label must be text, an int, a list of texts, or"),
        ("m.json", '[{"id": 1, "n": "\\ud800"}]', "entry 1: a value must be valid Unicode"),
        ("m.json", '[{"id": 1, "label": "\\ud800"}]', "entry 1: label must be valid Unicode"),
        ("m.json", "[" * 100_000, "m.json: must be JSON. Got: maximum recursion depth"),
        ("m.jsonl", '{"id": 1}\n{"id": 2', "m.jsonl, line 2: must be JSON. Got: Expecting"),
        ("m.jsonl", '[1]\n', "m.jsonl, line 1: a row must be an object of names and values"),
        ("m.json", f'[{{"id": 1, "n": "{"x" * MAX_BYTES}"}}]', "at most 50,000 bytes as JSON"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_table_is_named(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    file = table(tmp_path, name, text)
    with pytest.raises(FormatError) as caught:
        Metadata.read(file)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(file))


def test_a_table_with_a_wrong_row_changes_nothing(made: Collection, tmp_path: Path) -> None:
    before = revision(made)
    with pytest.raises(FormatError, match=r"m\.csv, row 3"):
        made.update(table(tmp_path, "m.csv", "id,n\n1,2\nx,2\n"))
    assert revision(made) == before
    assert made.item(1).metadata == {}


CELLS = st.one_of(
    st.sampled_from(
        ["id", "path", "label", "n", "1", "-3", "1e5", "é", '"', ",", "\n", "\r", "a.png"]
    ),
    st.sampled_from(
        ["{", "}", "[", "]", ":", '"id"', '"label"', '"n"', "null", "true", "1e999", "NaN"]
    ),
    st.text(max_size=5),
)


@settings(
    max_examples=120,
    deadline=1000,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=st.sampled_from(["m.csv", "m.json", "m.jsonl"]), cells=st.lists(CELLS, max_size=16))
@example(name="m.json", cells=['[{"id": 1, "label": "x", "n": ', "1" * 5000, "}]"])
@example(name="m.csv", cells=["id,n\n1,", "9" * 400])
def test_whatever_a_table_holds_it_is_read_or_refused(
    tmp_path: Path, name: str, cells: list[str]
) -> None:
    file = tmp_path / name
    file.write_bytes("".join(cells).encode("utf-8", "surrogatepass"))
    with suppress(FormatError):
        for row in Metadata.read(file).rows:
            assert isinstance(row.item, str) or row.item >= 0
            assert json.loads(as_json(row.values)) == row.values


def test_what_is_no_table_is_refused(made: Collection, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"suffix of a table of metadata must be one of \.csv, "):
        made.update(table(tmp_path, "m.txt", ""))
    with pytest.raises(FormatError, match=r"gone\.csv: is not a readable CSV file"):
        made.update(tmp_path / "gone.csv")
    (tmp_path / "latin.json").write_bytes(b'[{"id": 1, "n": "\xff"}]')
    with pytest.raises(FormatError, match=r"latin\.json: is not a readable text file"):
        made.update(tmp_path / "latin.json")
    with pytest.raises(InputError, match=r"must be the path of a table, or rows\. Got int"):
        made.update(7)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="metadata, row 2: a value must be one that JSON has"):
        made.update([{"id": 1}, {"id": 1, "n": {1, 2}}])
    with pytest.raises(InputError, match="metadata, row 1: a row must be of an item"):
        Metadata.of([{"path": 7}])


def test_an_item_has_only_so_much_metadata_and_all_or_nothing_is_written(made: Collection) -> None:
    half = "x" * (MAX_BYTES // 2)
    made.update([{"id": 1, "a": half}])
    with pytest.raises(InputError, match=r"metadata, row 2: an item's metadata must be at most"):
        made.update([{"id": 2, "n": 1}, {"id": 1, "b": half}])
    assert made.item(2).metadata == {}
    assert json.loads(json.dumps(dict(made.item(1).metadata))) == {"a": half}
    assert made.select("length(a) > 20000").tolist() == [1]


def test_a_second_writer_is_told(made: Collection) -> None:
    with writer_lock(made.path), pytest.raises(BusyError):
        made.update([{"id": 1, "n": 1}])
