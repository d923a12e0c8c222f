"""The images that every training keeps out, and what is measured on them."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import binarize
from hashlens.data import stratified_split
from hashlens.evaluation import DistanceMeaning, average_precision, relevance
from hashlens.search import HammingIndex

if TYPE_CHECKING:
    from hashlens.deep import DeepEncoder

MAX_VALIDATION = 2_000


class Part(NamedTuple):
    """The images that are kept out of the training, to measure on."""

    pixels: NDArray[np.uint8]
    labels: NDArray[Any]


class Measured(NamedTuple):
    """What a card says of the images that were kept out.

    Attributes
    ----------
    figures : dict
        Their number, and the leave-one-out mAP of the codes; empty for fewer than two images.
    distances : dict
        `DistanceMeaning.to_dict` of each code length, by the length in words.
    """

    figures: dict[str, float]
    distances: dict[str, dict[str, Any]]


def keep_out(
    labels: NDArray[Any], share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split row numbers into those to measure on, 2,000 at most, and those to train on.

    Each class has the same share of both. Where fewer than two rows would be left to train on,
    none is kept out.
    """
    few = min(share, MAX_VALIDATION / max(len(labels), 1))
    kept_out, training = stratified_split(labels, few, seed)
    if len(training) < 2:
        return kept_out[:0], np.arange(len(labels))
    return kept_out, training


def measure(projection: NDArray[Any], labels: NDArray[Any], lengths: tuple[int, ...]) -> Measured:
    """Search each image that was kept out among the others, at every code length.

    Parameters
    ----------
    projection : float (n, n_bits)
        Of the images that were kept out.
    labels : int64 (n,) or bool (n, n_classes)
    lengths : tuple of int
        Ascending; the last is n_bits.
    """
    if len(labels) < 2:
        return Measured({}, {})
    same, itself = relevance(labels, labels), np.arange(len(labels))
    figures, distances = {}, {}
    for n_bits in lengths:
        codes = binarize(projection[:, :n_bits])
        histograms = HammingIndex(codes, n_bits).histograms(codes, same, exclude=itself)
        distances[str(n_bits)] = DistanceMeaning.measure(histograms).to_dict()
        precision = float(average_precision(histograms).mean())
        figures = {"n_images": float(len(labels)), "map": precision}
    return Measured(figures, distances)


def accuracy(logits: NDArray[np.float32], labels: NDArray[Any]) -> float:
    """Share of images whose best class is right (is one of the labels, where there are several)."""
    best = logits.argmax(1)
    right = labels[np.arange(len(labels)), best] if labels.ndim == 2 else best == labels
    return float(np.mean(right))


def validate(encoder: "DeepEncoder", part: Part) -> dict[str, float]:
    """Measure the classifier, where there is one, on the images that were kept out."""
    if not len(part.labels):
        return {}
    logits = encoder.embed(part.pixels).logits
    return {} if logits is None else {"accuracy": accuracy(logits, part.labels)}


def measure_encoder(encoder: "DeepEncoder", part: Part, lengths: tuple[int, ...]) -> Measured:
    """Measure the codes, and the classifier where there is one, on the images kept out."""
    if not len(part.labels):
        return Measured({}, {})
    embedded = encoder.embed(part.pixels)
    measured = measure(embedded.projection, part.labels, lengths)
    if measured.figures and embedded.logits is not None:
        measured.figures["accuracy"] = accuracy(embedded.logits, part.labels)
    return measured
