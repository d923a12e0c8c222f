"""What distances mean, in words."""

from hashlens.evaluation.calibration import DistanceMeaning


def bits(count: int) -> str:
    """Write a distance.

    Examples
    --------
    >>> bits(1), bits(7)
    ('1 bit', '7 bits')
    """
    return "1 bit" if count == 1 else f"{count} bits"


def in_words(meaning: DistanceMeaning, radius: int | None) -> str:
    """Say what the shares of same-class images are, and what is promised within the radius."""
    measured = f"measured on {meaning.n_queries:,} images that training kept out"
    frequent = f"where a class is {100 * meaning.share:.2g} % of the collection"
    if radius is None:
        return f"same class: share of the images at that distance, {measured}, {frequent}."
    promised = int(100 * meaning.promised_within(radius))
    return (
        f"At least {promised} % of what lies within {bits(radius)} is of the query's class, over "
        f"many queries: 95 % sure, {measured}, {frequent}."
    )
