"""What the scripts here share: their arguments, their record, and how they end."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks._record import RESULTS, environment, write_result

from hashlens.data import Preprocessing
from hashlens.feature_encoder import FeatureEncoder
from hashlens.features import load_features
from hashlens.hashers import PCAH
from hashlens.model import Model

Tables = dict[str, list[dict[str, Any]]]


def run_script(
    name: str,
    title: str,
    play: Callable[[argparse.Namespace, list[str]], Tables],
    options: dict[str, float] | None = None,
) -> None:
    """Read the arguments, play, write ``reliability-NAME.json``; exit 1 if anything failed.

    ``play(arguments, failures)`` gives tables of figures, and adds to `failures`.
    """
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--out", type=Path, default=RESULTS / f"reliability-{name}.json")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a few seconds' worth; not recorded")
    for option, default in (options or {}).items():
        parser.add_argument(f"--{option}", type=type(default), default=default)
    arguments = parser.parse_args()
    if arguments.quick and arguments.out == RESULTS / f"reliability-{name}.json":
        arguments.out = None
    failures: list[str] = []
    tables = play(arguments, failures)
    for rows in tables.values():
        for row in rows:
            print("  ".join(f"{key} {value}" for key, value in row.items()))
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    if arguments.out is not None:
        command = f"python -m benchmarks.reliability.{name.replace('-', '_')}"
        record = {"title": title, "command": command, "seed": arguments.seed}
        record |= {**tables, "failures": failures, "environment": environment()}
        write_result(arguments.out, record)
    sys.exit(1 if failures else 0)


def small_model(n_bits: int = 48, side: int = 8) -> Model:
    """A model that encodes in no time, so that the work is the collection's own."""
    import numpy as np

    features = load_features("pixels", preprocessing=Preprocessing(side, side, 3))
    X = np.random.default_rng(0).random((max(100, n_bits + 10), features.n_features), np.float32)
    return Model(
        method="pcah",
        n_bits=n_bits,
        preprocessing=features.preprocessing,
        classes=(),
        encoder=FeatureEncoder(features, PCAH(n_bits=n_bits).fit(X)),
        settings={"n_bits": n_bits},
    )
