"""`hashlens check`: what it says, and its exit code."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calling import answer, call, printed, refused
from hashlens.collection import index_photos


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A collection of 20 pictures in 20 files."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(20):
        pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{i:02d}.png")
    index_photos(tmp_path / "p.hl", tmp_path / "photos", features="pixels", n_bits=16)
    return tmp_path / "p.hl"


def damage(file: Path, at: int = -1) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def test_a_whole_collection_exits_0(photos: Path) -> None:
    text = printed("check", photos)
    assert "catalogue.db 20 items" in text
    assert "codes-1.u8 20 rows 40 0" in text
    assert call("check", photos).stderr.splitlines()[-1].startswith(f"{photos} is whole; ")
    result = answer("check", photos)
    assert (result["whole"], result["problems"], result["items"]) == (True, [], 20)
    assert result["bytes_read"] == sum(part["bytes_read"] for part in result["parts"])


def test_damage_exits_1_and_is_named(photos: Path) -> None:
    damage(photos / "codes-1.u8")
    result = call("check", photos)
    assert result.exit_code == 1
    assert (
        "codes-1.u8: rows 0 to 19 must be as they were written. Got changed bytes. "
        "Items hit: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ... (20 in all)."
    ) in result.stderr
    assert f"{photos} is damaged: 1 problems;" in result.stderr
    found = json.loads(call("check", photos, "--json").stdout)
    assert found["whole"] is False
    assert [problem["file"] for problem in found["problems"]] == ["codes-1.u8"]
    assert found["problems"][0]["items"] == list(range(1, 21))


@pytest.mark.parametrize("name", ["catalogue.db", "model/model.json", "features-1.f16"])
def test_what_cannot_be_opened_is_checked_all_the_same(photos: Path, name: str) -> None:
    damage(photos / "codes-1.u8")
    os.truncate(photos / name, 100)
    result = call("check", photos, "--json")
    assert result.exit_code == 1
    assert name in {problem["file"] for problem in json.loads(result.stdout)["problems"]}


def test_files_are_looked_at_when_asked_for(photos: Path) -> None:
    first, second = sorted((photos.parent / "photos").iterdir())[:2]
    first.unlink()
    damage(second)
    assert call("check", photos).exit_code == 0
    result = call("check", photos, "--files")
    assert result.exit_code == 1
    assert f"{first} (id 1) cannot be read (No such file or directory)" in result.stderr
    assert f"{second} (id 2) has other bytes" in result.stderr
    assert f"{photos} is whole, but 2 of its images' files are not as they were" in result.stderr
    found = json.loads(call("check", photos, "--files", "--json").stdout)
    assert (found["whole"], len(found["changed"]), len(found["gone"])) == (True, 1, 1)


def test_what_is_left_over_is_noted(photos: Path) -> None:
    (photos / "mine.txt").write_text("notes")
    result = call("check", photos)
    assert result.exit_code == 0
    assert "note: mine.txt: no part of the last commit" in result.stderr


def test_what_is_no_collection_is_refused(tmp_path: Path) -> None:
    assert "nothing.hl': nothing" in refused("check", tmp_path / "nothing.hl")
    (tmp_path / "empty").mkdir()
    assert "must be a collection's catalogue" in refused("check", tmp_path / "empty")
