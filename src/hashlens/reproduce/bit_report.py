"""The health of the bits of a set of codes, at every length to which they can be cut."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_labels
from hashlens.codes import Codes, check_codes, pack, unpack
from hashlens.evaluation import relevance
from hashlens.evaluation.bits import BitHealth, bit_health
from hashlens.evaluation.collisions import Collisions, collisions
from hashlens.evaluation.separation import Separation
from hashlens.neighbors import Relevance
from hashlens.search import HammingIndex

MAX_ASKING = 2_000
"""Items whose distances to all others are counted, at most; of more, so many are drawn."""

_CUT_AT_ONCE = 1 << 24  # bits that are unpacked at a time


@dataclass(frozen=True, eq=False)
class BitReport:
    """What is measured on codes of one length.

    Attributes
    ----------
    health : BitHealth
    collisions : Collisions
    separation : Separation
        Of the items with labels, where there are any; else of all, without classes.
    n_classes : int
        Distinct labels; 0 without any.
    """

    health: BitHealth
    collisions: Collisions
    separation: Separation
    n_classes: int

    @property
    def n_bits(self) -> int:
        """Length of the codes, in bits."""
        return self.health.n_bits

    def to_dict(self) -> dict[str, Any]:
        """All of it, JSON-able."""
        return {
            **self.health.to_dict(),
            **asdict(self.collisions),
            "distances": {"n_classes": self.n_classes, **self.separation.to_dict()},
        }


def report_bits(
    codes: Codes,
    lengths: Sequence[int],
    labels: NDArray[Any] | None = None,
    labelled: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> list[BitReport]:
    """Measure codes at each length, the whole length last.

    Parameters
    ----------
    codes : uint8 array of shape (n >= 1, ceil(lengths[-1] / 8))
    lengths : sequence of int
        Ascending; the last is that of the codes.
    labels : int64 (n,) or bool (n, n_classes), optional
    labelled : bool (n,), optional
        Rows of `labels` that say something; all of them where None. Figures by class are of these.
    seed : int
        Of the drawing, where there are more than 2,000 items to measure distances from.

    Returns
    -------
    reports : list of BitReport
    """
    whole = check_codes("codes", codes, lengths[-1])
    known = None if labels is None else check_labels("labels", labels, len(whole))
    if known is not None and labelled is not None and not labelled.all():
        rows = np.flatnonzero(labelled)
    else:
        rows = np.arange(len(whole))
    of_rows = None if known is None or not len(rows) else known[rows]
    return [_report(_cut(whole, lengths[-1], n), n, rows, of_rows, seed) for n in lengths]


def _report(
    codes: Codes, n_bits: int, rows: NDArray[np.int64], labels: NDArray[Any] | None, seed: int
) -> BitReport:
    """Bits and collisions of all codes, figures by class of the rows that have a label."""
    shared = collisions(codes, n_bits)
    some = codes
    if labels is not None:
        some = codes[rows]
        across = collisions(some, n_bits, labels).across_classes
        shared = Collisions(shared.distinct_codes, shared.shared, shared.largest_group, across)
    return BitReport(
        health=bit_health(codes, n_bits),
        collisions=shared,
        separation=_separation(some, n_bits, labels, seed),
        n_classes=0 if labels is None else _n_classes(labels),
    )


def _separation(codes: Codes, n_bits: int, labels: NDArray[Any] | None, seed: int) -> Separation:
    """Distances of all items, or of 2,000 that are drawn, to all of the others."""
    asking = np.arange(len(codes))
    if len(codes) > MAX_ASKING:
        drawn = np.random.default_rng(seed).choice(len(codes), MAX_ASKING, replace=False)
        asking = np.sort(drawn)
    same = _no_class(len(codes)) if labels is None else relevance(labels[asking], labels)
    index = HammingIndex(codes, n_bits)
    return Separation.of(index.histograms(codes[asking], same, exclude=asking))


def _no_class(n_items: int) -> Relevance:
    return lambda start, stop: np.zeros((stop - start, n_items), np.uint8)


def _n_classes(labels: NDArray[Any]) -> int:
    return len(np.unique(labels)) if labels.ndim == 1 else int(labels.any(axis=0).sum())


def _cut(codes: Codes, n_bits: int, wanted: int) -> Codes:
    """Keep the first bits of codes."""
    if wanted == n_bits:
        return codes
    step = max(1, _CUT_AT_ONCE // n_bits)
    parts = [codes[start : start + step] for start in range(0, len(codes), step)]
    return np.concatenate([pack(unpack(part, n_bits)[:, :wanted]) for part in parts])
