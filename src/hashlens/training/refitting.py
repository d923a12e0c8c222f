"""Codes of other lengths from a network that is trained: for bits that are fitted afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from hashlens.data import Dataset
from hashlens.deep import DeepEncoder, DeepMethod
from hashlens.deep.base import Given
from hashlens.methods import load_method
from hashlens.model import Model
from hashlens.training.deep import drawn_features
from hashlens.training.images import open_images
from hashlens.training.measuring import measure_encoder
from hashlens.training.options import TrainOptions
from hashlens.training.start import part_kept_out
from hashlens.watcher import Watcher


def refit_deep(
    model: Model,
    data: Dataset,
    each: Sequence[tuple[int, ...]],
    options: TrainOptions,
    watcher: Watcher,
) -> list[Model]:
    """Fit the bits anew, for each of the wanted lengths; the images are looked at once."""
    images = open_images(data, model.preprocessing, watcher, options.strict)
    validation, ids = part_kept_out(images, model.preprocessing, options)
    trained = cast(DeepEncoder, model.encoder)
    features, drawn = drawn_features(trained, images, ids, options.seed, watcher)
    models = []
    for lengths in each:
        settings: dict[str, Any] = {**model.settings, "n_bits": lengths[-1]}
        method: DeepMethod = load_method(model.method)(**settings)
        network = method.network(data.n_classes, model.preprocessing.n_channels)
        weights = trained.network.state_dict()
        kept = {k: v for k, v in weights.items() if not k.startswith("hash_layer.")}
        network.load_state_dict(kept, strict=False)
        encoder = DeepEncoder(trained.normalize, network, trained.flip_average)
        encoder.to(trained.normalize.mean.device).eval()
        given = Given(images.labels[drawn], options.seed, lengths)
        figures = method.finish(network, features, given)
        measured = measure_encoder(encoder, validation, lengths)
        card = model.card | {
            "figures": figures,
            "validation": measured.figures,
            "distances": measured.distances,
        }
        fitted = replace(model, n_bits=lengths[-1], encoder=encoder, settings=settings)
        models.append(replace(fitted, card=card, lengths=lengths))
    return models
