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


def test_near_pairs_are_judged_as_defined(bench: Any) -> None:
    rng = np.random.default_rng(0)
    greys = rng.integers(0, 256, (6, bench.SIDE, bench.SIDE))
    greys = np.concatenate([greys, np.clip(greys + rng.normal(0, 15, greys.shape), 0, 255)])
    pixels = bench.signatures(greys.astype(np.uint8))
    codes = rng.integers(0, 4, (12, 8), np.uint8)
    features = rng.standard_normal((12, 6)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    pairs = bench.near_pairs(bench.Coded(codes, features, pixels, None, 6), 6)
    i, j = np.triu_indices(12, 1)
    bits = np.bitwise_count(codes[i] ^ codes[j]).sum(axis=1)
    assert np.array_equal(pairs.first, i[bits <= 6])
    assert np.array_equal(pairs.second, j[bits <= 6])
    assert np.array_equal(pairs.right, (i % 6 == j % 6)[bits <= 6])
    assert pairs.n_right == 6
    by_pixels = pairs.within(bench.Limit(6, -1.0, pixels=0.95))
    assert np.array_equal(by_pixels, pairs.right)
    near = pairs.within(bench.Limit(4, 0.1, 0.5, 0.95))
    cosine = (features[i] * features[j]).sum(axis=1)[bits <= 6]
    expected = (bits[bits <= 6] <= 4) & (cosine >= 0.1) & ((cosine >= 0.5) | pairs.right)
    assert np.array_equal(near, expected)


def test_limits_are_chosen_on_one_half_and_judged_on_the_other(bench: Any) -> None:
    rng, n = np.random.default_rng(0), 12
    greys = rng.integers(0, 256, (n, bench.SIDE, bench.SIDE))
    greys = np.concatenate([greys, np.clip(greys + rng.normal(0, 6, greys.shape), 0, 255)])
    codes, features = rng.integers(0, 256, (n, 8), np.uint8), rng.standard_normal((n, 40))
    features = np.tile(features / np.linalg.norm(features, axis=1, keepdims=True), (2, 1))
    pixels = bench.signatures(greys.astype(np.uint8))
    coded = bench.Coded(np.tile(codes, (2, 1)), features.astype(np.float32), pixels, None, n)
    halves = np.arange(0, n, 2), np.arange(1, n, 2)
    rows, limits, pairs = bench.choose(coded, np.arange(n) // 4, *halves)
    by = {row["by"]: row for row in rows}
    for name in ("same", "features alone", "codes alone"):
        assert (by[name]["precision"], by[name]["recall"], by[name]["wrong pairs"]) == (1, 1, 0)
    found = by["codes and pixels"]
    assert (found["precision"], found["wrong pairs"]) == (1, 0)
    assert found["recall"] > 0.5
    assert limits["similar"].radius > limits["same"].radius
    assert limits["same"].pixels == bench.PIXELS[0]
    assert bench.edit_row(coded.of(halves[1]), pairs, 1, "saved", limits)["same"] == 1


@pytest.mark.slow
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
    assert {row["by"] for row in result["tiers"]} >= {"same", "codes and pixels", "similar"}
    defaults = [row["radius"] for row in result["defaults"]]
    assert defaults[:2] == [bench.default_limit(tier, 64, True).radius for tier in bench.PRECISION]
    assert [row["edit"] for row in result["edits"]] == [
        "JPEG quality 90",
        "cropped by 10 %",
        *bench.TURNED,
    ]
    assert len(result["times"]) == 5
    assert result["groups"]["wrong"] <= result["groups"]["superfluous"]
    assert result["environment"]["commit"] is not None
