"""Finer orders of the candidates that a code search found."""

from typing import TYPE_CHECKING

from hashlens.lazy import names_of

if TYPE_CHECKING:
    from hashlens.search.rerank.bit_weights import label_weights as label_weights
    from hashlens.search.rerank.bit_weights import projection_weights as projection_weights
    from hashlens.search.rerank.by_bits import by_projections as by_projections
    from hashlens.search.rerank.by_bits import by_weights as by_weights
    from hashlens.search.rerank.features import feature_distances as feature_distances
    from hashlens.search.rerank.features import rerank as rerank
    from hashlens.search.rerank.order import nearest_first as nearest_first

__all__ = [
    "by_projections",
    "by_weights",
    "feature_distances",
    "label_weights",
    "nearest_first",
    "projection_weights",
    "rerank",
]

__getattr__ = names_of(
    __name__,
    {
        "by_projections": "hashlens.search.rerank.by_bits",
        "by_weights": "hashlens.search.rerank.by_bits",
        "feature_distances": "hashlens.search.rerank.features",
        "label_weights": "hashlens.search.rerank.bit_weights",
        "nearest_first": "hashlens.search.rerank.order",
        "projection_weights": "hashlens.search.rerank.bit_weights",
        "rerank": "hashlens.search.rerank.features",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
