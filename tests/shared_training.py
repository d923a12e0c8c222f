"""What the processes of a training do in tests: started anew, they import it by its name."""

from dataclasses import replace

import numpy as np
import torch
from lightning_fabric import Fabric

from hashlens import METHODS, load_method
from hashlens.data import synthetic_images
from hashlens.deep import DeepEncoder, Normalize, Recipe
from hashlens.deep.base import Given
from hashlens.deep.batches import TensorBatches
from hashlens.deep.loop import Run, fit
from hashlens.methods import is_deep

N_CLASSES, N_STEPS = 3, 2
RECIPE = Recipe(epochs=1, min_steps=0, learning_rate=0.05, cutout=8)


def run_of(name, settings, lengths):
    """A training of a method on a few images; batches of 15 have no even halves."""
    data = synthetic_images(30, N_CLASSES, size=12, seed=0)
    pixels = np.stack([data.images.read(i) for i in range(30)])
    method = load_method(name)(**settings)
    labels = np.asarray(data.labels)
    if method.supports_multi_label and len(lengths) == 1:
        labels = np.eye(N_CLASSES, dtype=bool)[labels]
        labels[::5, 0] = True
    torch.manual_seed(0)
    encoder = DeepEncoder(Normalize.fit([pixels]), method.network(N_CLASSES, 3)).double()
    if encoder.wants_images:
        encoder.calibrate(pixels)
    method.prepare(encoder.network, Given(labels, 0, lengths))
    return Run(
        method=method,
        network=encoder.network.double(),
        normalize=lambda pixels: encoder.normalize(pixels).double(),
        data=TensorBatches(pixels, labels, torch.device("cpu")),
        recipe=replace(method.recipe(RECIPE), batch_size=15),
        n_classes=N_CLASSES,
        lengths=lengths,
    )


def difference(fabric, name, settings, lengths):
    """How far the weights of two processes come from those of one, and how far one moved them."""
    alone = Fabric(accelerator="cpu", devices=1, precision="64-true")
    runs = [run_of(name, settings, lengths) for _ in range(3)]
    fit(runs[0], fabric, last_step=N_STEPS)
    if not fabric.is_global_zero:
        return None
    fit(runs[1], alone, last_step=N_STEPS)
    states = [run.network.state_dict().values() for run in runs]
    two, one, none = (torch.cat([value.flatten() for value in state]) for state in states)
    return float((one - two).abs().max()), float((one - none).abs().max())


def differences(fabric):
    """For every deep method, for prefixes of the code, for normalisations that are not torch's."""
    torch.set_default_dtype(torch.float64)
    named = [(name, load_method(name)) for name in METHODS if is_deep(name)]
    cases = [(name, each, (8,)) for name, kind in named for each in kind.examples_for_tests()]
    cases += [("dlbh", {"n_bits": 8, "trunk": "test_efficientnet", "pretrained": False}, (8,))]
    cases += [("orthohash", {"n_bits": 8}, (4, 8)), ("ritq", {"trunk": "resnet-8"}, (8, 48))]
    return {
        f"{name} {each} {bits}": difference(fabric, name, each, bits) for name, each, bits in cases
    }
