"""``hashlens index`` and ``hashlens search``, from words to results."""

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from calling import answer, call, refused
from hashlens.collection import Collection


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "photos.hl"


def index(photos: Path, out: Path, *words: object) -> Any:
    return answer("index", photos, "--out", out, "--features", "pixels", "--bits", "16", *words)


def test_index_makes_a_collection_and_says_what_it_did(photos: Path, out: Path) -> None:
    (photos / "owl" / "text.jpg").write_text("no image")
    result = index(photos, out)
    assert result["added"] == result["items"] == 12
    assert result["already"] == 0
    reason = "is not an image of a known format"
    assert result["skipped"] == [{"name": "owl/text.jpg", "reason": reason}]
    assert result["n_bits"] == 16
    assert result["seconds"] > 0
    assert result["images_per_second"] == pytest.approx(13 / result["seconds"], rel=0.2)
    assert Collection.open(out).stats().labels == {"cat": 6, "owl": 6}


def test_the_same_words_again_add_what_is_new(photos: Path, out: Path) -> None:
    index(photos, out)
    Image.new("RGB", (8, 8), "red").save(photos / "owl" / "new.png")
    result = call("index", photos, "--out", out, "--features", "pixels", "--bits", "16")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "1 added, 12 already there, 0 skipped" in result.stderr
    assert "13 items, codes of 16 bits" in result.stderr


def test_bad_files_are_named_up_to_twenty(photos: Path, out: Path) -> None:
    for i in range(25):
        (photos / "owl" / f"bad{i:02d}.jpg").touch()
    result = call("index", photos, "--out", out, "--features", "pixels", "--bits", "16")
    assert result.stderr.count("skipped owl/bad") == 20
    assert "... and 5 more; --json names them all" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bits", "32"], "--bits must be 16, as .* was made"),
        (["--features", "gist"], "--features must be pixels, as .* was made"),
        (["--seed", "7"], "--seed must be 0, as .* was made"),
    ],
)
def test_a_collection_keeps_the_codes_it_was_made_with(
    photos: Path, out: Path, words: list[str], message: str
) -> None:
    index(photos, out)
    assert re.search(message, refused("index", photos, "--out", out, *words))


def test_index_with_a_model(photos: Path, out: Path, tmp_path: Path) -> None:
    index(photos, tmp_path / "first.hl")
    model = tmp_path / "first.hl" / "model"
    result = answer("index", photos, "--out", out, "--model", model)
    assert (result["added"], result["n_bits"]) == (12, 16)
    assert answer("index", photos, "--out", out, "--model", model)["already"] == 12
    index(photos, tmp_path / "second.hl", "--seed", "5")
    other = tmp_path / "second.hl" / "model"
    said = refused("index", photos, "--out", out, "--model", other)
    assert "--model must be the model that" in said
    result = call("index", photos, "--out", out, "--model", model, "--seed", "1")
    assert result.exit_code == 2
    assert "--seed" in result.stderr
    said = refused("index", photos, "--out", tmp_path / "new.hl", "--model", model, "--bits", "8")
    assert "n_bits must be a length that the model was trained for: 16. Got 8" in said


def test_index_says_what_is_wrong(photos: Path, out: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert f"a folder with images. Got '{empty}' with none" in refused("index", empty, "--out", out)
    assert "gone', which does not exist" in refused("index", tmp_path / "gone", "--out", out)
    no_collection = refused("index", photos, "--out", photos)
    assert "catalogue.db must be a collection's catalogue" in no_collection
    (photos / "owl" / "empty.jpg").touch()
    pixels = ("--features", "pixels", "--bits", "8")
    strict = refused("index", photos, "--out", out, *pixels, "--strict")
    assert strict == "owl/empty.jpg: is empty"
    assert not out.exists()
    assert call("index", photos).exit_code == 2
    assert call("index", photos, "--out", out, "--bits", "0").exit_code == 2


def test_an_interruption_says_how_to_go_on(
    photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    words = ["index", photos, "--out", out, "--features", "pixels", "--bits", "16"]
    monkeypatch.setattr("hashlens.collection.index_photos", interrupt)
    assert f"stopped before {out} was made" in call(*words).stderr
    monkeypatch.undo()
    index(photos, out)
    monkeypatch.setattr(Collection, "add", interrupt)
    assert "12 items, the same command goes on" in call(*words).stderr


def test_search_prints_a_table_of_paths_below_their_common_folder(
    photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    index(photos, out)
    result = call("search", out, photos / "owl" / "0.png", "-k", "3")
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if re.match(r" *[123] .*\.png", line)]
    assert len(lines) == 3
    assert re.search(r" 1 +0 +1\.0000 +7 +owl +(owl/)?0\.png", lines[0])
    assert "nearest in" in result.stdout


def test_search_answers_in_json(photos: Path, out: Path) -> None:
    index(photos, out)
    file = photos / "owl" / "0.png"
    result = answer("search", out, file, "id:2", "-k", "4", "--no-rerank")
    assert (result["items"], result["n_bits"], result["reranked"]) == (12, 16, False)
    first, second = result["queries"]
    assert first["query"] == str(file)
    assert second["hits"][0]["id"] == 2
    hit = first["hits"][0]
    keys = {"rank", "id", "distance", "similarity", "same_class", "label", "path", "metadata"}
    assert set(hit) == keys
    assert hit["same_class"] is result["promise"] is None
    assert (hit["rank"], hit["distance"], hit["label"], hit["path"]) == (1, 0, "owl", str(file))
    hits = Collection.open(out).search(file, 4, rerank=False)
    assert [hit["id"] for hit in first["hits"]] == hits.ids.tolist()
    assert answer("search", out, file)["reranked"] is True
    ball = answer("search", out, file, "--radius", "0")["queries"][0]["hits"]
    assert {hit["distance"] for hit in ball} == {0}


def test_search_writes_a_page(photos: Path, out: Path, tmp_path: Path) -> None:
    index(photos, out)
    page = tmp_path / "out.html"
    result = call("search", out, "id:1", photos / "owl" / "0.png", "-k", "5", "--html", page)
    assert f"pictures in {page}" in result.stderr
    text = page.read_text("utf-8")
    assert text.count("<figure") == 12
    assert text.count("data:image/jpeg") == 12
    assert "12 images · codes of 16 bits" in text
    assert "0 bits" in text


def test_search_shows_the_page(photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index(photos, out)
    shown: list[str] = []
    monkeypatch.setattr("typer.launch", shown.append)
    assert call("search", out, "id:1", "--open").exit_code == 0
    assert shown[0].startswith("file://")
    assert Path(shown[0].removeprefix("file://")).read_text("utf-8").startswith("<!doctype html>")


def test_search_says_what_is_wrong(photos: Path, out: Path, tmp_path: Path) -> None:
    nothing = f"path must be the folder of a collection. Got '{out}': nothing."
    assert refused("search", out, "id:1") == nothing
    index(photos, out)
    assert "item id must be the id of an item" in refused("search", out, "id:99")
    assert "gone.jpg: cannot be read" in refused("search", out, tmp_path / "gone.jpg")
    too_wide = refused("search", out, "id:1", "--radius", "17")
    assert too_wide == "radius must be an int from 0 to 16. Got 17."
    for words in (["id:x"], ["id:1", "-k", "0"], []):
        assert call("search", out, *words).exit_code == 2
