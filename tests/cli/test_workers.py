"""``--workers``: processes and threads give the same codes; a bad number is refused."""

from pathlib import Path

import numpy as np
import pytest

from calling import answer, call
from hashlens.collection import Collection
from hashlens.data import decoders


@pytest.mark.skipif(not decoders.CAN_START, reason="processes need POSIX")
def test_processes_and_threads_index_alike(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "owl" / "text.jpg").write_text("no image")
    started = []
    start = decoders._start
    monkeypatch.setattr(decoders, "_start", lambda order: started.append(order) or start(order))
    codes = []
    for workers in (0, 1):
        words = ["index", photos, "--out", tmp_path / f"{workers}.hl", "--features", "pixels"]
        result = answer(*words, "--bits", "16", "--workers", workers)
        assert result["added"] == 12
        assert [bad["name"] for bad in result["skipped"]] == ["owl/text.jpg"]
        assert bool(started) == bool(workers)
        codes.append(Collection.open(tmp_path / f"{workers}.hl").encode(range(1, 13)).codes)
    np.testing.assert_array_equal(*codes)


def test_less_than_no_worker_is_refused(tmp_path: Path) -> None:
    for words in (("index", "digits", "--out", tmp_path / "d.hl"), ("encode", tmp_path, "digits")):
        result = call(*words, "--workers", "-1")
        assert result.exit_code == 2
        assert "--workers" in result.stderr
