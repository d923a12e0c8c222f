"""What a model promises of its distances, beside what the test queries find."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hashlens.evaluation import DistanceMeaning
from hashlens.neighbors import DistanceHistograms

ASKED = (0.99, 0.95, 0.9, 0.8, 0.7, 0.5)


@dataclass(frozen=True)
class Calibration:
    """Precision within each radius, 0 to n_bits: promised, expected and measured.

    Attributes
    ----------
    n_kept_out : int
        Images, kept out of the training, that the promise comes from.
    shares : (float, float)
        Share of the items that are of a query's class, among those images and in the test.
    promised, expected : tuple of float
        The lower bound and the estimate of `DistanceMeaning`.
    measured : tuple of float or None
        Of all that the test queries find; None where they find nothing.
    recall : tuple of float
    found : tuple of float
        Items that a test query finds, in the mean.
    """

    n_kept_out: int
    shares: tuple[float, float]
    promised: tuple[float, ...]
    expected: tuple[float, ...]
    measured: tuple[float | None, ...]
    recall: tuple[float, ...]
    found: tuple[float, ...]

    def radius_for(self, precision: float) -> int | None:
        """Find the largest radius for which so much is promised; None if there is none."""
        radii = [radius for radius, share in enumerate(self.promised) if share >= precision]
        return radii[-1] if radii else None

    def table(self) -> list[dict[str, Any]]:
        """A line for each radius that answers a usual wish."""
        lines: dict[int, dict[str, Any]] = {}
        for precision in ASKED:
            radius = self.radius_for(precision)
            if radius is None or radius in lines:
                continue
            lines[radius] = {
                "wanted": f"{precision:g}",
                "radius": radius,
                "promised": f"{self.promised[radius]:.3f}",
                "measured": _short(self.measured[radius]),
                "recall": f"{self.recall[radius]:.3f}",
                "items found": f"{self.found[radius]:.1f}",
            }
        return list(lines.values())

    @property
    def verdict(self) -> str:
        """Whether the promises of the table hold on the test queries."""
        most = f"No precision above {max(self.promised):.3f} is promised"
        radii = [line["radius"] for line in self.table()]
        shares = [(self.promised[radius], self.measured[radius]) for radius in radii]
        short = [100 * (p - m) for p, m in shares if m is not None and m < p]
        if not shares:
            return f"{most}."
        if not short:
            return f"{most}; every promise holds on the test queries."
        points = f"by {max(short):.1f} points at most"
        return f"{most}; {len(short)} of {len(shares)} are missed on the test queries, {points}."

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values."""
        names = ("promised", "expected", "measured", "recall", "found")
        curves = {name: [_rounded(v) for v in getattr(self, name)] for name in names}
        return {
            "n_kept_out": self.n_kept_out,
            "share_kept_out": self.shares[0],
            "share_in_test": self.shares[1],
            **curves,
            "verdict": self.verdict,
        }


def calibrate(
    meaning: DistanceMeaning | None, histograms: DistanceHistograms
) -> Calibration | None:
    """Compare promises with what queries found; None where the model promises nothing."""
    if meaning is None:
        return None
    found = np.cumsum(histograms.total.sum(axis=0))
    hits = np.cumsum(histograms.relevant.sum(axis=0))
    n_found, n_hits = max(int(found[-1]), 1), max(int(hits[-1]), 1)
    return Calibration(
        n_kept_out=meaning.n_queries,
        shares=(meaning.share, float(hits[-1] / n_found)),
        promised=tuple(meaning.promised.tolist()),
        expected=tuple(meaning.within.tolist()),
        measured=tuple(float(h / f) if f else None for h, f in zip(hits, found, strict=True)),
        recall=tuple((hits / n_hits).tolist()),
        found=tuple((found / max(len(histograms), 1)).tolist()),
    )


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
