"""``hashlens update`` and ``stats``, and searches that ask for what they say."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from calling import answer, call, printed, refused
from hashlens.cli import app
from hashlens.collection import Collection
from hashlens.data import ArrayImages

CAT_1, OWL_0, OWL_2 = 1, 7, 8  # ids of cat/1.png, owl/0.png, owl/2.png


def write_photos(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for i in range(12):
        file = folder / ("owl", "cat")[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(file)
    return folder


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of 12 pictures with some metadata, which no test changes."""
    folder = tmp_path_factory.mktemp("indexed")
    write_photos(folder / "photos")
    table = folder / "labels.csv"
    table.write_text("path,year,the place\nowl/0.png,2020,Tring\ncat/1.png,2021,\nx.png,1,\n")
    words = ("--features", "pixels", "--bits", "16", "--metadata", table)
    result = answer("index", folder / "photos", "--out", folder / "p.hl", *words)
    assert result["added"] == 12
    unknown = [f"{table}, row 4: 'x.png'"]
    assert result["metadata"] == {"updated": 2, "unchanged": 0, "unknown": unknown}
    return folder / "p.hl"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A collection of 12 pictures."""
    write_photos(tmp_path / "photos")
    words = ("--features", "pixels", "--bits", "16")
    answer("index", tmp_path / "photos", "--out", tmp_path / "p.hl", *words)
    return tmp_path / "p.hl"


def found(*words: object) -> list[int]:
    return [hit["id"] for hit in answer("search", *words)["queries"][0]["hits"]]


def test_index_says_what_the_table_did(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos")
    table = tmp_path / "m.jsonl"
    table.write_text('{"path": "photos/owl/0.png", "n": 1}\n{"path": "gone.png", "n": 1}\n')
    words = ["index", photos, "--out", tmp_path / "p.hl", "--features", "pixels", "--bits", "8"]
    result = call(*words, "--metadata", table)
    assert f"no such item: {table}, line 2: 'gone.png'" in result.stderr
    assert "1 items updated, 0 unchanged, 1 rows of unknown items" in result.stderr
    assert "0 items updated, 1 unchanged" in call(*words, "--metadata", table).stderr
    assert answer(*words)["metadata"] is None
    (tmp_path / "bad.csv").write_text("n\n1\n")
    said = refused("index", photos, "--out", tmp_path / "q.hl", "--metadata", tmp_path / "bad.csv")
    assert "bad.csv, row 1: must have a column id or path" in said
    assert not (tmp_path / "q.hl").exists()


def test_update_from_a_table(out: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("id,label,year\n1,tom,2020\n2,,2021\n99,x,\n")
    result = answer("update", out, table)
    assert result == {
        "collection": str(out),
        "updated": 2,
        "unchanged": 0,
        "unknown": [f"{table}, row 4: 99"],
    }
    said = call("update", out, table).stderr
    assert "0 items updated, 2 unchanged, 1 rows of unknown items" in said
    item = Collection.open(out).item(1)
    assert (item.label, item.metadata) == ("tom", {"year": 2020})


def test_many_unknown_rows_are_named_up_to_twenty(out: Path, tmp_path: Path) -> None:
    table = tmp_path / "m.json"
    table.write_text(json.dumps([{"id": 100 + i, "n": 1} for i in range(25)]))
    said = call("update", out, table).stderr
    assert said.count("no such item") == 20
    assert "... and 5 more; --json names them all" in said


def test_update_what_a_filter_finds(out: Path) -> None:
    words = ["--set", "year=2020", "--set", "place=Tring", "--set", "label=barn owl"]
    assert answer("update", out, *words, "--where", "label = 'owl'")["updated"] == 6
    photos = Collection.open(out)
    assert photos.select("year = 2020 AND place = 'Tring' AND label = 'barn owl'").size == 6
    assert answer("update", out, "--set", "year=null", "--where", "id < 8")["updated"] == 1
    assert photos.select("year = 2020").size == 5


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["t.csv", "--set", "a=1", "--where", "1"],
        ["--set", "a=1"],
        ["t.csv", "--where", "1"],
        ["--set", "a", "--where", "1"],
    ],
)
def test_update_wants_a_table_or_values_and_a_filter(indexed: Path, words: list[str]) -> None:
    assert call("update", indexed, *words).exit_code == 2


def test_update_says_what_is_wrong(indexed: Path, tmp_path: Path) -> None:
    assert "gone.csv: is not a readable CSV" in refused("update", indexed, tmp_path / "gone.csv")
    assert "Got nothing" in refused("update", indexed, "--set", "a=1", "--where", "")
    assert "no column x." in refused("update", indexed, "--set", "a=1", "--where", "x = 1")
    said = refused("update", indexed, "--set", "name=x", "--where", "id = 1")
    assert "a name must be another one than name, added" in said


def test_search_under_a_filter(indexed: Path) -> None:
    assert found(indexed, "id:7", "--where", "year >= 2020") == [OWL_0, CAT_1]
    assert found(indexed, "id:7", "--where", "\"the place\" = 'Tring'") == [OWL_0]
    result = answer("search", indexed, "id:7", "--where", "year = 2020")
    assert result["where"] == "year = 2020"
    assert result["queries"][0]["hits"][0]["metadata"] == {"year": 2020, "the place": "Tring"}
    nothing = call("search", indexed, "id:7", "--where", "0", "--radius", "3")
    assert "id:7: nothing found within 3 bits where 0" in nothing.stderr
    assert "Did you mean 'year'" in refused("search", indexed, "id:7", "--where", "yaer = 2020")
    assert "Got nothing" in refused("search", indexed, "id:7", "--where", "")


def test_the_table_has_a_column_for_metadata_where_there_is_some(
    indexed: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    table = printed("search", indexed, "id:7", "-k", "20")
    assert "year=2020, the place=Tring" in table
    assert "metadata" in table
    assert "label path" in printed("search", out, "id:7")


def test_search_by_code(indexed: Path) -> None:
    code = Collection.open(indexed).stored_codes()[0][OWL_0 - 1].tobytes().hex()
    result = answer("search", indexed, f"code:{code}", "id:7", "-k", "3")
    by_code, by_item = result["queries"]
    assert by_code["hits"][0]["id"] == OWL_0
    assert by_code["hits"][0]["similarity"] is None
    assert (by_code["reranked"], by_item["reranked"], result["reranked"]) == (False, True, False)
    wrong = refused("search", indexed, "code:ff")
    assert wrong == "code must be 2 bytes, 4 hex digits, for 16 bits. Got b'\\xff'."
    assert "code must be pairs of hex digits. Got 'fffg'" in refused("search", indexed, "code:fffg")
    assert "rerank must be False where a query" in refused(
        "search", indexed, f"code:{code}", "--rerank"
    )


def test_search_by_an_image_on_stdin(indexed: Path, tmp_path: Path) -> None:
    image = (indexed.parent / "photos" / "owl" / "0.png").read_bytes()
    page = tmp_path / "out.html"
    words = ["search", str(indexed), "-", "-k", "2", "--json", "--html", str(page)]
    result = CliRunner().invoke(app, words, input=image)
    assert result.exit_code == 0, result.output
    query = json.loads(result.stdout)["queries"][0]
    assert (query["query"], query["hits"][0]["id"]) == ("-", OWL_0)
    assert page.read_text("utf-8").count("data:image/jpeg") == 3
    broken = CliRunner().invoke(app, words[:3], input=b"no image")
    assert str(broken.exception) == "stdin: is not an image of a known format"
    assert call("search", indexed, "-", "-").exit_code == 2


def test_several_queries_as_one_question(indexed: Path, tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    words = ["search", indexed, "id:7", "id:1", "code:0000", "-k", "3", "--together"]
    result = answer(*words, "--where", "id < 12 AND '<b>' = '<b>'", "--html", page)
    assert "where id &lt; 12 AND &#39;&lt;b&gt;" in page.read_text("utf-8")
    assert [query["query"] for query in result["queries"]] == ["id:7 + id:1 + code:0000"]
    hits = Collection.open(indexed).search_together([7, 1], 3)
    assert found(indexed, "id:7", "id:1", "-k", "3", "--together") == hits.ids.tolist()
    assert page.read_text("utf-8").count("<figure") == 6
    assert page.read_text("utf-8").count("<section>") == 1


def test_a_page_shows_images_that_have_no_file(out: Path, tmp_path: Path) -> None:
    photos = Collection.open(out)
    photos.add(ArrayImages(np.full((1, 8, 8, 3), 9, np.uint8), "array"))
    (out.parent / "photos" / "cat" / "1.png").unlink()
    page = tmp_path / "out.html"
    call("search", out, "id:13", "-k", "20", "--html", page)
    text = page.read_text("utf-8")
    assert text.count("<figure") == 14
    assert text.count("data:image/jpeg") == 13
    assert re.search(r'title="id:1  .*cat/1\.png: is gone"', text)


def test_an_empty_collection_finds_nothing(out: Path) -> None:
    Collection.open(out).remove(where="1")
    result = call("search", out, "code:0000")
    assert result.exit_code == 0
    assert f"code:0000: nothing found, {out} has no items" in result.stderr


def test_more_than_there_are_are_all(indexed: Path) -> None:
    assert len(found(indexed, "id:1", "-k", "5000")) == 12


def test_stats_count_what_is_there(out: Path) -> None:
    photos = Collection.open(out)
    photos.update([{"id": i, "year": 2020, "label": None} for i in (1, 2)])
    photos.remove([12])
    result = answer("stats", out)
    assert result["n_items"] == 11
    assert result["n_removed"] == 1
    assert result["labels"] == {"cat": 4, "owl": 5}
    assert result["metadata"] == {"year": 2}
    assert result["model"] == {"method": "itq", "features": "pixels"}
    assert result["size_bytes"] > 10_000
    text = printed("stats", out)
    for words in ("items 11", "without a label 2", "removed, not compacted 1", "of 16 bits"):
        assert words in text
    assert "owl 5 cat 4" in text
    assert "year 2" in text


def test_stats_list_the_most_frequent(out: Path) -> None:
    Collection.open(out).update([{"id": 1, **{f"k{i:02d}": i for i in range(25)}}])
    text = printed("stats", out)
    assert "k19 1" in text
    assert "and 5 more 5" in text
