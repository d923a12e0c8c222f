"""Whether torch.compile quickens training: steps of "cifarnet" as they are, and compiled.

    python -m benchmarks.bench_compile [--out benchmarks/results/compile.json] [--steps 15]

500 random images a step, bfloat16 and channels_last as `hashlens train` has them, a classifier,
gradient descent. Both take turns; the first step of each, which compiles, is told by itself.
"""

import argparse
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks._record import RESULTS, environment, spread, write_result
from torch import nn

from hashlens.bench.timing import seconds_of
from hashlens.deep.trunks import build_trunk

BATCH, N_CLASSES, SIZE = 500, 10, 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS / "compile.json")
    parser.add_argument("--steps", type=int, default=15)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    network = nn.Sequential(build_trunk("cifarnet", 3), nn.LazyLinear(N_CLASSES))
    network(torch.zeros(2, 3, SIZE, SIZE))  # its last layer learns the number of its inputs
    network.to(memory_format=torch.channels_last)
    twin = copy.deepcopy(network)
    steps = {
        "as it is": stepping(network, network),
        "compiled": stepping(twin, torch.compile(twin)),
    }
    first = {name: seconds_of(step) for name, step in steps.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(arguments.steps):
        for name, step in steps.items():
            seconds[name].append(seconds_of(step))
    plain = float(np.median(seconds["as it is"]))
    command = f"python -m benchmarks.bench_compile --steps {arguments.steps}"
    result = {
        "title": f"Steps of cifarnet, {BATCH} images each, bfloat16",
        "command": command,
        "rows": [row(name, first[name], seconds[name], plain) for name in steps],
        "threads": torch.get_num_threads(),
        "environment": environment() | {"command": command},
    }
    write_result(arguments.out, result)
    for line in result["rows"]:
        print(line)


def stepping(network: nn.Module, forward: Callable[..., torch.Tensor]) -> Callable[[], None]:
    """Give what takes one step of training."""
    images = torch.randn(BATCH, 3, SIZE, SIZE).to(memory_format=torch.channels_last)
    labels = torch.randint(N_CLASSES, (BATCH,))
    optimiser = torch.optim.SGD(network.parameters(), 0.01, momentum=0.9)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            loss = nn.functional.cross_entropy(forward(images), labels, label_smoothing=0.2)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def row(name: str, first: float, seconds: list[float], plain: float) -> dict[str, Any]:
    median = float(np.median(seconds))
    return {
        "network": name,
        "first step s": round(first, 2),
        "median step s": median,
        "iqr s": spread(seconds)["iqr_seconds"],
        "of the time as it is": median / plain,
        "steps": len(seconds),
    }


if __name__ == "__main__":
    main()
