"""A server under load from a second process: no wrong answer, no leak, nothing lost at the end.

    python -m benchmarks.reliability.server_load [--quick] [--seed 0] [--seconds 180]

Clients search by upload, item and code, add and remove, send malformed and oversized requests,
path tricks and wrong tokens, and hold slow connections, all at once. Every answer to a search is
compared with a scan of all items in the commit that it names. At the end, the server is told to
stop while all of them go on.
"""

import argparse
import hashlib
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from benchmarks.reliability._answers import Judge
from benchmarks.reliability._load import (
    MAX_UPLOAD_MB,
    TOKEN,
    Client,
    Log,
    Searcher,
    Writer,
    vital_signs,
)
from benchmarks.reliability._photos import as_bytes, some_photos
from benchmarks.reliability._script import Tables, run_script, small_model
from benchmarks.reliability._trouble import SlowClient, Troublemaker

from hashlens.collection import Collection
from hashlens.data import BytesImages, Dataset

N_ITEMS, N_SEARCHERS, N_BITS = 300, 3, 48
QUICK_SECONDS = 3.0
MOST_GROWTH = 40e6  # bytes, from a third of the time to the end
STOP_SECONDS = 30


@contextmanager
def served(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start the server in a process of its own; give it and its port."""
    command = [sys.executable, "-m", "hashlens", "serve", str(folder), "--port", "0", "--json"]
    command += ["--token", TOKEN, "--max-upload-mb", str(MAX_UPLOAD_MB)]
    with (folder.parent / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            said = ""
            while not said.rstrip().endswith("}"):
                line = process.stdout.readline() if process.stdout else ""
                if not line:
                    raise SystemExit("the server did not start")
                said += line
            yield process, int(json.loads(said)["address"].rpartition(":")[2])
        finally:
            process.kill()
            process.wait()


def make(folder: Path, images: list[bytes]) -> int:
    """A collection of the images; gives its revision."""
    labels = np.arange(len(images)) % 2
    source = Dataset("first", BytesImages(images), labels, ("even", "odd"))
    photos = Collection.create(folder, small_model(N_BITS))
    photos.add(source)
    return photos.revision


def play(arguments: argparse.Namespace, failures: list[str]) -> Tables:
    rng = np.random.default_rng(arguments.seed)
    seconds = QUICK_SECONDS if arguments.quick else float(arguments.seconds)
    n_fresh = int(40 * seconds) + 200
    photos, _ = some_photos(N_ITEMS + 100, arguments.seed)
    encoded = [as_bytes(photo) + b"%d" % i for i, photo in enumerate(photos)]  # no two are alike
    fresh = [encoded[rng.integers(len(encoded))] + b"new %d" % i for i in range(n_fresh)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "served.hl"
        first = make(folder, encoded[:N_ITEMS])
        log, stop = Log(), threading.Event()
        with served(folder) as (process, port):
            rest = port, log, stop
            clients: list[Client] = [
                Searcher(encoded, N_BITS, *rest, seed) for seed in range(N_SEARCHERS)
            ]
            clients += [Writer(fresh, first, *rest, 11), Troublemaker(encoded[0], *rest, 12)]
            clients += [SlowClient(*rest, 13)]
            threads = [threading.Thread(target=client.run) for client in clients]
            for thread in threads:
                thread.start()
            signs = watch(process.pid, seconds)
            exit_code, took = told_to_stop(process, stop)
            for thread in threads:
                thread.join()
            log_text = (Path(scratch) / "server.log").read_text()
        failures += log.failures + [f"exit code {exit_code}"] * (exit_code != 0)
        if "Traceback" in log_text:
            failures.append(f"the server logged {log_text[log_text.index('Traceback') :][-2000:]}")
        failures += left_wrong(folder, log)
        judge = Judge(folder, first, log.commits)
        wrong = [text for text in map(judge.wrongness, log.answers) if text]
        failures += wrong[:20]
    leak = leaks(signs, failures, is_long=seconds >= 60)
    summary = {"seconds": seconds, "requests": sum(map(len, log.seconds.values()))}
    summary |= {"answers checked": len(log.answers) - judge.unknown, "wrong": len(wrong)}
    summary |= {"commits": len(log.commits), "stopped in, s": round(took, 2)}
    return {
        "summary": [summary | {"failures": len(failures)}],
        "latency": [latency(kind, log) for kind in sorted(log.seconds)],
        "leaks": [leak],
    }


def watch(pid: int, seconds: float) -> list[tuple[int, int, int]]:
    """Look at the server now and then for so long."""
    signs = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(0.5, seconds / 20))
        signs.append(vital_signs(pid))
    return signs


def told_to_stop(process: subprocess.Popen[str], stop: threading.Event) -> tuple[int, float]:
    """Stop the server while it is under load; give its exit code, and how long it took."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    stop.set()
    try:
        code = process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        code = -1
    return code, time.monotonic() - started


def left_wrong(folder: Path, log: Log) -> list[str]:
    """Look at the collection that the server left: what it acknowledged is there."""
    photos = Collection.open(folder)
    wrong = [str(problem) for problem in photos.verify().problems]
    live = {item.id: item for item in photos.items(n=10**6)}
    last: dict[int, bytes] = {}
    for _, item, _, image in log.commits:
        last[item] = image
    for item, image in last.items():
        unsure = ("remove", item) in log.unsure
        if not image and item in live:
            wrong.append(f"item {item} was removed and is there")
        if image and not unsure and item not in live:
            wrong.append(f"item {item} was added and is lost")
        if image and item in live:
            same = live[item].content_hash == hashlib.sha256(image).hexdigest()
            wrong += [] if same and photos.picture(item) == image else [f"item {item} is another"]
    return wrong


def latency(kind: str, log: Log) -> dict[str, object]:
    values = 1000 * np.array(log.seconds[kind])
    counts = " ".join(f"{status}: {n}" for status, n in sorted(log.statuses[kind].items()))
    row: dict[str, object] = {"request": kind, "n": len(values), "status": counts}
    for name, share in (("p50, ms", 50), ("p99, ms", 99)):
        row[name] = round(float(np.percentile(values, share)), 1)
    return row | {"slowest, ms": round(float(values.max()), 1)}


def leaks(
    signs: list[tuple[int, int, int]], failures: list[str], *, is_long: bool
) -> dict[str, object]:
    """Compare memory and handles after a third of the time, warmed up, with those at the end."""
    third = len(signs) // 3
    early, late = np.array(signs[third : 2 * third]), np.array(signs[2 * third :])
    growth = np.median(late, axis=0) - np.median(early, axis=0)
    if is_long and growth[0] > MOST_GROWTH:
        failures.append(f"memory grew by {growth[0]:.0f} bytes")
    if is_long and growth[1] > 8:
        failures.append(f"{growth[1]:.0f} handles more")
    row: dict[str, object] = {}
    for i, (name, unit) in enumerate([("memory, MB", 1e6), ("open handles", 1), ("threads", 1)]):
        row[f"{name}, middle third"] = round(float(np.median(early[:, i])) / unit, 1)
        row[f"{name}, last third"] = round(float(np.median(late[:, i])) / unit, 1)
    return row


if __name__ == "__main__":
    run_script("server-load", __doc__.splitlines()[0], play, {"seconds": 180.0})
