"""Decoding in processes: what a broken image does to one costs that image and nothing else."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashlens.data import BytesImages, FileImages, Preprocessing, iter_pixels, load_pixels
from hashlens.data import decoders as module
from hashlens.data.decoders import Decoders
from hashlens.errors import ImageError

pytestmark = pytest.mark.skipif(not module.CAN_START, reason="processes need POSIX")

SMALL = Preprocessing(2, 2, 1)

# Loaded by each worker as it starts: images of one pixel whose value says what they do.
DECODERS_THAT_MISBEHAVE = """
import os, pathlib, signal, time
from hashlens.data import decode
decode_well = decode._decode
def misbehave(file, *rest):
    content = file.read()
    file.seek(0)
    if content.endswith(b"CRASH"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if content.endswith(b"HANG"):
        time.sleep(1000)
    if content.endswith(b"EXIT"):
        os._exit(3)
    if content.endswith(b"ONCE"):
        marker = pathlib.Path(os.environ["TEST_MARKER"])
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return decode_well(file, *rest)
decode._decode = misbehave
"""


def pgm(value: int, words: bytes = b"") -> bytes:
    return b"P5 1 1 255 " + bytes([value]) + words


@pytest.fixture
def misbehaving(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(DECODERS_THAT_MISBEHAVE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TEST_MARKER", str(tmp_path / "marker"))
    monkeypatch.setattr(module, "SECONDS_PER_IMAGE", 0.3)


def children() -> set[int]:
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(word) for file in listed for word in file.read_text().split()}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def until(holds, seconds=10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not holds():
        time.sleep(0.01)
    return holds()


def test_processes_and_threads_give_the_same(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(40):
        pixels = rng.integers(0, 256, (20 + i, 31, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i:02}.{'png' if i % 2 else 'jpg'}")
    (tmp_path / "07.png").write_bytes(b"no image")
    (tmp_path / "16.jpg").unlink()
    images = FileImages([tmp_path / f"{i:02}.{'png' if i % 2 else 'jpg'}" for i in range(40)])
    size = Preprocessing(24, 24, resize="crop")
    here, there = (load_pixels(images, size, workers=n) for n in (0, 2))
    np.testing.assert_array_equal(there.pixels, here.pixels)
    assert there.kept.tolist() == here.kept.tolist() == [i for i in range(40) if i not in (7, 16)]
    assert there.skipped == here.skipped
    parts = list(iter_pixels(images, size, 9, workers=2))
    np.testing.assert_array_equal(np.concatenate([part.pixels for part in parts]), here.pixels)
    assert np.concatenate([part.kept for part in parts]).tolist() == here.kept.tolist()
    assert not children()


@pytest.mark.usefixtures("misbehaving")
def test_each_misfortune_costs_one_image():
    blobs = [pgm(i) for i in range(40)]
    for place, words in ((0, b"CRASH"), (17, b"HANG"), (18, b"EXIT"), (39, b"CRASH")):
        blobs[place] = pgm(0, words)
    blobs[20] = b""
    images = BytesImages(blobs, [f"{i}.pgm" for i in range(40)])
    loaded = load_pixels(images, SMALL, workers=2)
    assert {skipped.name: skipped.reason for skipped in loaded.skipped} == {
        "0.pgm": "crashed its decoder (SIGSEGV)",
        "17.pgm": "took longer than 0.3 s to decode",
        "18.pgm": "crashed its decoder (exit code 3)",
        "20.pgm": "is empty",
        "39.pgm": "crashed its decoder (SIGSEGV)",
    }
    assert loaded.pixels[:, 0, 0, 0].tolist() == loaded.kept.tolist()
    assert len(loaded.kept) == 35
    with pytest.raises(ImageError, match=r"0\.pgm: crashed its decoder"):
        load_pixels(images, SMALL, strict=True, workers=1)
    assert not children()


@pytest.mark.usefixtures("misbehaving")
def test_an_image_whose_process_was_lost_is_tried_once_more():
    images = BytesImages([pgm(1), pgm(2, b"ONCE"), pgm(3)])
    loaded = load_pixels(images, SMALL, workers=1)
    assert loaded.pixels[:, 0, 0, 0].tolist() == [1, 2, 3]


def test_an_image_that_needs_too_much_memory_is_reported(monkeypatch):
    monkeypatch.setattr(module, "LIMIT_BYTES", 600 << 20)
    bomb = b"P6 9000 9000 255 " + bytes(3 * 9000 * 9000)
    images = BytesImages([pgm(1), bomb, pgm(3)])
    loaded = load_pixels(images, SMALL, workers=1)
    assert loaded.kept.tolist() == [0, 2]
    assert loaded.skipped[0].reason == "needs more memory than there is for it"


def test_few_images_and_images_in_memory_start_no_process(monkeypatch):
    monkeypatch.setattr(module, "_start", None)
    few = BytesImages([pgm(i) for i in range(63)])
    assert load_pixels(few, SMALL).pixels[:, 0, 0, 0].tolist() == list(range(63))
    with pytest.raises(TypeError):
        load_pixels(BytesImages([pgm(0)] * 64), SMALL)


def test_where_no_process_can_start_threads_decode(monkeypatch):
    def refuse(*_, **__):
        raise BlockingIOError("too many processes")

    monkeypatch.setattr(module.subprocess, "Popen", refuse)
    assert len(load_pixels(BytesImages([pgm(0)] * 3), SMALL, workers=2).kept) == 3
    monkeypatch.undo()
    monkeypatch.setattr(module, "PROGRAM", "raise SystemExit")
    assert len(load_pixels(BytesImages([pgm(0)] * 3), SMALL, workers=2).kept) == 3
    assert not children()


@pytest.mark.usefixtures("misbehaving")
def test_a_loop_left_early_leaves_nothing_behind(monkeypatch):
    monkeypatch.setattr(module, "SECONDS_PER_IMAGE", 100.0)
    images = BytesImages([pgm(1)] * 16 + [pgm(1, b"HANG")] * 32)
    gc.collect()  # or files of tests before are closed meanwhile
    files = len(list(Path("/proc/self/fd").iterdir()))
    parts = iter_pixels(images, SMALL, 16, workers=2)
    next(parts)
    started = time.monotonic()
    parts.close()
    assert time.monotonic() - started < 5
    assert not children()
    assert len(list(Path("/proc/self/fd").iterdir())) == files


def test_threads_of_one_process_load_at_once():
    images, found = BytesImages([pgm(i) for i in range(40)]), []

    def load():
        found.append(load_pixels(images, SMALL, workers=1).pixels[:, 0, 0, 0].tolist())

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [list(range(40))] * 3


SCRIPT = """
import sys
print("started", flush=True)
from hashlens.data import BytesImages, Preprocessing, iter_pixels
from hashlens.data import decoders
decoders.SECONDS_PER_IMAGE = float(sys.argv[1])
images = BytesImages([b"P5 1 1 255 A"] * 16 + [b"P5 1 1 255 AHANG"])
for part in iter_pixels(images, Preprocessing(2, 2, 1), 16, workers=1):
    print(len(part.kept), flush=True)
"""


def start_script(tmp_path, seconds):
    """Run a script without a `__main__` guard that comes to an image that hangs."""
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.usefixtures("misbehaving")
def test_a_script_without_a_guard_runs_once(tmp_path):
    script = start_script(tmp_path, 0.2)
    said, errors = script.communicate(timeout=30)
    assert said.split() == ["started", "16", "0"], errors


@pytest.mark.usefixtures("misbehaving")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_caller(tmp_path, how):
    """Also those in an image that hangs: Ctrl-C ends them, and an alarm where nobody can."""
    script = start_script(tmp_path, 1 if how == signal.SIGKILL else 100)
    assert script.stdout is not None
    assert [script.stdout.readline().strip() for _ in range(2)] == ["started", "16"]
    folder = Path(f"/proc/{script.pid}/task")
    workers = {int(w) for file in folder.glob("*/children") for w in file.read_text().split()}
    assert len(workers) == 1
    script.send_signal(how)
    script.communicate(timeout=60)  # it would hang for 100
    assert until(lambda: not any(alive(worker) for worker in workers))


def test_workers_load_nothing_heavy():
    """A process starts in a few tenths of a second: what it imports decides."""
    program = "import sys, hashlens.data.worker; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"torch", "scipy", "sklearn", "numba", "pyarrow", "multiprocessing"}
    assert not {name.partition(".")[0] for name in loaded} & heavy


def test_rows_are_bounded_by_bytes_not_only_by_number():
    assert Decoders(Preprocessing(224, 224)).n_rows == 16
    assert Decoders(Preprocessing(1500, 1500)).n_rows == 2
    assert Decoders(Preprocessing(9000, 9000)).n_rows == 1
