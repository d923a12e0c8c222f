"""``hashlens copy``."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from calling import answer, call, refused
from hashlens.collection import Collection


@pytest.fixture
def out(photos: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "photos.hl"
    answer("index", photos, "--out", folder, "--features", "pixels", "--bits", "16")
    return folder


def test_a_collection_is_copied_and_brought_up_to_date(out: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copy.hl"
    result = answer("copy", out, copied)
    assert result.pop("seconds") > 0
    counts = {"written": 12, "changed": 0, "already": 0, "pruned": 0, "n_pictures": 0}
    places = {"source": str(out), "destination": str(copied)}
    assert result == {**places, "n_items": 12, **counts}
    said = call("copy", out, copied).stderr
    assert "0 items copied, 0 brought up to date, 12 already there, 0 removed" in said
    assert f"{copied}: 12 items, the same as {out}" in said
    results = [answer("search", place, "id:3", "-k", "2")["queries"] for place in (out, copied)]
    assert results[0] == results[1] != []


def test_what_the_collection_has_not_goes_with_prune(out: Path, tmp_path: Path) -> None:
    copied = tmp_path / "copy.hl"
    answer("copy", out, copied)
    answer("remove", out, "id:3", "id:4")
    assert "2 other items, such as 3" in refused("copy", out, copied)
    result = answer("copy", out, copied, "--prune")
    assert (result["pruned"], result["already"], result["n_items"]) == (2, 10, 10)
    assert len(Collection.open(copied)) == 10


def test_there_must_be_a_collection(tmp_path: Path) -> None:
    assert "path must be the folder of a collection" in refused("copy", tmp_path / "no", tmp_path)


def test_an_interruption_says_how_to_go_on(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Collection, "copy_to", Mock(side_effect=KeyboardInterrupt))
    assert "stopped; the same command goes on" in call("copy", out, tmp_path / "c.hl").stderr
