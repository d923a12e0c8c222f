"""The public contract of a deep method: ``check_deep_method(RITQ)`` runs all of it."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hashlens.data import Dataset, Splits, synthetic_images
from hashlens.deep import DeepMethod
from hashlens.deep.base import Given, make_targets
from hashlens.evaluation import average_precision, relevance
from hashlens.methods import load_method
from hashlens.model import Model
from hashlens.search import HammingIndex
from hashlens.testing.given import refused, require
from hashlens.training import TrainOptions, train

N_CLASSES, SIDE = 4, 12
EPOCHS = 30

Named = tuple[str, dict[str, Any]]


def check_deep_method(name: str, settings: dict[str, Any]) -> None:
    """Run every check of the contract on the method `name` with small `settings`.

    Raises
    ------
    AssertionError
        With the reason, at the first promise that is not kept.
    """
    for check in DEEP_CHECKS:
        check((name, settings))


def _build(named: Named) -> DeepMethod:
    method: DeepMethod = load_method(named[0])(**named[1])
    return method


def _images(seed: int = 0, n: int = 240) -> Dataset:
    return synthetic_images(n, N_CLASSES, size=SIDE, seed=seed)


def _train(
    named: Named, data: Dataset, out: Path | None = None, seed: int = 0, epochs: int = EPOCHS
) -> Model:
    settings = dict(named[1])
    n_bits = settings.pop("n_bits")
    options = TrainOptions(epochs=epochs, seed=seed, out=out, precision="32-true")
    return train(
        Splits(data, data), method=named[0], n_bits=n_bits, settings=settings, options=options
    )


def check_constructor_only_stores(named: Named) -> None:
    """The settings come back as they were given, and wrong ones are found by check()."""
    settings = _build(named).settings()
    for key, value in named[1].items():
        require(settings[key] is value or settings[key] == value, f"{key} was changed")
    for bad in (0, -1, 4097, True, 1.5, "8"):
        with refused(f"n_bits={bad!r}"):
            _build((named[0], {**named[1], "n_bits": bad})).check()


def check_network_shapes(named: Named) -> None:
    """Features, projection and logits have a row an image, for one image and for several."""
    method = _build(named)
    for n_channels in (1, 3):
        network = method.network(N_CLASSES, n_channels).eval()
        for n in (1, 3):
            outputs = network(torch.zeros(n, n_channels, SIDE, SIDE))
            require(outputs.projection.shape == (n, method.n_bits), "projection: (n, n_bits)")
            if outputs.logits is not None:
                require(outputs.logits.shape == (n, N_CLASSES), "logits: (n, n_classes)")
            require(outputs.features.shape[0] == n, "features: (n, d)")


def check_codes_independent_of_batch(named: Named) -> None:
    """An image's projection does not depend on its neighbours in the batch."""
    method = _build(named)
    torch.manual_seed(0)
    network = method.network(N_CLASSES, 3).eval()
    images = torch.randn(6, 3, SIDE, SIDE)
    with torch.inference_mode():
        whole = network(images).projection
        single = torch.cat([network(images[i : i + 1]).projection for i in range(6)])
    require(
        bool(torch.allclose(whole, single, rtol=1e-3, atol=1e-4)), "projection depends on batch"
    )


def check_training(named: Named) -> None:
    """Same seed, same codes; another seed, other codes; better than chance on unseen images."""
    data, unseen = _images(), _images(seed=1, n=120)
    first, again, other = (_train(named, data, seed=seed) for seed in (0, 0, 1))
    codes = first.encode(unseen)
    require(bool(np.array_equal(codes, again.encode(unseen))), "same seed, other codes")
    require(not np.array_equal(codes, other.encode(unseen)), "another seed, the same codes")
    figure = _leave_one_out_map(codes, first.n_bits, unseen)
    chance = 1 / N_CLASSES
    require(figure > chance + 0.3, f"mAP {figure:.3f}, where chance is {chance:.2f}")


def check_prefixes(named: Named) -> None:
    """The network can be asked for a prefix of its bits, and the loss takes what it says."""
    method = _build(named)
    torch.manual_seed(0)
    network = method.network(N_CLASSES, 3)
    labels = torch.arange(12) % N_CLASSES
    method.prepare(network, Given(labels.numpy(), 0, (method.n_bits // 2, method.n_bits)))
    outputs = network(torch.randn(12, 3, SIDE, SIDE))
    targets = make_targets(labels, N_CLASSES, 0.1)
    for n_bits in (method.n_bits // 2, method.n_bits):
        prefix = network.prefix(outputs, n_bits)
        same = torch.equal(prefix.projection, outputs.projection[:, :n_bits])
        require(same, "a prefix is not the first columns of the projection")
        loss = method.loss(prefix, targets, 0.5)
        require(loss.shape == () and bool(torch.isfinite(loss)), f"loss {loss}")


def check_several_labels(named: Named) -> None:
    """Data with several labels an image is trained on, or refused in words."""
    data = _images(n=60)
    several = np.eye(N_CLASSES, dtype=bool)[np.asarray(data.labels)]
    several[::5, 0] = True
    data = Dataset("several", data.images, several, data.classes)
    if _build(named).supports_multi_label:
        require(len(_train(named, data, epochs=2).encode(data)) == 60, "no codes")
    else:
        with refused("several labels an image"):
            _train(named, data)


def check_saved_and_loaded(named: Named) -> None:
    """A model comes back from its folder with the same codes, and its card is complete."""
    data = _images(n=120)
    with tempfile.TemporaryDirectory() as folder:
        model = _train(named, data, Path(folder) / "model")
        loaded = Model.load(Path(folder) / "model")
    require(bool(np.array_equal(model.encode(data), loaded.encode(data))), "codes changed")
    wanted = {"data", "seed", "recipe", "history", "validation", "provenance"}
    require(wanted <= set(loaded.card), f"the card lacks {wanted - set(loaded.card)}")


def check_documented(named: Named) -> None:
    """The class gives its objective as an equation, its parameters and its paper."""
    document = type(_build(named)).__doc__ or ""
    for part in (".. math::", "Parameters\n", "References\n"):
        require(part in document, f"the docstring lacks {part.strip()}")


def _leave_one_out_map(codes: Any, n_bits: int, data: Dataset) -> float:
    index = HammingIndex(codes, n_bits)
    same = relevance(data.labels, data.labels)
    histograms = index.histograms(codes, same, exclude=np.arange(len(codes)))
    return float(average_precision(histograms).mean())


DEEP_CHECKS: tuple[Callable[[Named], None], ...] = (
    check_constructor_only_stores,
    check_network_shapes,
    check_codes_independent_of_batch,
    check_prefixes,
    check_several_labels,
    check_training,
    check_saved_and_loaded,
    check_documented,
)
