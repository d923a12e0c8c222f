"""The program that measures duplicates, in small."""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield import_module("benchmarks.bench_dedup")


def test_a_copy_is_the_same_each_time(bench: Any, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    Image.fromarray(pixels).save(photo)
    copies = {edit: bench.copy_of(photo, edit, 3) for edit in bench.EDITS | bench.TURNED}
    assert copies == {edit: bench.copy_of(photo, edit, 3) for edit in bench.EDITS | bench.TURNED}
    assert len(set(copies.values())) == len(copies)


def test_limits_are_the_widest_that_are_right_often_enough(bench: Any) -> None:
    right = np.array([[5, 2], [9, 4], [9, 4]])
    wrong = np.array([[0, 0], [3, 0], [3, 0]])
    tally = bench.Tally(right, wrong, 10)
    assert tally.widest(0.99) == (0, 0)
    assert tally.widest(0.5) == (1, 0)
    assert tally.widest(0.99, 1) == (1, 1)
    assert tally.recall()[1, 0] == 0.9


def test_pairs_are_tallied_as_defined(bench: Any) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (40, 8), np.uint8)
    features = rng.standard_normal((40, 6)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    groups = np.arange(40) % 13
    tally = bench.tally(codes, features, groups)
    i, j = np.triu_indices(40, 1)
    bits = np.bitwise_count(codes[i] ^ codes[j]).sum(axis=1)
    cosines = (features[i] * features[j]).sum(axis=1)
    for radius in (0, 3, 9):
        for level in (0, 5):
            least = -1 if level == 0 else bench.COSINES[level - 1]
            near = (bits <= radius) & (cosines >= least)
            of_one = groups[i] == groups[j]
            assert tally.right[radius, level] == (near & of_one).sum()
            assert tally.wrong[radius, level] == (near & ~of_one).sum()
    assert tally.n_right == (groups[i] == groups[j]).sum()


def test_quick_writes_a_result(bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for i in range(48):
        file = tmp_path / "data" / "photos" / f"class{i % 4}" / f"{i}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).save(file)
    monkeypatch.setenv("HASHLENS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(bench, "N_TIMED", 20_000)
    monkeypatch.setattr(bench, "STEP", 4)
    out = tmp_path / "dedup.json"
    words = ["bench_dedup", "--quick", "--features", "gist", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", words)
    bench.main()
    result = json.loads(out.read_text("utf-8"))
    assert (result["photos"], result["copies"]) == (12, 24)
    assert {row["by"] for row in result["tiers"]} >= {"same", "codes alone", "similar"}
    assert [row["edit"] for row in result["edits"]] == [
        "JPEG quality 90",
        "cropped by 10 %",
        *bench.TURNED,
    ]
    assert len(result["times"]) == 5
    assert result["groups"]["wrong"] <= result["groups"]["superfluous"]
    assert result["environment"]["commit"] is not None
