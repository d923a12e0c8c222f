"""From a wanted share of same-class images to a radius that promises it."""

import math

from hashlens.checks import refuse, words
from hashlens.errors import InputError
from hashlens.evaluation import DistanceMeaning


def meaning_for(meaning: DistanceMeaning | None, share: float | None) -> DistanceMeaning | None:
    """Give the meaning where this share of the items is of a query's class, if one is stated.

    Raises
    ------
    InputError
        If a share is stated for a model that knows no meaning of its distances.
    """
    if share is None:
        return meaning
    if meaning is None:
        raise _unknown("share", share)
    return meaning.for_share(share)


def radius_within(
    meaning: DistanceMeaning | None, radius: int | None, precision: float | None
) -> int | None:
    """Give the radius itself, or the largest one for which the model promises the precision.

    Raises
    ------
    InputError
        If both are given, or the model promises nothing, or not so much.
    """
    if precision is None:
        return radius
    if radius is not None:
        raise refuse("precision", "left out where radius is given", precision)
    if meaning is None:
        raise _unknown("precision", precision)
    found = meaning.radius_for(precision)
    if found is None:
        best = int(meaning.promised.argmax())
        most = math.floor(1000 * meaning.promised[best]) / 1000
        wanted = f"at most {most:.3f}, the most that this model promises (within {best} bits)"
        raise refuse("precision", wanted, precision)
    return found


def _unknown(name: str, value: float) -> InputError:
    why = "knows nothing of its distances, as one that was trained without labels"
    return refuse(name, f"left out for a model that {why}", words(str(value)))
