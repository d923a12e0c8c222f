"""``hashlens dedup``, from words to results."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calling import answer, call, printed, refused
from hashlens.cli.dedup import KEEP_NAMES, TIER_NAMES
from hashlens.collection import Collection
from hashlens.collection.dedup import TIERS
from hashlens.collection.dedup.facts import KEEP


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """8 photos, a byte copy of one, and a copy of another in which a pixel differs."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(8):
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    changed = Image.open(folder / "1.png")
    changed.putpixel((0, 0), (9, 9, 9))
    changed.save(folder / "changed.png")
    return folder


@pytest.fixture
def out(photos: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "photos.hl"
    answer("index", photos, "--out", folder, "--features", "pixels", "--bits", "8")
    return folder


NEAR = ("--radius", "1", "--similarity", "0.99")


def test_names_are_those_of_the_collection() -> None:
    assert TIER_NAMES == TIERS
    assert KEEP_NAMES == KEEP


def test_it_lists_and_changes_nothing(
    photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    before = {file.name: file.read_bytes() for file in photos.iterdir()}
    result = call("dedup", out, *NEAR)
    assert result.exit_code == 0
    assert re.search(r" 1 +identical +keep .* 8 x 8 .*0\.png", result.stdout)
    assert re.search(r" 2 +same +keep .*1\.png", result.stdout)
    assert "2 of 10 images are superfluous, in 2 groups" in result.stderr
    assert "nothing was changed" in result.stderr
    assert {file.name: file.read_bytes() for file in photos.iterdir()} == before
    dry = call("dedup", out, *NEAR, "--tier", "same", "--dry-run", "--move", photos / "away")
    assert "nothing was changed" in dry.stderr
    assert not (photos / "away").exists()


def test_json_says_what_is_known(photos: Path, out: Path) -> None:
    result = answer("dedup", out, *NEAR)
    assert (result["tier"], result["items"], result["superfluous"]) == ("same", 10, 2)
    limit = {"radius": 1, "similarity": 0.99, "sure": 0.99, "pixels": 0.97}
    assert result["limits"] == {"same": limit}
    assert (result["n_unread"], result["not_read"]) == (0, [])
    assert result["acted"] is None
    identical, same = result["groups"]
    assert identical["tier"] == "identical"
    [copy] = identical["others"]
    assert copy["path"] == str(photos / "copy.png")
    assert copy["size_bytes"] == identical["spare_bytes"] == (photos / "0.png").stat().st_size
    assert same["kept"]["pixels"] == [8, 8]
    assert set(copy) >= {"id", "path", "distance", "similarity", "turned", "pixels", "there"}
    assert same["others"][0]["similarity"] >= 0.99
    assert result["spare_bytes"] == sum(group["spare_bytes"] for group in result["groups"])
    assert answer("dedup", out, "--tier", "identical")["superfluous"] == 1
    similar = answer("dedup", out, "--similar", "--radius", "8", "--similarity", "-1")
    assert similar["superfluous"] == 9
    assert answer("dedup", out, "--where", "name = 'copy.png'")["groups"] == []


def test_move_acts_on_identical_bytes_unless_told(photos: Path, out: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    result = answer("dedup", out, "--move", away)
    [done] = result["acted"]["done"]
    assert done == {"path": str(photos / "copy.png"), "now": str(away / "copy.png")}
    assert len(Collection.open(out)) == 9
    more = call("dedup", out, "--move", away, "--tier", "same", *NEAR)
    assert "1 files moved" in more.stderr
    assert len(Collection.open(out)) == 8
    back = call("dedup", out, "--undo", away)
    assert "2 files moved back" in back.stderr
    assert len(Collection.open(out)) == 10
    assert answer("dedup", out, "--undo", away)["done"] == []


def test_link_acts_on_identical_bytes(photos: Path, out: Path) -> None:
    (photos / "7.png").write_bytes((photos / "6.png").read_bytes())
    result = call("dedup", out, "--link")
    assert "1 files linked" in result.stderr
    assert (photos / "copy.png").samefile(photos / "0.png")
    again = call("dedup", out, "--link")
    assert "copy.png: is a link of the one that is kept already" in again.stderr


def test_the_page_shows_groups_side_by_side(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.html"
    assert f"pictures in {page}" in call("dedup", out, *NEAR, "--html", page).stderr
    text = page.read_text("utf-8")
    assert text.count("<figure") == text.count("data:image/jpeg") == 4
    assert text.count('class="kept"') == text.count("✓ kept") == 2
    assert "Identical files" in text
    assert "The same picture" in text
    assert "8 × 8" in text
    shown: list[str] = []
    monkeypatch.setattr("typer.launch", shown.append)
    monkeypatch.setattr("hashlens.cli.dedup_page._MOST_PICTURES", 2)
    call("dedup", out, *NEAR, "--open")
    text = Path(shown[0].removeprefix("file://")).read_text("utf-8")
    assert text.count("<figure") == 2
    assert "1 more groups are not shown" in text


def test_what_could_not_be_read_is_said(
    photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "changed.png").unlink()
    said = call("dedup", out, *NEAR).stderr
    assert f"not read: {photos / 'changed.png'}: " in said
    assert "pixels of 1 images were not compared" in said
    assert "too many" not in said
    monkeypatch.setattr("hashlens.collection.dedup.finding.MOST_READ", 1)
    said = call("dedup", out, *NEAR).stderr
    assert "pixels of 2 images were not compared" in said
    assert "too many lie near another one" in said


def test_nothing_found_is_said(out: Path) -> None:
    result = call("dedup", out, "--where", "id = 1")
    assert "no duplicates among 1 images" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        ("--tier", "sames"),
        ("--keep", "newest"),
        ("--similar", "--tier", "same"),
        ("--move", "a", "--link"),
        ("--undo", "a", "--link"),
        ("--link", "--tier", "same"),
        ("--similarity", "1.5"),
    ],
)
def test_wrong_words_are_a_usage_error(out: Path, words: tuple[str, ...]) -> None:
    assert call("dedup", out, *words).exit_code == 2


def test_what_is_wrong_is_said(out: Path, tmp_path: Path) -> None:
    assert "radius must be an int from 0 to 8" in refused("dedup", out, "--radius", "9")
    assert "must be a journal of moved files" in refused("dedup", out, "--undo", tmp_path)
    assert "Example: hashlens dedup photos.hl" in printed("dedup", "--help")
