"""Time, processor time and memory of each command, from its start to its end, each a new process.

    python -m benchmarks.bench_startup [--out benchmarks/results/startup.json] [--quick]

Commands take turns. A first round, that is not counted, reads the files and compiles what is
compiled once. Medians; the memory is the most that the process had at a time.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks._record import RESULTS, environment, spread, write_result
from PIL import Image

from hashlens.cli.commands import COMMANDS
from hashlens.data import load

N_PHOTOS = 32
PROCESS = Path(__file__).with_name("_process.py").resolve()
HASHLENS = (sys.executable, "-m", "hashlens")


class Case(NamedTuple):
    """A command: what is run, and what it is called in the table."""

    words: tuple[str, ...]
    n_runs: int
    kind: str
    name: str = ""


class Run(NamedTuple):
    """What one process took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS / "startup.json")
    parser.add_argument("--quick", action="store_true", help="one run of each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        make_what_they_work_on(Path(folder))
        measured = measure(cases(), arguments.quick)
    command = "python -m benchmarks.bench_startup"
    result = {
        "title": "Commands from start to end, each in a new process",
        "command": command,
        "rows": [row(case, runs) for case, runs in measured.items()],
        "environment": environment() | {"command": command},
    }
    write_result(arguments.out, result)
    for line in result["rows"]:
        print(line)


def cases() -> list[Case]:
    """All helps, and one use each of the common commands."""
    helps = [Case((*name, "--help"), 7, "help") for name in ((), *((c,) for c in COMMANDS))]
    quick = [
        "search photos.hl id:3",
        "search photos.hl id:3 --where label='3' --radius 20",
        "search digits.hl id:3",
        "stats photos.hl",
        "check photos.hl",
        "dedup photos.hl",
        "update photos.hl --set seen=true --where id<9",
        "inspect model",
        "convert codes.npy {n}.hex --bits 64",
        "copy photos.hl {n}-copy.hl",
    ]
    long = [
        "search photos.hl new.png",
        "encode model digits --out encoded.npy",
        "evaluate model digits",
        "index photos --out {n}.hl",
        "train digits --method itq --features pixels --bits 32 --out itq-{n}",
        "train digits --method ritq --bits 32 --epochs 1 --out ritq-{n}",
        "serve photos.hl --port 0 --json",
    ]
    return [
        *helps,
        *(
            Case(tuple(line.split()), 5, "search" if "search" in line else "other")
            for line in quick
        ),
        *(Case(tuple(line.split()), 3, "with a model") for line in long),
    ]


def make_what_they_work_on(folder: Path) -> None:
    """Make photos that are digits, a model, a collection of them and one of 1,797 digits."""
    images = load("digits").train.images
    for i in range(N_PHOTOS + 1):
        file = folder / "photos" / str(i % 4) / f"{i}.png" if i < N_PHOTOS else folder / "new.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images.read(i)[:, :, 0]).resize((320, 240)).save(file)
    np.save(folder / "codes.npy", np.random.default_rng(0).integers(0, 256, (10_000, 8), np.uint8))
    for line in (
        "train digits --method itq --features pixels --bits 64 --out model",
        "index photos --out photos.hl",
        "index digits --model model --out digits.hl",
    ):
        subprocess.run([*HASHLENS, *line.split()], check=True, capture_output=True)


def measure(wanted: Sequence[Case], quick: bool) -> dict[Case, list[Run]]:
    """Run the commands in turn; the first round is not counted."""
    runs: dict[Case, list[Run]] = {case: [] for case in wanted}
    for turn in range(1 if quick else 1 + max(case.n_runs for case in wanted)):
        for case in wanted:
            if turn <= case.n_runs:
                run = once([word.format(n=f"made-{turn}") for word in case.words])
                if turn or quick:
                    runs[case].append(run)
    return runs


def once(words: Sequence[str]) -> Run:
    """Run a command to its end; a server until it says that it is ready."""
    until = ("--until-ready",) if words[0] == "serve" else ()
    command = [sys.executable, "-I", "-S", str(PROCESS), *until, *HASHLENS, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"hashlens {' '.join(words)}: {done.stderr}")
    seconds, cpu_seconds, peak_bytes = map(float, done.stdout.split())
    return Run(seconds, cpu_seconds, int(peak_bytes))


def row(case: Case, runs: Sequence[Run]) -> dict[str, Any]:
    walls = spread([run.seconds for run in runs])
    return {
        "command": "hashlens " + " ".join(case.words).replace("{n}", "OUT"),
        "kind": case.kind,
        "seconds": walls["median_seconds"],
        "iqr seconds": walls["iqr_seconds"],
        "CPU seconds": float(np.median([run.cpu_seconds for run in runs])),
        "peak MB": float(np.median([run.peak_bytes for run in runs])) / 1e6,
        "runs": len(runs),
    }


if __name__ == "__main__":
    main()
