"""From what is wished of a search to its hits."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from hashlens.checks import check_int, refuse
from hashlens.collection.hits import Hits
from hashlens.collection.opened import OpenCollection
from hashlens.collection.promise import meaning_for, radius_within
from hashlens.collection.queries import Queries
from hashlens.collection.ranking import Ask, Ranked, rank, rank_together
from hashlens.collection.store import View
from hashlens.evaluation import DistanceMeaning


class Wish(NamedTuple):
    """The arguments of a search, as they are given."""

    k: int
    radius: int | None
    precision: float | None
    share: float | None
    where: str | None
    rerank: bool | None
    exclude_self: bool


class Checked(NamedTuple):
    """A wish that can be met: the radius that it comes to, and what distances mean."""

    wish: Wish
    radius: int | None
    meaning: DistanceMeaning | None


def check_wish(wish: Wish, of: OpenCollection, *, by_items: bool) -> Checked:
    """Check what is wished of a collection, before anything is encoded.

    Parameters
    ----------
    wish : Wish
    of : OpenCollection
    by_items : bool
        Whether every query is the id of an item.

    Raises
    ------
    InputError
        If it cannot be met.
    """
    check_int("k", wish.k, 1)
    if wish.radius is not None:
        check_int("radius", wish.radius, 0, of.n_bits)
    if wish.rerank and not of.stores_features:
        raise refuse("rerank", "False for a collection that stores no features", wish.rerank)
    if wish.exclude_self and not by_items:
        raise refuse("exclude_self", "False where the query is not an item id", wish.exclude_self)
    meaning = meaning_for(of.distance_meaning, wish.share)
    return Checked(wish, radius_within(meaning, wish.radius, wish.precision), meaning)


def answer(view: View, queries: Queries, checked: Checked, *, together: bool) -> list[Hits]:
    """Find the items nearest to each query; or, together, the items nearest to any of them."""
    if together and not len(queries):
        raise refuse("queries", "at least one", len(queries))
    if not len(queries):
        return []
    ask = _ask(queries, checked, together)
    ranked = [rank_together(view, queries, ask)] if together else list(rank(view, queries, ask))
    hits = [_hits(view, each, checked) for each in ranked]
    return hits if view.is_whole() else [replace(each, partial=True) for each in hits]


def _ask(queries: Queries, checked: Checked, together: bool) -> Ask:
    wish, with_features = checked.wish, queries.with_features
    if wish.rerank and not with_features.all():
        raise refuse("rerank", "False where a query is a code, without features", wish.rerank)
    # Where the features of one are not known, items near to it could not be put among the others.
    by_features = with_features.all() if together else with_features.any()
    return Ask(
        k=wish.k,
        radius=checked.radius,
        rerank=bool(by_features) if wish.rerank is None else wish.rerank,
        leave_out=wish.exclude_self,
    )


def _hits(view: View, ranked: Ranked, checked: Checked) -> Hits:
    items = view.items(ranked.ids.tolist())
    if len(items) < len(ranked.ids):  # removed since they were found
        ranked = ranked.only(np.isin(ranked.ids, [item.id for item in items]))
    meaning = checked.meaning
    return Hits(
        ids=ranked.ids,
        distances=ranked.distances,
        similarities=ranked.similarities,
        labels=np.array([item.label for item in items], object),
        paths=np.array([item.path for item in items], object),
        metadata=np.array([item.metadata for item in items], object),
        codes=view.codes_of(ranked.ids),
        content_hashes=np.array([item.content_hash for item in items], object),
        revision=view.revision,
        n_items=view.n_items,
        reranked=ranked.reranked,
        radius=checked.radius,
        same_class=None if meaning is None else meaning.at[ranked.distances],
    )
