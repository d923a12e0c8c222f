"""A disk that fills up in the middle of a change: a clear error, and the collection as it was.

    python -m benchmarks.reliability.full_disk [--quick] [--seed 0]

Each change is tried with less and less room, from more than enough to none, on a small file system
in memory of its own; that needs the right to mount one. Where there is none, the size that a file
may grow to is limited instead (``RLIMIT_FSIZE``), which stops a write in the middle as well.
"""

import argparse
import contextlib
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.reliability._script import Tables, run_script, small_model

from hashlens.collection import Collection
from hashlens.data import ArrayImages
from hashlens.errors import HashlensError

PAGE = 4096
N_ITEMS, N_MORE = 1200, 800
DISK_BYTES = 24 << 20
MODEL = small_model()

Change = Callable[[Collection], object]
Room = Callable[[int], contextlib.AbstractContextManager[None]]


def arrays(n: int, name: str) -> ArrayImages:
    pixels = np.random.default_rng(len(name)).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    return ArrayImages(pixels, name)


CHANGES: dict[str, Change] = {
    "add": lambda photos: photos.add(arrays(N_MORE, "more")),
    "remove": lambda photos: photos.remove(list(range(100, 1100))),
    "update": lambda photos: photos.update(
        [{"id": i, "note": f"{i} " * 40} for i in range(1, N_ITEMS + 1)]
    ),
    "compact": lambda photos: photos.compact(),
    "create": lambda photos: Collection.create(photos.path.with_name("new.hl"), MODEL),
}


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a file system of a few megabytes; tells whether that went."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    can = shutil.which("mount") is not None and os.geteuid() == 0
    is_mounted = can and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path, room: int) -> Iterator[None]:
    """Leave no more than `room` bytes on the disk."""
    filler = folder / "filler"
    stat = os.statvfs(folder)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(stat.f_bavail * stat.f_frsize - room, 1))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def limited(folder: Path, room: int) -> Iterator[None]:
    """Let no file grow to more than `room` bytes beyond the largest one there is."""
    largest = max(path.stat().st_size for path in folder.rglob("*.db"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(largest // 4, 1) + room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def state(photos: Collection) -> list[Any]:
    """All that a collection shows."""
    codes, labels = photos.stored_codes()
    return [codes.tobytes(), labels.tolist(), photos.items(n=10**6)]


def play(arguments: argparse.Namespace, failures: list[str]) -> Tables:
    rng = np.random.default_rng(arguments.seed)
    rows = []
    with tempfile.TemporaryDirectory() as scratch, small_disk(Path(scratch)) as is_mounted:
        disk = Path(scratch)
        sound = Collection.create(disk / "sound.hl", MODEL)
        sound.add(arrays(N_ITEMS, "first"))
        sound.remove(list(range(1, 90)))
        leave = filled if is_mounted else limited
        for name, change in CHANGES.items():
            needs = room_needed(disk, sound.path, change)
            n_levels, most = 1 if arguments.quick else 30, 2 * needs + (1 << 18)
            levels = sorted({0, most, *rng.integers(0, 1.2 * needs, n_levels)})
            found = [
                tried(disk, sound.path, change, leave, int(level), failures) for level in levels
            ]
            refused = [message for message in found if message]
            row = {"change": name, "levels of room": len(levels), "refused": len(refused)}
            row |= {"needs, MB": round(needs / 1e6, 2)}
            rows.append(
                row | {"messages": len({message.partition(" must ")[0] for message in refused})}
            )
            if not found[0] or found[-1]:
                failures.append(f"{name}: not refused without room, or refused with enough")
    how = "a file system of 24 MB that is full" if is_mounted else "RLIMIT_FSIZE"
    summary = {"how": how, "trials": sum(row["levels of room"] for row in rows)}
    summary |= {"refused": sum(row["refused"] for row in rows), "failures": len(failures)}
    return {"summary": [summary], "changes": rows}


def room_needed(disk: Path, sound: Path, change: Change) -> int:
    """How much a change writes at most, when there is room for all of it."""
    photos = fresh(disk, sound)
    free = [os.statvfs(disk).f_bavail]
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.0005):
            free.append(os.statvfs(disk).f_bavail)

    looking = threading.Thread(target=look)
    looking.start()
    change(photos)
    done.set()
    looking.join()
    return max((free[0] - min(free)) * os.statvfs(disk).f_frsize, 4 * PAGE)


def fresh(disk: Path, sound: Path) -> Collection:
    for path in disk.glob("*"):
        if path != sound:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    photos = Collection.open(shutil.copytree(sound, disk / "photos.hl"))
    photos.__dict__["model"] = MODEL
    return photos


def tried(
    disk: Path,
    sound: Path,
    change: Change,
    leave: Callable[..., Any],
    room: int,
    failures: list[str],
) -> str:
    """Make a change with so much room; give the message if it was refused."""
    photos = fresh(disk, sound)
    before, message = state(photos), ""
    with leave(disk, room):
        try:
            change(photos)
        except HashlensError as error:
            message = str(error)
        except OSError as error:  # of what is not the collection's yet: a folder, a model
            message = f"{error.filename} must be writable. Got {error.strerror}."
        now = state(Collection.open(photos.path))  # it can be read with no room at all
    if message and str(disk) not in message:
        failures.append(f"with {room} bytes: the message names no file: {message}")
    is_add = change is CHANGES["add"]
    if message and now != before and not (is_add and kept_whole(before, now)):
        failures.append(f"with {room} bytes: the collection is not as it was: {message}")
    report = Collection.open(photos.path).verify()
    failures += [f"with {room} bytes: {problem}" for problem in report.problems]
    left = [path.name for path in disk.iterdir() if path.name not in ("photos.hl", sound.name)]
    if message and left:
        failures.append(f"with {room} bytes: {left} were left over")
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(disk / "new.hl")
    if message:
        go_on(photos, change, room, failures)
    return message


def kept_whole(before: list[Any], now: list[Any]) -> bool:
    """Whether an add has kept whole batches, and all that was there before."""
    n_new = len(now[2]) - len(before[2])
    return now[2][: len(before[2])] == before[2] and n_new % 256 == 0


def go_on(photos: Collection, change: Change, room: int, failures: list[str]) -> None:
    """Make the change again, now that there is room."""
    change(photos)
    report = Collection.open(photos.path).verify()
    problems = [*report.problems, *report.notes]
    failures += [f"with room again, after {room} bytes: {problem}" for problem in problems]


if __name__ == "__main__":
    run_script("full-disk", __doc__.splitlines()[0], play)
