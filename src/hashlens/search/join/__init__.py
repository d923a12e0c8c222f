"""All pairs of codes within a radius, of one set or between two."""

from hashlens.search.join.pairs import (
    CHUNK,
    Counts,
    Pairs,
    count_join,
    count_self_join,
    groups,
    join,
    self_join,
)

__all__ = [
    "CHUNK",
    "Counts",
    "Pairs",
    "count_join",
    "count_self_join",
    "groups",
    "join",
    "self_join",
]
