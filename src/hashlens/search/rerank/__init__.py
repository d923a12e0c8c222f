"""Finer orders of the candidates that a code search found."""

from hashlens.search.rerank.bit_weights import label_weights, projection_weights
from hashlens.search.rerank.by_bits import by_projections, by_weights
from hashlens.search.rerank.features import feature_distances, rerank
from hashlens.search.rerank.order import nearest_first

__all__ = [
    "by_projections",
    "by_weights",
    "feature_distances",
    "label_weights",
    "nearest_first",
    "projection_weights",
    "rerank",
]
