"""The scripts of benchmarks/reliability/ in their quick form: none of them may find a fault."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def play(name: str, out: Path) -> dict[str, Any]:
    """Run a script as the documentation says; give what it wrote."""
    command = [sys.executable, "-m", f"benchmarks.reliability.{name}", "--quick"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--out", str(out)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(out.read_text())
    assert result["failures"] == []
    return result


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "result.json"


def test_kills(out: Path) -> None:
    result = play("kills", out)
    assert result["summary"][0]["kills"] == 8
    assert {row["verb"] for row in result["hits"]} == {"add", "remove", "update", "compact"}


def test_a_full_disk(out: Path) -> None:
    result = play("full_disk", out)
    assert len(result["changes"]) == 5
    assert all(row["refused"] for row in result["changes"])


def test_broken_images(out: Path) -> None:
    result = play("broken_images", out)
    assert result["summary"][0]["read"] > 10
    assert result["summary"][0]["refused"] > 10
    assert sum(row["images"] for row in result["kinds"]) == result["summary"][0]["images"]


def test_flipped_bytes(out: Path) -> None:
    result = play("flipped_bytes", out)
    assert {row["missed"] for row in result["files"]} == {0}
    assert len(result["files"]) == 8


def test_a_server_under_load(out: Path) -> None:
    result = play("server_load", out)
    assert result["summary"][0]["answers checked"] > 5
    kinds = {row["request"] for row in result["latency"]}
    assert {"upload", "id", "code", "add"} <= kinds
