"""What `scale_out.sh` runs: see there."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from milvus_here import Cluster
from ray_here import RayHere, ray_environment

HASHLENS = [sys.executable, "-m", "hashlens"]
N_DIGITS, SHARD, BITS = 10_000, 500, 48
BEFORE_KILL, AFTER_KILL = 5, 40  # seconds of asking


def main() -> None:
    """Runs all steps; the first that goes wrong ends it."""
    given = sys.argv[1:]
    folder = Path(given[0] if given else tempfile.mkdtemp(prefix="scale-out-")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    done: dict[str, Any] = {"folder": str(folder)}
    done["training"] = train(folder)
    done["encoding"] = encode(folder)
    done["searching"] = search(folder)
    print(json.dumps(done, indent=1))


def train(folder: Path) -> dict[str, Any]:
    """Trains in two processes."""
    words = ["train", "mnist", "--method", "ritq", "--bits", str(BITS), "--epochs", "1"]
    result = hashlens(*words, *source(), "--devices", "2", "--out", str(folder / "model"))
    return {"processes": 2, "validation": result["validation"], "seconds": result["seconds"]}


def encode(folder: Path) -> dict[str, Any]:
    """Encodes on two nodes, of which it kills a worker and then one whole; compares."""
    table, model = folder / "digits.parquet", str(folder / "model")
    run([sys.executable, "examples/write_digits.py", str(table), "--n", str(N_DIGITS), *source()])
    words = [model, str(table), "--shard-size", str(SHARD)]
    there, here = folder / "codes", folder / "codes-local"
    with RayHere(n_nodes=2) as cluster:
        command = [*HASHLENS, "encode", *words, "--out", f"{there}/", "--ray", cluster.address]
        with running(command, folder / "encode.log", ray_environment()) as encoding:
            wait(lambda: n_shards(there) >= 3, encoding)
            worker = cluster.nodes[1].workers()[0]
            say(f"kill -9 {worker}, a Ray worker")
            os.kill(worker, signal.SIGKILL)
            wait(lambda: n_shards(there) >= 8, encoding)
            say(f"kill -9 of all of the node {cluster.nodes[1].ip}")
            cluster.nodes[1].kill()
            if encoding.wait(300):
                raise SystemExit((folder / "encode.log").read_text()[-2000:])
    hashlens("encode", *words, "--out", f"{here}/")
    names = sorted(file.name for file in here.glob("*.parquet"))
    if not all(pq.read_table(there / name).equals(pq.read_table(here / name)) for name in names):
        raise SystemExit("both encodings must be equal. Got other codes from Ray.")
    n_codes = sum(pq.read_metadata(there / name).num_rows for name in names)
    say(f"{n_codes} codes in {len(names)} shards, as this machine alone makes them")
    return {"nodes": 2, "killed": ["a worker", "a node"], "codes": n_codes, "shards": len(names)}


def search(folder: Path) -> dict[str, Any]:
    """Fills both engines, serves one, and compares their answers while a query node is killed."""
    words = ["--from-codes", str(folder / "codes"), "--model", str(folder / "model")]
    shutil.rmtree(folder / "digits.hl", ignore_errors=True)
    hashlens("index", *words, "--out", str(folder / "digits.hl"))
    shutil.rmtree(folder / "milvus", ignore_errors=True)
    with Cluster(folder / "milvus", query_nodes=2) as milvus:
        place = f"{milvus.url}/digits"
        hashlens("index", *words, "--out", place)
        hashlens("copy", str(folder / "digits.hl"), place)  # finds nothing to do
        command = [*HASHLENS, "serve", place, "--port", "0", "--json"]
        with running(command, folder / "serve.log") as server:
            url = address(folder / "serve.log", server)
            asking = [sys.executable, "examples/compare_answers.py", url, str(folder / "digits.hl")]
            before = json.loads(run([*asking, "--seconds", str(BEFORE_KILL)]))
            say("kill -9 of the query node querynode-1")
            milvus.kill("querynode-1")
            after = json.loads(run([*asking, "--seconds", str(AFTER_KILL)]))
            return {"query nodes": 2, "before": before, "after one was killed": after}


def source() -> list[str]:
    """Gives the words that say where MNIST comes from."""
    return ["--download"] if os.environ.get("DOWNLOAD") else []


def hashlens(*words: str) -> dict[str, Any]:
    """Runs a command of hashlens; gives what it prints."""
    found: dict[str, Any] = json.loads(run([*HASHLENS, *words, "--json"]))
    return found


def run(command: list[str]) -> str:
    """Runs a program, and shows its command line; gives what it prints."""
    show(command)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nexit code {done.returncode}")
    return done.stdout


@contextmanager
def running(
    command: list[str], log: Path, more: dict[str, str] | None = None
) -> "Iterator[subprocess.Popen[bytes]]":
    """Runs a program beside; ends it with the block."""
    show(command)
    with log.open("wb") as file:
        program = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **(more or {})}
        )
    try:
        yield program
    finally:
        program.terminate()
        program.wait()


def address(log: Path, server: "subprocess.Popen[bytes]") -> str:
    """Reads where the server listens, once it does."""
    wait(lambda: log.read_text().find("}\n") > 0, server)
    text = log.read_text()
    found: str = json.loads(text[text.index("{") : text.index("}\n") + 1])["address"]
    return found.rstrip("/")


def wait(ready: Callable[[], bool], program: "subprocess.Popen[bytes]") -> None:
    """Waits until something is so, while a program runs."""
    end = time.monotonic() + 180
    while not ready():
        if program.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"{shlex.join(map(str, program.args))} ended, or took too long")
        time.sleep(0.1)


def n_shards(folder: Path) -> int:
    """Counts the finished shards."""
    return len(list(folder.glob("*.parquet")))


def show(command: list[str]) -> None:
    """Shows a command line as a user would type it."""
    text = shlex.join(command)
    short = text.replace(shlex.join(HASHLENS), "hashlens").replace(sys.executable, "python")
    print(f"$ {short}", file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Says what was done or found."""
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
