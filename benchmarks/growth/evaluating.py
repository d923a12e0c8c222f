"""Works of measuring codes: mean average precision exact over ties, and a model by a protocol."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.growth.made import N_BITS, N_CLASSES, SEED, images, model_of, random_codes
from benchmarks.growth.timing import Seconds, clocked

if TYPE_CHECKING:
    from hashlens.reproduce.code_files import LabelledCodes

N_ASKED, N_SEARCHED = 1000, 100_000


def over_codes(n: int, threads: int, scratch: Path) -> Seconds:
    """Score a thousand queries over n codes."""
    del threads, scratch
    return {"score": _scored(N_ASKED, n)}


def over_queries(n: int, threads: int, scratch: Path) -> Seconds:
    """Score n queries over a hundred thousand codes."""
    del threads, scratch
    return {"score": _scored(n, N_SEARCHED)}


def leave_one_out(n: int, threads: int, scratch: Path) -> Seconds:
    """Let each of n codes ask all others."""
    del threads, scratch
    return {"score": _scored(0, n)}


def _scored(n_asked: int, n: int) -> float:
    from hashlens.reproduce.foreign import score_codes

    score_codes(_labelled(100, SEED), _labelled(10, SEED + 1))
    database = _labelled(n, SEED)
    asking = _labelled(n_asked, SEED + 1) if n_asked else None
    return clocked(lambda: score_codes(database, asking))[0]


def _labelled(n: int, seed: int) -> "LabelledCodes":
    from hashlens.reproduce.code_files import LabelledCodes
    from hashlens.reproduce.label_files import Labels

    labels = np.random.default_rng(seed).integers(0, N_CLASSES, n)
    made = {"file": "made", "variable": None, "kind": "made", "transposed": False}
    taken = made | {"dtype": "int64", "shape": [n]}
    return LabelledCodes(random_codes(n, seed), N_BITS, Labels(labels, "made", taken), taken)


def protocol(n: int, threads: int, scratch: Path) -> Seconds:
    """Measure a model by a protocol on n images: encoded, ranked by codes and by features."""
    del threads
    from hashlens.data import Splits
    from hashlens.evaluation.protocols import protocol_named
    from hashlens.reproduce.scoring import evaluate

    model, rule = model_of("pixels", scratch), protocol_named("ritq-loo")

    def measured(n_images: int) -> float:
        splits = Splits(images(100), images(n_images, SEED + 1))
        return clocked(lambda: evaluate(model, splits, rule))[0]

    measured(100)
    return {"evaluate": measured(n)}
