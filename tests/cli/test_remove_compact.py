"""``hashlens remove``, ``hashlens compact`` and ``hashlens index --prune``."""

from pathlib import Path

import pytest
from PIL import Image

from calling import answer, call, refused
from hashlens.collection import Collection


@pytest.fixture
def out(photos: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "photos.hl"
    answer("index", photos, "--out", folder, "--features", "pixels", "--bits", "16")
    return folder


def test_items_are_removed_by_id(out: Path) -> None:
    result = answer("remove", out, "id:3", "4")
    assert result == {"collection": str(out), "removed": 2, "items": 10}
    assert {item.id for item in Collection.open(out).items()} == {1, 2, *range(5, 13)}
    assert "1 removed" in call("remove", out, "id:5").stderr
    assert "Got 3" in refused("remove", out, "id:5", "id:3")


def test_items_are_removed_by_a_filter(out: Path) -> None:
    assert answer("remove", out, "--where", "label = 'owl'")["removed"] == 6
    assert Collection.open(out).stats().labels == {"cat": 6}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "must be given, or else --where"),
        (["id:1", "--where", "id = 2"], "must be given, or else --where"),
        (["owl.jpg"], "must be like id:17. Got 'owl.jpg'"),
        (["id:-1"], "must be like id:17. Got 'id:-1'"),
        (["--where", "no such thing"], "where must be"),
    ],
)
def test_wrong_words_remove_nothing(out: Path, words: list[str], message: str) -> None:
    result = call("remove", out, *words)
    assert result.exit_code in (1, 2)
    assert message in result.output + str(result.exception)
    assert len(Collection.open(out)) == 12


def test_compact_says_what_it_dropped(out: Path) -> None:
    assert "nothing to drop" in call("compact", out).stderr
    answer("remove", out, "id:3", "id:4")
    result = answer("compact", out)
    assert (result["rows_dropped"], result["items_dropped"]) == (2, 2)
    assert result["freed_bytes"] > 0
    assert result["size_bytes"] == Collection.open(out).stats().size_bytes
    answer("remove", out, "id:5")
    assert "1 removed items and 1 codes dropped" in call("compact", out).stderr


def test_index_prunes_and_says_what_changed_and_moved(photos: Path, out: Path) -> None:
    (photos / "owl" / "0.png").unlink()
    Image.new("RGB", (8, 8), "red").save(photos / "owl" / "2.png")
    (photos / "owl" / "4.png").rename(photos / "cat" / "moved.png")
    again = ("index", photos, "--out", out, "--features", "pixels", "--bits", "16", "--prune")
    said = call(*again).stderr
    assert "0 added, 1 changed, 1 moved, 1 pruned, 9 already there, 0 skipped in" in said
    result = answer(*again)
    counts = {name: result[name] for name in ("added", "changed", "moved", "pruned", "already")}
    assert counts == {"added": 0, "changed": 0, "moved": 0, "pruned": 0, "already": 11}
    assert call("index", photos / "owl" / "2.png", "--out", out, "--prune").exit_code == 2
