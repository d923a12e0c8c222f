"""Codes as a stage of a comparison keeps them: both sides, and what they were made of."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.neighbors import DistanceHistograms
from hashlens.reproduce.sides import Rankings, Side
from hashlens.reproduce.store import Arrays, Kept

_FIELDS = ("codes", "labels", "digests", "rows", "answers")


class Coded(NamedTuple):
    """What the codes stage gives.

    Attributes
    ----------
    query, database : Side
        Without features, where they were read from the store.
    training_digests : uint64 (n,)
    facts : dict
        Costs, the history of the training, what was measured on the images kept out of it.
    """

    query: Side
    database: Side
    training_digests: NDArray[np.uint64]
    facts: dict[str, Any]

    def to_kept(self) -> Kept:
        """Give arrays and facts to be written; one side, where both are the same."""
        sides = {"query": self.query}
        if self.database is not self.query:
            sides["database"] = self.database
        arrays: Arrays = {"training_digests": self.training_digests}
        facts = dict(self.facts)
        for name, side in sides.items():
            for field in _FIELDS:
                if getattr(side, field) is not None:
                    arrays[f"{name}_{field}"] = getattr(side, field)
            facts[f"{name}_skipped"] = [list(item) for item in side.skipped]
            facts[f"{name}_n_answers"] = side.n_answers
        return Kept(arrays, facts)

    @classmethod
    def from_kept(cls, kept: Kept) -> "Coded":
        """Read what `to_kept` gave."""
        query = _side(kept, "query")
        database = _side(kept, "database") if "database_codes" in kept.arrays else query
        facts = {k: v for k, v in kept.facts.items() if not k.startswith(("query_", "database_"))}
        return cls(query, database, kept.arrays["training_digests"], facts)


def _side(kept: Kept, name: str) -> Side:
    fields = {field: kept.arrays.get(f"{name}_{field}") for field in _FIELDS}
    skipped = tuple((item[0], item[1]) for item in kept.facts[f"{name}_skipped"])
    side: Any = Side(**fields, n_answers=kept.facts[f"{name}_n_answers"], skipped=skipped)  # type: ignore[arg-type]
    found: Side = side
    return found


def rankings_to_kept(rankings: Rankings) -> Kept:
    """Give the counts of rankings to be written."""
    named = {"codes": rankings.codes, "one_hot": rankings.one_hot}
    named |= {f"grade_{i}": grade for i, grade in enumerate(rankings.grades)}
    arrays: Arrays = {}
    for name, histograms in named.items():
        if histograms is not None:
            arrays[f"{name}_total"] = histograms.total.astype(np.int32)
            arrays[f"{name}_relevant"] = histograms.relevant.astype(np.int32)
    return Kept(arrays, {})


def rankings_from_kept(kept: Kept) -> Rankings:
    """Read what `rankings_to_kept` gave."""

    def counts(name: str) -> DistanceHistograms | None:
        if f"{name}_total" not in kept.arrays:
            return None
        total, relevant = (kept.arrays[f"{name}_{kind}"] for kind in ("total", "relevant"))
        return DistanceHistograms(total.astype(np.int64), relevant.astype(np.int64))

    codes = counts("codes")
    if codes is None:
        raise KeyError("codes_total")
    n_grades = sum(name.startswith("grade_") for name in kept.arrays) // 2
    grades = [counts(f"grade_{i}") for i in range(n_grades)]
    return Rankings(codes, counts("one_hot"), tuple(grade for grade in grades if grade))
