"""Fit a hasher on features of images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.data import Dataset
from hashlens.data.digests import pixel_digests
from hashlens.feature_encoder import fit_encoder
from hashlens.features import load_features
from hashlens.methods import load_method
from hashlens.model import Model
from hashlens.training.material import (
    feature_vectors,
    make_card,
    natural_preprocessing,
    read_pixels,
)
from hashlens.training.measuring import keep_out, measure
from hashlens.training.options import TrainOptions
from hashlens.watcher import Watcher


def train_hasher(
    data: Dataset,
    method: str,
    settings: dict[str, Any],
    lengths: tuple[int, ...],
    options: TrainOptions,
    watcher: Watcher,
) -> Model:
    """Fit a hasher on features of the training images; of labelled ones, a few are kept out."""
    hasher = load_method(method)(**settings)
    if len(lengths) > 1 and not hasher.nested:
        raise refuse("n_bits", f"one length: the codes of {method} cannot be cut", lengths)
    natural = natural_preprocessing(data.images, options.image_size)
    features = load_features(options.features, preprocessing=natural)
    pixels, kept = read_pixels(data, features.preprocessing, watcher, options.strict)
    vectors = feature_vectors(features, pixels, data.name, watcher)
    watcher.stage(f"fitting {method}")
    labels = None if data.labels is None else data.labels[kept]
    kept_out, fitted = _split(labels, len(kept), options)
    known = None if labels is None else labels[fitted]
    encoder, _ = fit_encoder(features, vectors[fitted], hasher, known, watcher.advance)
    facts: dict[str, Any] = {"features": options.features, "n_images": len(kept)}
    if labels is not None and len(kept_out):
        measured = measure(encoder.project(vectors[kept_out]), labels[kept_out], lengths)
        facts |= {"validation": measured.figures, "distances": measured.distances}
    card = make_card(data, options, facts)
    return Model(
        method=method,
        n_bits=settings["n_bits"],
        preprocessing=features.preprocessing,
        classes=data.classes,
        encoder=encoder,
        settings=settings,
        card=card,
        training_digests=pixel_digests(pixels),
        lengths=lengths,
    )


def _split(
    labels: NDArray[Any] | None, n: int, options: TrainOptions
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to measure on, and rows to fit on: without labels there is nothing to measure."""
    if labels is None:
        return np.empty(0, np.int64), np.arange(n)
    return keep_out(labels, options.validation, options.seed)
