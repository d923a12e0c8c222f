"""DPSH against its paper: the likelihood of pairs in slow loops."""

import numpy as np
import pytest
import torch

from hashlens.deep.base import Outputs, make_targets
from hashlens.deep.dpsh import DPSH
from hashlens.errors import InputError

LABELS = {
    "one": torch.tensor([0, 2, 1, 1, 0]),
    "several": torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1], [0, 0, 0]]).bool(),
}


def slow_loss(u, labels, eta, balanced):
    kinds = {True: [], False: []}
    for i in range(len(u)):
        for j in range(len(u)):
            if i != j:
                theta = sum(a * b for a, b in zip(u[i], u[j], strict=True)) / 2
                same = bool((labels[i] & labels[j]).any()) if labels.ndim == 2 else None
                same = bool(labels[i] == labels[j]) if same is None else same
                kinds[same].append(-(same * theta - np.log(1 + np.exp(theta))))
    everything = kinds[True] + kinds[False]
    halves = (np.mean(kinds[True]) + np.mean(kinds[False])) / 2
    distance = sum(
        (np.where(row >= 0, 1, -1) - row) @ (np.where(row >= 0, 1, -1) - row) for row in u
    )
    return (halves if balanced else np.mean(everything)) + eta / 5000 * distance / len(u)


def loss_of(method, u, labels):
    outputs = Outputs(u, u, None)
    return method.loss(outputs, make_targets(labels, 3, 0.1), 0.0)


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("balanced", [True, False])
def test_loss_is_the_likelihood_of_pairs_in_slow_loops(kind, balanced):
    u = torch.randn(5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    method = DPSH(n_bits=6, eta=30.0, balanced=balanced)
    expected = slow_loss(u.numpy(), LABELS[kind], 30.0, balanced)
    assert loss_of(method, u, LABELS[kind]).item() == pytest.approx(expected, rel=1e-9)


def test_far_outputs_keep_the_loss_and_its_gradient_finite():
    u = (1e4 * torch.tensor([[1.0, 1.0], [1.0, 1.0], [-1.0, 1.0]])).requires_grad_()
    loss = loss_of(DPSH(n_bits=2), u, torch.tensor([0, 1, 1]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(u.grad).all()


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_a_batch_with_one_kind_of_pairs_has_a_loss(labels):
    u = torch.zeros(3, 4)
    # Every Theta is 0: log 2 for the kind there is, and every bit is 1 away from its code.
    expected = np.log(2) / 2 + 10 / 5000 * 4
    assert loss_of(DPSH(n_bits=4), u, torch.tensor(labels)).item() == pytest.approx(expected)


def test_in_use_the_hash_layer_is_one_affine_map_of_the_features():
    network = DPSH(n_bits=4, trunk="resnet-8").network(3, 1)
    network(torch.randn(16, 1, 8, 8))  # the normalisation learns its mean and deviation
    network.eval()
    with torch.inference_mode():
        a, b = torch.randn(2, 5, network.trunk.n_features)
        halfway = network.hash_layer((a + b) / 2)
        torch.testing.assert_close(halfway, (network.hash_layer(a) + network.hash_layer(b)) / 2)


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="eta must be a number >= 0"):
        DPSH(eta=-1.0).check()
    with pytest.raises(InputError, match=r"balanced must be True or False\. Got 1"):
        DPSH(balanced=1).check()
