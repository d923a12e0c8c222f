"""The three tiers of duplicates, and how near two pictures must be for each."""

from hashlens.checks import check_choice, check_float, check_int, refuse, words
from hashlens.collection.dedup.links import Limit

IDENTICAL, SAME, SIMILAR = TIERS = ("identical", "same", "similar")
"""The same bytes; the same picture, saved again or changed a little; a scene that is alike."""


# Measured by benchmarks/bench_dedup.py on photos, for codes of 64 bits that were fitted on them.
# Of the pairs found by the limit of the same picture, 999 in 1000 at least were right.
_BITS = 64
_DEFAULTS = {SAME: Limit(12, 0.7, sure=0.98, pixels=0.97), SIMILAR: Limit(13, 0.85)}
_BY_CODES = {SAME: Limit(12, -1.0, pixels=0.97), SIMILAR: Limit(2, -1.0)}


def default_limit(tier: str, n_bits: int, by_features: bool) -> Limit:
    """Give the limit of a tier.

    Parameters
    ----------
    tier : {"same", "similar"}
    n_bits : int
    by_features : bool
        Whether the collection stores features; without them the codes, and in the tier ``same``
        the pixels, have to tell.

    Examples
    --------
    >>> default_limit("same", 64, by_features=True).radius
    12
    """
    limit = (_DEFAULTS if by_features else _BY_CODES)[tier]
    return limit._replace(radius=round(limit.radius / _BITS * n_bits))


def chosen_limits(
    tier: str, n_bits: int, by_features: bool, radius: int | None, similarity: float | None
) -> dict[str, Limit]:
    """Give the limit of each tier up to the one wanted; the wanted one's may be set.

    Raises
    ------
    InputError
        If a value is out of its range, or the tier or the collection has none of the kind.

    Examples
    --------
    >>> chosen_limits("same", 64, True, 3, None)["same"].radius
    3
    """
    check_choice("tier", tier, TIERS)
    limits = {name: default_limit(name, n_bits, by_features) for name in upto(tier)[1:]}
    if tier == IDENTICAL:
        for name, value in (("radius", radius), ("similarity", similarity)):
            if value is not None:
                raise refuse(name, words("left out for identical bytes"), value)
        return limits
    if similarity is not None and not by_features:
        raise refuse("similarity", words("left out: no features are stored"), similarity)
    limit = limits[tier]
    if radius is not None:
        limit = limit._replace(radius=check_int("radius", radius, 0, n_bits))
    if similarity is not None:
        least = check_float("similarity", similarity, -1, 1)
        limit = limit._replace(similarity=least, sure=max(least, limit.sure))
    return limits | {tier: limit}


def upto(tier: str) -> tuple[str, ...]:
    """Name the tiers up to one.

    Examples
    --------
    >>> upto("same")
    ('identical', 'same')
    """
    return TIERS[: TIERS.index(check_choice("tier", tier, TIERS)) + 1]
