"""From rankings to the lines of a table: the codes, and the controls beside them."""

from collections.abc import Sequence

import numpy as np

from hashlens.checks import refuse
from hashlens.evaluation import feature_histograms, relevance
from hashlens.evaluation.protocols import Protocol
from hashlens.reproduce.figures import ONE_HOT, UNCODED, Row
from hashlens.reproduce.sides import Rankings, Side
from hashlens.reproduce.tally import RANKS, Tally


def tally_of(
    rankings: Rankings, n_bits: int, protocol: Protocol, ranks: Sequence[int] = RANKS
) -> Tally:
    """Gather the figures of codes."""
    tally = Tally(protocol.k, protocol.denominator, n_bits, ranks)
    tally.add(rankings.codes, rankings.grades)
    return tally


def one_hot_row(rankings: Rankings, protocol: Protocol) -> Row | None:
    """Score the classifier's answer, taken as a code; None without a classifier."""
    if rankings.one_hot is None:
        return None
    n_classes = rankings.one_hot.total.shape[1] - 1
    tally = Tally(protocol.k, protocol.denominator, n_classes)
    tally.add(rankings.one_hot)
    return tally.row(ONE_HOT)


def feature_row(query: Side, database: Side, protocol: Protocol) -> Row:
    """Score the features, ranked by cosine."""
    if query.features is None or database.features is None:
        raise refuse("features", "at hand", None)
    blocks = feature_histograms(
        query.features,
        database.features,
        relevance(query.labels, database.labels),
        exclude=np.arange(len(query.labels)) if protocol.exclude_self else None,
    )
    tally = Tally(protocol.k, protocol.denominator)
    for block in blocks:
        tally.add(block)
    return tally.row(UNCODED)
