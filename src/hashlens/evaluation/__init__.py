"""Neighbours to figures: exact over ties, from histograms of distances."""

from hashlens.evaluation.average_precision import (
    MeanAveragePrecision,
    average_precision,
    mean_average_precision,
)
from hashlens.evaluation.bootstrap import Difference, mean_and_interval, paired_bootstrap
from hashlens.evaluation.calibration import DistanceMeaning, meaning_in
from hashlens.evaluation.features import feature_histograms, rank_features
from hashlens.evaluation.gain import graded_relevance, ndcg
from hashlens.evaluation.labels import relevance
from hashlens.evaluation.precision import (
    PrecisionRecall,
    precision_at,
    precision_recall_curve,
    precision_within,
    recall_at,
)

__all__ = [
    "Difference",
    "DistanceMeaning",
    "MeanAveragePrecision",
    "PrecisionRecall",
    "average_precision",
    "feature_histograms",
    "graded_relevance",
    "mean_and_interval",
    "mean_average_precision",
    "meaning_in",
    "ndcg",
    "paired_bootstrap",
    "precision_at",
    "precision_recall_curve",
    "precision_within",
    "rank_features",
    "recall_at",
    "relevance",
]
