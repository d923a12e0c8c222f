"""The three tiers of duplicates, and how near two pictures must be for each."""

from typing import NamedTuple

from hashlens.checks import check_choice, check_float, check_int, refuse, words
from hashlens.collection.dedup.links import Limit

IDENTICAL, SAME, SIMILAR = TIERS = ("identical", "same", "similar")
"""The same bytes; the same picture, saved again or changed a little; a scene that is alike."""


class _Default(NamedTuple):
    """A limit relative to the length of the codes."""

    radius_share: float
    similarity: float


# Measured by benchmarks/bench_dedup.py on photos that codes of 64 bits were fitted on: the widest
# that was right for at least 99 % of the pairs (the same picture), or 95 % (the same class).
_DEFAULTS = {SAME: _Default(9 / 64, 0.96), SIMILAR: _Default(9 / 64, 0.85)}
# No radius was right as often without features: only equal codes count as the same picture.
_BY_CODE_ALONE = {SAME: 0.0, SIMILAR: 2 / 64}


def default_limit(tier: str, n_bits: int, by_features: bool) -> Limit:
    """Give the limit of a tier.

    Parameters
    ----------
    tier : {"same", "similar"}
    n_bits : int
    by_features : bool
        Whether the collection stores features; without them the radius alone has to tell, and is
        narrower.

    Examples
    --------
    >>> default_limit("same", 64, by_features=True).radius
    9
    """
    if not by_features:
        return Limit(round(_BY_CODE_ALONE[tier] * n_bits), -1.0)
    default = _DEFAULTS[tier]
    return Limit(round(default.radius_share * n_bits), default.similarity)


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
        limit = limit._replace(similarity=check_float("similarity", similarity, -1, 1))
    return limits | {tier: limit}


def upto(tier: str) -> tuple[str, ...]:
    """Name the tiers up to one.

    Examples
    --------
    >>> upto("same")
    ('identical', 'same')
    """
    return TIERS[: TIERS.index(check_choice("tier", tier, TIERS)) + 1]
