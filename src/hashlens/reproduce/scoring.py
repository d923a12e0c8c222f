"""Measure a model by a protocol, with its control rows."""

import time
from typing import Any

import numpy as np

from hashlens.checks import refuse
from hashlens.data import Splits
from hashlens.evaluation import mean_average_precision
from hashlens.evaluation.protocols import Protocol, check_leaks
from hashlens.model import Model
from hashlens.reproduce.arrangement import QUERY, arrange
from hashlens.reproduce.calibration import calibrate
from hashlens.reproduce.figures import Evaluation
from hashlens.reproduce.rows import feature_row, one_hot_row, tally_of
from hashlens.reproduce.sides import (
    Side,
    both_sides,
    classification_error,
    encode_side,
    histograms_of,
    rank,
)
from hashlens.watcher import Watcher


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
    arrangement = arrange(splits, protocol)
    query, database = both_sides(
        arrangement, lambda part: encode_side(model, arrangement.part(part), watcher, strict)
    )
    encoded = time.monotonic()
    images = arrangement.part(QUERY).images
    names = [images.name(int(i)) for i in query.rows]
    check_leaks(protocol, query.digests, database.digests, model.training_digests, names)
    common: dict[str, Any] = {
        "protocol": protocol,
        "n_queries": len(query.labels),
        "n_database": len(database.labels),
        "model": {"method": model.method, "n_bits": model.n_bits, "card": model.card},
        "data": {
            "name": splits.test.name,
            "checksum": splits.test.checksum,
            "arrangement": arrangement.digest,
        },
        "classification_error": error_of(query, protocol),
        "skipped": query.skipped,
        "sides": (query._replace(features=None), database._replace(features=None)),
    }
    if protocol.measure == "classification":
        if common["classification_error"] is None:
            raise refuse("the model", "one with a classifier", model.method)
        return Evaluation(rows=(), seconds={"encode": encoded - began}, **common)
    measured = _retrieve(model, query, database, protocol, watcher)
    seconds = {"encode": encoded - began, "evaluate": time.monotonic() - encoded}
    return Evaluation(seconds={k: round(v, 3) for k, v in seconds.items()}, **measured, **common)


def error_of(query: Side, protocol: Protocol) -> float | None:
    """Share of the queries that the classifier gets wrong; None where it does not know them."""
    return None if protocol.parts == "unseen" else classification_error(query)


def _retrieve(
    model: Model, query: Side, database: Side, protocol: Protocol, watcher: Watcher
) -> dict[str, Any]:
    watcher.stage("ranking", 2)
    rankings = rank(query, database, model.n_bits, protocol.exclude_self)
    watcher.advance(1, 2)
    tally = tally_of(rankings, model.n_bits, protocol)
    controls = (one_hot_row(rankings, protocol), feature_row(query, database, protocol))
    watcher.advance(2, 2)
    return {
        "rows": (tally.row(f"{model.method} codes"), *(row for row in controls if row)),
        "order_check": _order_check(query, database, model.n_bits, protocol),
        "curve": tally.curve(),
        "calibration": calibrate(model.distance_meaning, rankings.codes),
    }


def _order_check(query: Side, database: Side, n_bits: int, protocol: Protocol) -> dict[str, float]:
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
        asking = query
        if protocol.exclude_self:  # each query keeps its own place in the database
            asking = query._replace(codes=query.codes[order], labels=labels[order])
        moved = database._replace(codes=database.codes[order], labels=labels[order])
        histograms = histograms_of(asking, moved, n_bits, protocol.exclude_self)
        figure = mean_average_precision(histograms, k=protocol.k, denominator=protocol.denominator)
        figures[name] = figure.expected
    return figures
