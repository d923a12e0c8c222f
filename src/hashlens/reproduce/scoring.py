"""Measure a model by a protocol, with its control rows."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.codes import Codes, pack
from hashlens.data import Dataset, Splits, load_pixels
from hashlens.data.digests import pixel_digests
from hashlens.evaluation import (
    average_precision,
    feature_histograms,
    mean_average_precision,
    precision_at,
    precision_recall_curve,
    precision_within,
    relevance,
)
from hashlens.evaluation.protocols import Protocol, check_leaks
from hashlens.model import Embedding, Model
from hashlens.neighbors import DistanceHistograms
from hashlens.provenance import provenance
from hashlens.reproduce.published import Published, published
from hashlens.search import HammingIndex
from hashlens.watcher import Watcher

RANKS = (1, 10, 100, 1000)


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
    """

    name: str
    n_bits: int | None
    map: float
    map_best: float
    map_worst: float
    precision_at: dict[int, float]
    precision_within_2: float | None = None
    empty_balls: float | None = None


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
    skipped: tuple[tuple[str, str], ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

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
        ranks = sorted({rank for row in self.rows for rank in row.precision_at} - {1})
        cut = "" if self.protocol.k is None else f"@{self.protocol.k}"
        return [
            {
                "what": row.name,
                "bits": row.n_bits,
                f"mAP{cut}": f"{row.map:.4f}",
                "of ties": f"{row.map_worst:.4f}-{row.map_best:.4f}",
                **{f"P@{rank}": _short(row.precision_at.get(rank)) for rank in ranks},
                "P r<=2": _short(row.precision_within_2),
                "empty": _short(row.empty_balls),
            }
            for row in self.rows
        ]

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
            "skipped": [list(item) for item in self.skipped],
            "seconds": self.seconds,
            "environment": environment,
        }


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


ONE_HOT = "one-hot"
UNCODED = "uncoded"


class Side(NamedTuple):
    """Embedded images with their labels and digests."""

    embedding: Embedding
    labels: NDArray[Any]
    digests: NDArray[np.uint64]
    names: list[str]


def evaluate(
    model: Model, splits: Splits, protocol: Protocol, watcher: Watcher | None = None
) -> Evaluation:
    """Measure `model` on data by `protocol`.

    Parameters
    ----------
    model : Model
    splits : Splits
        The data it was trained on, split in the same way, or data of the same classes.
    protocol : Protocol
    watcher : Watcher, optional

    Returns
    -------
    evaluation : Evaluation

    Raises
    ------
    LeakError
        If the model or the database has seen a query, beyond what the protocol defines.
    InputError
        If the data have no labels, or the protocol needs a classifier the model lacks.
    """
    watcher = watcher or Watcher()
    began = time.monotonic()
    query = _embedded(model, _part(splits, protocol.query), watcher)
    if protocol.measure == "classification" or protocol.database == protocol.query:
        database = query
    else:
        database = _embedded(model, _part(splits, protocol.database), watcher)
    encoded = time.monotonic()
    check_leaks(protocol, query.digests, database.digests, model.training_digests, query.names)
    common: dict[str, Any] = {
        "protocol": protocol,
        "n_queries": len(query.labels),
        "n_database": len(database.labels),
        "model": {"method": model.method, "n_bits": model.n_bits, "card": model.card},
        "data": {"name": splits.test.name, "checksum": splits.test.checksum},
        "classification_error": _classification_error(query),
        "skipped": tuple((s.name, s.reason) for s in query.embedding.skipped),
    }
    if protocol.measure == "classification":
        if common["classification_error"] is None:
            raise refuse("the model", "one with a classifier", model.method)
        return Evaluation(rows=(), seconds={"encode": encoded - began}, **common)
    measured = _retrieve(model, query, database, protocol, watcher)
    seconds = {"encode": encoded - began, "evaluate": time.monotonic() - encoded}
    return Evaluation(seconds={k: round(v, 3) for k, v in seconds.items()}, **measured, **common)


def _part(splits: Splits, name: str) -> Dataset:
    part = splits.train if name == "train" else splits.test
    if part.labels is None:
        raise refuse("the data", "labelled, to be measured on", part.name)
    return part


def _embedded(model: Model, data: Dataset, watcher: Watcher) -> Side:
    watcher.stage(f"encoding {data.name}", len(data))
    loaded = load_pixels(data.images, model.preprocessing)
    parts = []
    for start in range(0, len(loaded.pixels), 256):
        parts.append(model.embed_pixels(loaded.pixels[start : start + 256]))
        watcher.advance(min(start + 256, len(loaded.pixels)), len(data))
    if not parts:
        raise refuse("the data", "at least one readable image", data.name)
    logits = [part.logits for part in parts if part.logits is not None]
    embedding = Embedding(
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.features for part in parts]),
        np.concatenate(logits) if logits else None,
        loaded.kept,
        loaded.skipped,
    )
    names = [data.images.name(int(i)) for i in loaded.kept]
    labels = np.asarray(data.labels)[loaded.kept]
    return Side(embedding, labels, pixel_digests(loaded.pixels), names)


