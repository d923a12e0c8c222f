"""What a protocol says of a model: the rows of its table, and everything they were made with."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hashlens.evaluation.protocols import Protocol
from hashlens.provenance import provenance
from hashlens.reproduce.calibration import Calibration
from hashlens.reproduce.published import Published, published
from hashlens.reproduce.sides import Side

ONE_HOT = "one-hot"
UNCODED = "uncoded"


@dataclass(frozen=True)
class Row:
    """One line of a retrieval table.

    Attributes
    ----------
    name : str
    n_bits : int or None
        None for real-valued features.
    map, map_best, map_worst : float
        Mean average precision: expected over the orders of ties, and its bounds.
    precision_at : dict
        Rank to mean precision.
    precision_within_2 : float or None
        Within Hamming radius 2; an empty ball counts as 0.
    empty_balls : float or None
        Share of the queries with nothing within radius 2.
    ndcg : float or None
        Normalised discounted cumulative gain by the number of labels in common, where images have
        several.
    """

    name: str
    n_bits: int | None
    map: float
    map_best: float
    map_worst: float
    precision_at: dict[int, float]
    precision_within_2: float | None = None
    empty_balls: float | None = None
    ndcg: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """What a protocol says of a model."""

    protocol: Protocol
    rows: tuple[Row, ...]
    n_queries: int
    n_database: int
    model: dict[str, Any]
    data: dict[str, Any]
    classification_error: float | None = None
    order_check: dict[str, float] = field(default_factory=dict)
    curve: dict[str, list[float]] = field(default_factory=dict)
    calibration: Calibration | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    sides: tuple[Side, Side] | None = field(default=None, repr=False)

    @property
    def beats_one_hot(self) -> bool | None:
        """Whether the codes rank better than the classifier's answer alone; None without one."""
        control = [row for row in self.rows if row.name == ONE_HOT]
        return self.rows[0].map > control[0].map if control else None

    @property
    def published(self) -> Published | None:
        """What a paper prints for this measurement, if one does."""
        data = self.data["name"].partition("/")[0]
        metric = "mAP" if self.protocol.k is None else f"mAP@{self.protocol.k}"
        return published(
            data, self.protocol.name, metric, self.model["method"], self.model["n_bits"]
        )

    @property
    def title(self) -> str:
        """One line that says what was measured."""
        return (
            f"{self.data['name']}, {self.protocol.name}: {self.n_queries:,} queries, "
            f"{self.n_database:,} images searched"
        )

    @property
    def verdict(self) -> str:
        """One sentence on the control rows."""
        if self.beats_one_hot is None:
            return "The model has no classifier, so there is no one-hot row to beat."
        first, control = self.rows[0], next(row for row in self.rows if row.name == ONE_HOT)
        word = "beat" if self.beats_one_hot else "do NOT beat"
        return (
            f"The codes {word} the classifier's own answer taken as a code "
            f"(mAP {first.map:.4f} against {control.map:.4f})."
        )

    def table(self) -> list[dict[str, Any]]:
        """The rows for people: one dictionary a line, the same keys in each."""
        return table_of(self.rows, self.protocol.k)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, with machine, versions and command."""
        environment = provenance()
        return {
            "title": self.title,
            "command": environment["command"],
            "protocol": self.protocol.to_dict(),
            "model": self.model,
            "data": self.data,
            "n_queries": self.n_queries,
            "n_database": self.n_database,
            "rows": [asdict(row) for row in self.rows],
            "published": None if self.published is None else self.published._asdict(),
            "beats_one_hot": self.beats_one_hot,
            "classification_error": self.classification_error,
            "order_check": self.order_check,
            "curve": self.curve,
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
            "skipped": [list(item) for item in self.skipped],
            "seconds": self.seconds,
            "environment": environment,
        }


def table_of(rows: Sequence[Row], k: int | None) -> list[dict[str, Any]]:
    """Rows for people, average precision cut at `k`: the same keys in each."""
    ranks = sorted({rank for row in rows for rank in row.precision_at} - {1})
    graded = any(row.ndcg is not None for row in rows)
    cut = "" if k is None else f"@{k}"
    return [
        {
            "what": row.name,
            "bits": row.n_bits,
            f"mAP{cut}": f"{row.map:.4f}",
            "of ties": f"{row.map_worst:.4f}-{row.map_best:.4f}",
            **{f"P@{rank}": _short(row.precision_at.get(rank)) for rank in ranks},
            "P r<=2": _short(row.precision_within_2),
            "empty": _short(row.empty_balls),
            **({"nDCG": _short(row.ndcg)} if graded else {}),
        }
        for row in rows
    ]


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
