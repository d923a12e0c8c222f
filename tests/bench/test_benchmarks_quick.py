"""The programs in ``benchmarks/`` run on a few images and write what their pages need."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = Path(os.environ.get("HASHLENS_DATA_DIR", "none")) / "photos"

pytestmark = pytest.mark.slow
needs_photos = pytest.mark.skipif(not PHOTOS.is_dir(), reason="needs HASHLENS_DATA_DIR/photos")


def run(name: str, out: Path) -> Any:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--quick", "--out", str(out)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, timeout=300)
    return json.loads(out.read_text("utf-8"))


@needs_photos
def test_indexing(tmp_path: Path) -> None:
    result = run("bench_index", tmp_path / "index.json")
    indexing = result["indexing"]
    assert indexing["images"] == 32
    assert indexing["ratio"] > 0
    assert {row["images"] for row in result["decoding"]} == {"photos", "12 megapixels"}
    assert result["smaller"]["bits changed, share"] < 0.05


@needs_photos
def test_photos(tmp_path: Path) -> None:
    result = run("bench_photos", tmp_path / "photos.json")
    figures = result["sets"][0]["over classes"]
    for way in ("codes", "re-ranked", "uncoded"):
        assert 0.2 < figures[way]["low"] <= figures[way]["mean"] <= figures[way]["high"] <= 1
    assert abs(figures["re-ranked - uncoded"]["mean"]) < 0.05


def test_serving(tmp_path: Path) -> None:
    result = run("bench_serve", tmp_path / "serve.json")
    assert [row["clients"] for row in result["rows"]] == [1, 8]
    for row in result["rows"]:
        assert row["items"] == 1797
        assert row["end to end"]["p50 ms"] > row["server, encode"]["p50 ms"] > 0