def _retrieve(
    model: Model, query: Side, database: Side, protocol: Protocol, watcher: Watcher
) -> dict[str, Any]:
    exclude = np.arange(len(query.labels)) if protocol.exclude_self else None
    watcher.stage("ranking", 3)
    histograms = _histograms(query, database, model.n_bits, exclude)
    rows = [_row(f"{model.method} codes", model.n_bits, [histograms], protocol)]
    watcher.advance(1, 3)
    if query.embedding.logits is not None:
        rows.append(_one_hot_row(query, database, exclude, protocol))
    watcher.advance(2, 3)
    rows.append(_feature_row(query, database, exclude, protocol))
    watcher.advance(3, 3)
    curve = precision_recall_curve(histograms)
    return {
        "rows": tuple(rows),
        "order_check": _order_check(query, database, model.n_bits, exclude, protocol),
        "curve": {"precision": curve.precision.tolist(), "recall": curve.recall.tolist()},
    }


def _histograms(
    query: Side, database: Side, n_bits: int, exclude: NDArray[np.int64] | None
) -> DistanceHistograms:
    index = HammingIndex(database.embedding.codes, n_bits)
    relevant = relevance(query.labels, database.labels)
    return index.histograms(query.embedding.codes, relevant, exclude=exclude)


def _one_hot_row(
    query: Side, database: Side, exclude: NDArray[np.int64] | None, protocol: Protocol
) -> Row:
    """Score the classifier's answer as a code of n_classes bits: a hash must beat it."""
    sides = []
    n_classes = 0
    for side in (query, database):
        logits = np.asarray(side.embedding.logits)
        n_classes = logits.shape[1]
        answers = np.arange(n_classes) == logits.argmax(1)[:, None]
        sides.append(side._replace(embedding=side.embedding._replace(codes=pack(answers))))
    histograms = _histograms(sides[0], sides[1], n_classes, exclude)
    return _row(ONE_HOT, n_classes, [histograms], protocol)


def _feature_row(
    query: Side, database: Side, exclude: NDArray[np.int64] | None, protocol: Protocol
) -> Row:
    blocks = feature_histograms(
        query.embedding.features,
        database.embedding.features,
        relevance(query.labels, database.labels),
        exclude=exclude,
    )
    return _row(UNCODED, None, blocks, protocol)


def _row(
    name: str, n_bits: int | None, blocks: Iterable[DistanceHistograms], protocol: Protocol
) -> Row:
    """Average a line's figures over its queries, which come in blocks."""
    precisions, at, within, empty = [], [], [], []
    ks: list[int] = []
    for block in blocks:
        bounds = [
            average_precision(block, k=protocol.k, denominator=protocol.denominator, order=order)
            for order in ("expected", "best", "worst")
        ]
        precisions.append(np.stack(bounds, 1))
        if not ks:  # beyond the number of relevant items, precision says nothing
            ks = [k for k in RANKS if k <= max(1.0, float(np.median(block.relevant.sum(1))))]
        at.append(precision_at(block, ks))
        if n_bits is not None:
            ball, share = precision_within(block, min(2, n_bits))
            within.append(ball)
            empty.append(share * len(block))
    expected, best, worst = np.concatenate(precisions).mean(0)
    n_queries = sum(len(part) for part in at)
    return Row(
        name=name,
        n_bits=n_bits,
        map=float(expected),
        map_best=float(best),
        map_worst=float(worst),
        precision_at={k: float(v) for k, v in zip(ks, np.concatenate(at).mean(0), strict=True)},
        precision_within_2=float(np.concatenate(within).mean()) if within else None,
        empty_balls=float(sum(empty) / n_queries) if within else None,
    )


def _order_check(
    query: Side,
    database: Side,
    n_bits: int,
    exclude: NDArray[np.int64] | None,
    protocol: Protocol,
) -> dict[str, float]:
    """The same figure with the database sorted by class, and shuffled: ties must not matter."""
    labels = database.labels
    keys = labels if labels.ndim == 1 else labels.argmax(1)
    orders = {
        "as_is": np.arange(len(labels)),
        "sorted_by_class": np.argsort(keys, kind="stable"),
        "shuffled": np.random.default_rng(0).permutation(len(labels)),
    }
    figures = {}
    for name, order in orders.items():
        codes: Codes = database.embedding.codes[order]
        moved = database._replace(
            embedding=database.embedding._replace(codes=codes), labels=labels[order]
        )
        left_out = None if exclude is None else np.argsort(order)[exclude]
        histograms = _histograms(query, moved, n_bits, left_out)
        figure = mean_average_precision(histograms, k=protocol.k, denominator=protocol.denominator)
        figures[name] = figure.expected
    return figures


def _classification_error(side: Side) -> float | None:
    logits = side.embedding.logits
    if logits is None or side.labels.ndim == 2:
        return None
    return float(np.mean(logits.argmax(1) != side.labels))
