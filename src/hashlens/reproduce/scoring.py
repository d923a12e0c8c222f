"""Measure a model by a protocol, with its control rows."""

import time
from collections.abc import Iterable
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
from hashlens.model import Embedding, Model, join_embeddings
from hashlens.neighbors import DistanceHistograms
from hashlens.reproduce.calibration import calibrate
from hashlens.reproduce.figures import ONE_HOT, UNCODED, Evaluation, Row
from hashlens.search import HammingIndex
from hashlens.watcher import Watcher

RANKS = (1, 10, 100, 1000)


class Side(NamedTuple):
    """Embedded images with their labels and digests."""

    embedding: Embedding
    labels: NDArray[Any]
    digests: NDArray[np.uint64]
    names: list[str]


def evaluate(
    model: Model,
    splits: Splits,
    protocol: Protocol,
    watcher: Watcher | None = None,
    *,
    strict: bool = False,
) -> Evaluation:
    """Measure `model` on data by `protocol`.

    Parameters
    ----------
    model : Model
    splits : Splits
        The data it was trained on, split in the same way, or data of the same classes.
    protocol : Protocol
    watcher : Watcher, optional
    strict : bool
        Stop at the first image that cannot be decoded, in place of leaving it out.

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
    query = _embedded(model, _part(splits, protocol.query), watcher, strict)
    if protocol.measure == "classification" or protocol.database == protocol.query:
        database = query
    else:
        database = _embedded(model, _part(splits, protocol.database), watcher, strict)
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


def _embedded(model: Model, data: Dataset, watcher: Watcher, strict: bool) -> Side:
    watcher.stage(f"encoding {data.name}", len(data))
    loaded = load_pixels(data.images, model.preprocessing, strict=strict)
    parts = []
    for start in range(0, len(loaded.pixels), 256):
        parts.append(model.embed_pixels(loaded.pixels[start : start + 256]))
        watcher.advance(min(start + 256, len(loaded.pixels)), len(data))
    if not parts:
        raise refuse("the data", "at least one readable image", data.name)
    embedding = join_embeddings(parts)._replace(kept=loaded.kept, skipped=loaded.skipped)
    names = [data.images.name(int(i)) for i in loaded.kept]
    labels = np.asarray(data.labels)[loaded.kept]
    return Side(embedding, labels, pixel_digests(loaded.pixels), names)


def _retrieve(
    model: Model, query: Side, database: Side, protocol: Protocol, watcher: Watcher
) -> dict[str, Any]:
    exclude = np.arange(len(query.labels)) if protocol.exclude_self else None
    watcher.stage("ranking", 3)
    histograms = _histograms(query, database, model.n_bits, exclude)
    rows = [row_of(f"{model.method} codes", model.n_bits, [histograms], protocol)]
    watcher.advance(1, 3)
    if query.embedding.logits is not None:
        rows.append(_one_hot_row(query, database, exclude, protocol))
    watcher.advance(2, 3)
    sides = [(side.embedding.features, side.labels) for side in (query, database)]
    rows.append(feature_row(sides[0], sides[1], protocol))
    watcher.advance(3, 3)
    curve = precision_recall_curve(histograms)
    return {
        "rows": tuple(rows),
        "order_check": _order_check(query, database, model.n_bits, exclude, protocol),
        "curve": {"precision": curve.precision.tolist(), "recall": curve.recall.tolist()},
        "calibration": calibrate(model.distance_meaning, histograms),
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
    return row_of(ONE_HOT, n_classes, [histograms], protocol)


Vectors = tuple[NDArray[np.float32], NDArray[Any]]


def feature_row(query: Vectors, database: Vectors, protocol: Protocol) -> Row:
    """Score features (n, d) with their labels, ranked by Euclidean distance: the control row."""
    blocks = feature_histograms(
        query[0],
        database[0],
        relevance(query[1], database[1]),
        exclude=np.arange(len(query[1])) if protocol.exclude_self else None,
    )
    return row_of(UNCODED, None, blocks, protocol)


def row_of(
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
