"""The two sides of a measurement, those that ask and those that are searched, and their ranking."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.codes import Codes, pack
from hashlens.data import Dataset, load_pixels
from hashlens.data.digests import pixel_digests
from hashlens.evaluation import relevance
from hashlens.model import Model, join_embeddings
from hashlens.neighbors import DistanceHistograms
from hashlens.reproduce.arrangement import DATABASE, QUERY, Arrangement
from hashlens.reproduce.counting import counts_by_grade, relevance_grades
from hashlens.search import HammingIndex
from hashlens.watcher import Watcher

CHUNK = 256


class Side(NamedTuple):
    """Encoded images.

    Attributes
    ----------
    codes : uint8 (n, ceil(n_bits / 8))
    labels : int64 (n,) or bool (n, n_classes)
    digests : uint64 (n,)
        Of the pixels.
    rows : int64 (n,)
        Numbers of the images in the data: some may not have been readable.
    answers : int64 (n,), or None
        The class that the model's classifier names, where it has one.
    n_answers : int
        Classes that the classifier knows.
    features : float32 (n, d), or None where they are not at hand
    skipped : tuple of (name, reason)
    """

    codes: Codes
    labels: NDArray[Any]
    digests: NDArray[np.uint64]
    rows: NDArray[np.int64]
    answers: NDArray[np.int64] | None = None
    n_answers: int = 0
    features: NDArray[np.float32] | None = None
    skipped: tuple[tuple[str, str], ...] = ()


class Rankings(NamedTuple):
    """Every order of the database that figures are made from, as counts by distance.

    Attributes
    ----------
    codes : DistanceHistograms
    one_hot : DistanceHistograms, or None
        Of the classifier's answer taken as a code: a hash must beat it.
    grades : tuple of DistanceHistograms
        With several labels an image: of the items that share at least 1 of them, 2, and so on.
    """

    codes: DistanceHistograms
    one_hot: DistanceHistograms | None = None
    grades: tuple[DistanceHistograms, ...] = ()


def encode_side(model: Model, data: Dataset, watcher: Watcher, strict: bool = False) -> Side:
    """Encode a labelled data set; images that cannot be decoded are left out, or refused."""
    if data.labels is None:
        raise refuse("the data", "labelled, to be measured on", data.name)
    watcher.stage(f"encoding {data.name}", len(data))
    loaded = load_pixels(data.images, model.preprocessing, strict=strict)
    parts, answers, n_answers = [], [], 0
    for start in range(0, len(loaded.pixels), CHUNK):
        part = model.embed_pixels(loaded.pixels[start : start + CHUNK])
        if part.logits is not None:
            answers.append(part.logits.argmax(1))
            n_answers = part.logits.shape[1]
        parts.append(part._replace(logits=None))
        watcher.advance(min(start + CHUNK, len(loaded.pixels)), len(data))
    if not parts:
        raise refuse("the data", "at least one readable image", data.name)
    embedding = join_embeddings(parts)
    return Side(
        codes=embedding.codes,
        labels=np.asarray(data.labels)[loaded.kept],
        digests=pixel_digests(loaded.pixels),
        rows=loaded.kept,
        answers=np.concatenate(answers) if answers else None,
        n_answers=n_answers,
        features=embedding.features,
        skipped=tuple((s.name, s.reason) for s in loaded.skipped),
    )


def both_sides(arrangement: Arrangement, encode: Callable[[str], Side]) -> tuple[Side, Side]:
    """Encode the part that asks and the part that is searched; once, where they are the same."""
    query = encode(QUERY)
    return query, query if arrangement.searches_itself else encode(DATABASE)


def rank(query: Side, database: Side, n_bits: int, exclude_self: bool) -> Rankings:
    """Rank the database for each query, by its codes and by the classifier's answers."""
    grades = relevance_grades(query.labels, database.labels)
    index = HammingIndex(database.codes, n_bits)
    counts = counts_by_grade(index, query.codes, grades, exclude_self=exclude_self)
    one_hot = None
    if query.answers is not None and database.answers is not None:
        n_answers = query.n_answers
        sides = [s._replace(codes=_one_hot(s.answers, n_answers)) for s in (query, database)]
        one_hot = histograms_of(sides[0], sides[1], n_answers, exclude_self)
    return Rankings(counts[0], one_hot, tuple(counts) if query.labels.ndim == 2 else ())


def histograms_of(
    query: Side, database: Side, n_bits: int, exclude_self: bool
) -> DistanceHistograms:
    """Count all and relevant items at each distance of each query."""
    index = HammingIndex(database.codes, n_bits)
    relevant = relevance(query.labels, database.labels)
    return counts_by_grade(index, query.codes, [relevant], exclude_self=exclude_self)[0]


def _one_hot(answers: NDArray[np.int64] | None, n_classes: int) -> Codes:
    if answers is None:
        raise refuse("answers", "those of a classifier", None)
    return pack(np.arange(n_classes) == answers[:, None])


def classification_error(side: Side) -> float | None:
    """Share of wrong answers; None without a classifier, or where an image has several labels."""
    if side.answers is None or side.labels.ndim == 2:
        return None
    return float(np.mean(side.answers != side.labels))
