"""One line of a comparison: a method at one code length, over all seeds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.evaluation import mean_and_interval
from hashlens.evaluation.protocols import protocol_named
from hashlens.reproduce.comparing import Cell
from hashlens.reproduce.published import Published

Precisions = NDArray[np.float64] | None


@dataclass(frozen=True)
class Line:
    """A method at one code length on one data set, over all seeds.

    Attributes
    ----------
    cells : tuple of dict
        One a seed.
    precisions : float64 (n_queries,), or None
        Average precision of each query, the mean over the seeds.
    """

    cells: tuple[Cell, ...]
    precisions: Precisions = None

    @property
    def first(self) -> Cell:
        """The first seed's cell: what does not depend on the seed."""
        return self.cells[0]

    @property
    def name(self) -> str:
        """The method, and whether its code is cut from a longer one."""
        return f"{self.first['method']}, cut" if self.first["cut"] else str(self.first["method"])

    @property
    def full_name(self) -> str:
        """The method, and what it sees."""
        features = self.first["features"]
        return f"{self.name} on {features}" if features else self.name

    @property
    def published(self) -> Published | None:
        """What a paper prints for the mean average precision."""
        k = protocol_named(self.first["protocol"]).k
        return self.printed("mAP" if k is None else f"mAP@{k}")

    def printed(self, metric: str) -> Published | None:
        """What a paper prints for a metric."""
        for figure in self.first.get("published", ()):
            if figure["metric"] == metric:
                return Published(**figure)
        return None

    def mean(self, key: str) -> float | None:
        """Mean of a figure over the seeds; None where it was not measured."""
        values = [cell[key] for cell in self.cells if cell.get(key) is not None]
        return float(np.mean(values)) if values else None

    def interval(self, key: str) -> float | None:
        """Half the width of a figure's 95 % interval over the seeds; None for one seed."""
        values = [cell[key] for cell in self.cells if cell.get(key) is not None]
        return mean_and_interval(values)[1] if values else None


def row_of_line(line: Line) -> dict[str, Any]:
    """One line of a flat table."""
    first = line.first
    return {
        "data": first["data"],
        "protocol": first["protocol"],
        "features": first["features"] or "-",
        "method": line.name,
        "bits": first["n_bits"],
        "seeds": len(line.cells),
        "mAP": line.mean("map"),
        "mAP +-": line.interval("map"),
        "published": str(line.published or "-"),
        "of ties": [line.mean("map_worst"), line.mean("map_best")],
        "uncoded": line.mean("map_uncoded"),
        "one-hot": line.mean("map_one_hot"),
        "P r<=2": line.mean("precision_within_2"),
        "empty": line.mean("empty_balls"),
        "nDCG": line.mean("ndcg"),
        "error": line.mean("classification_error"),
        "fit seconds": line.mean("fit_seconds"),
        "fit peak MiB": line.mean("fit_peak_mib"),
        "encode seconds": line.mean("encode_seconds"),
        "refused": first.get("refused"),
    }


def shown_figure(line: Line) -> str:
    """Mean average precision, or the classifier's error, with its interval over the seeds."""
    for key, percent in (("map", False), ("classification_error", True)):
        mean, half = line.mean(key), line.interval(key)
        if mean is not None:
            if percent:
                return f"{100 * mean:.2f} %"
            return f"{mean:.3f}" if half is None else f"{mean:.3f} ± {half:.3f}"
    return "-"
