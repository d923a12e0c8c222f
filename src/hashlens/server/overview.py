"""The collection as a whole: its counts, how good its bits are, what its distances mean."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens import __version__
from hashlens.checks import printable
from hashlens.codes import Codes
from hashlens.collection import Collection
from hashlens.evaluation.bits import bit_health
from hashlens.server.look import bare_name
from hashlens.server.parameters import MAX_K
from hashlens.server.schemas import (
    Bits,
    Distances,
    LimitFacts,
    Meaning,
    ModelFacts,
    Stats,
    Writing,
)
from hashlens.server.settings import MAX_IMAGES, Settings

_PAIRS = 200_000
_CODES = 200_000
_BLOCK = 16_384
_LABELS = 1000


def overview(collection: Collection, settings: Settings, revision: int) -> Stats:
    """Look at all of the collection: the answer of ``GET /stats``."""
    counts = collection.stats()
    codes = collection.sample_codes(_CODES)
    often = sorted(counts.labels.items(), key=lambda pair: -pair[1])[:_LABELS]
    return Stats(
        name=bare_name(collection.name),
        version=__version__,
        n_items=counts.n_items,
        n_removed=counts.n_removed,
        n_bits=counts.n_bits,
        n_features=counts.n_features,
        size_bytes=counts.size_bytes,
        revision=revision,
        labels={printable(label): n for label, n in often},
        n_labels=len(counts.labels),
        metadata_keys=sorted(counts.metadata),
        bits=_bits(codes, counts.n_bits),
        distances=distances(codes, counts.n_bits),
        meaning=_meaning(collection),
        model=_model(collection),
        writing=Writing(allowed=settings.writable, token=settings.token is not None),
        limits=LimitFacts(
            max_upload_bytes=settings.max_upload_bytes,
            max_pixels=settings.max_pixels,
            max_images=MAX_IMAGES,
            max_k=MAX_K,
        ),
    )


def _bits(codes: Codes, n_bits: int) -> Bits:
    if len(codes) == 0:
        return Bits(n_codes=0, ones=[], dead=[], mean_correlation=None)
    health = bit_health(codes, n_bits)
    return Bits(
        n_codes=len(codes),
        ones=health.ones.tolist(),
        dead=list(health.dead_bits),
        mean_correlation=health.mean_correlation,
    )


def distances(codes: Codes, n_bits: int) -> Distances:
    """Count the distances of pairs of items: of all of them, or of some drawn at random.

    Examples
    --------
    >>> distances(np.array([[0], [0], [3]], np.uint8), 4).counts
    [1, 0, 2, 0, 0]
    """
    first, second = _pairs(len(codes))
    counts = np.zeros(n_bits + 1, np.int64)
    for start in range(0, len(first), _BLOCK):
        part = slice(start, start + _BLOCK)
        apart = np.bitwise_count(codes[first[part]] ^ codes[second[part]]).sum(axis=1)
        counts += np.bincount(apart, minlength=n_bits + 1)
    n_pairs = len(first)
    mean = float(counts @ np.arange(n_bits + 1)) / n_pairs if n_pairs else None
    return Distances(n_pairs=n_pairs, counts=counts.tolist(), mean=mean)


def _pairs(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if n * (n - 1) // 2 <= _PAIRS:
        first, second = np.triu_indices(n, k=1)
        return first.astype(np.int64), second.astype(np.int64)
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, n, _PAIRS)
    other: NDArray[np.int64] = (drawn + rng.integers(1, n, _PAIRS)) % n  # never the same item
    return drawn, other


def _meaning(collection: Collection) -> Meaning | None:
    meaning = collection.distance_meaning
    if meaning is None:
        return None
    return Meaning(
        share=meaning.share,
        n_queries=meaning.n_queries,
        at=meaning.at.tolist(),
        within=meaning.within.tolist(),
        promised=meaning.promised.tolist(),
    )


def _model(collection: Collection) -> ModelFacts:
    described = collection.card
    card: dict[str, Any] = described["card"]
    data: dict[str, Any] = card.get("data") or {}
    features, name = card.get("features"), data.get("name")
    classes = [printable(str(each)) for each in described["classes"]]
    return ModelFacts(
        method=described["method"],
        features=features if isinstance(features, str) else None,
        classes=classes[:_LABELS],
        n_classes=len(classes),
        data=bare_name(name) if isinstance(name, str) else None,
        n_images=data.get("n_images"),
    )
