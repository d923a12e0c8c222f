"""What a distance means, in words and as JSON."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashlens.collection import Hit
    from hashlens.evaluation import DistanceMeaning


def in_words(meaning: "DistanceMeaning", radius: int | None) -> str:
    """Say what the shares of same-class images are, and what is promised within the radius."""
    from hashlens.evaluation import wording  # heavy for a module that every command loads

    return wording.in_words(meaning, radius)


def promise(meaning: "DistanceMeaning", radius: int | None) -> dict[str, Any]:
    """Give the same as values, JSON-able."""
    return {
        "radius": radius,
        "promised_within": None if radius is None else meaning.promised_within(radius),
        "precision_within": None if radius is None else meaning.precision_within(radius),
        "share": meaning.share,
        "measured_on": meaning.n_queries,
    }


def percent(share: float) -> str:
    """Write a share in per cent; what is nearly all, or nearly nothing, is not called so.

    Examples
    --------
    >>> percent(0.926), percent(0.9991), percent(0.013), percent(0.0004)
    ('92 %', '> 99 %', '1 %', '< 1 %')
    """
    if share > 0.99:
        return "> 99 %"
    return f"{int(100 * share + 1e-9)} %" if share >= 0.01 else "< 1 %"


def bits(count: int) -> str:
    """Write a distance."""
    return "1 bit" if count == 1 else f"{count} bits"


def caption(hit: "Hit") -> str:
    """Write a hit's distance and, where it is known, what it means."""
    if hit.same_class is None:
        return bits(hit.distance)
    return f"{bits(hit.distance)} · {percent(hit.same_class)}"
