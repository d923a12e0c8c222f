"""OrthoHash against slow loops from its formula; the scale; several labels; balanced bits."""

import math

import numpy as np
import pytest
import torch

from hashlens.deep.base import Given, make_targets
from hashlens.deep.orthohash import OrthoHash
from hashlens.errors import InputError


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def cosines(projection, centres):
    rows = []
    for v in projection.detach().numpy():
        rows.append([v @ o / (np.linalg.norm(v) * np.linalg.norm(o)) for o in centres])
    return rows


def slow_loss(rows, own, scale, margin):
    """Mean over images and their labels; `own` lists the labels of each image."""
    total = 0.0
    for row, labels in zip(rows, own, strict=True):
        scores = [scale * (x - margin * (c in labels)) for c, x in enumerate(row)]
        normaliser = math.log(sum(math.exp(score) for score in scores))
        total -= sum(scores[c] - normaliser for c in labels) / max(len(labels), 1)
    return total / len(rows)


def prepared(n_bits=8, n_classes=5):
    method = OrthoHash(n_bits=n_bits, trunk="resnet-8")
    network = method.network(n_classes, 1)
    method.prepare(network, Given(np.arange(n_classes), 0, (n_bits // 2, n_bits)))
    return method, network, network(torch.randn(4, 1, 8, 8))


@pytest.mark.parametrize("n_bits", [8, 4])
def test_loss_is_the_papers_in_slow_loops_for_the_code_and_its_prefix(n_bits):
    method, network, outputs = prepared()
    outputs = network.prefix(outputs, n_bits)
    rows = cosines(outputs.projection, network.centres[:, :n_bits].double().numpy())
    labels = [3, 0, 3, 1]
    expected = slow_loss(rows, [{label} for label in labels], math.sqrt(2) * math.log(4), 0.2)
    loss = method.loss(outputs, make_targets(torch.tensor(labels), 5, 0.0), 0.0)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_several_labels_share_the_target_distribution():
    method, network, outputs = prepared()
    labels = torch.zeros(4, 5, dtype=torch.bool)
    own = [{0, 2}, {1}, {0, 1, 4}, set()]
    for row, wanted in zip(labels, own, strict=True):
        row[list(wanted)] = True
    rows = cosines(outputs.projection, network.centres.double().numpy())
    expected = slow_loss(rows, own, math.sqrt(2) * math.log(4), 0.2)
    loss = method.loss(outputs, make_targets(labels, 5, 0.1), 0.0)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("n_classes", "scale"), [(2, 1.41), (3, 1.41), (10, 3.11), (1000, 9.77)])
def test_the_scale_follows_the_number_of_classes(n_classes, scale):
    assert OrthoHash().scale_for(n_classes) == pytest.approx(scale, abs=0.01)
    assert OrthoHash(scale=8.0).scale_for(n_classes) == 8.0


def test_batch_normalisation_balances_every_bit():
    _, network, _ = prepared()
    projection = network.train()(torch.randn(64, 1, 8, 8)).projection
    torch.testing.assert_close(projection.mean(0), torch.zeros(8), atol=1e-5, rtol=0)


def test_wrong_settings_are_refused():
    with pytest.raises(InputError, match="scale must be a number > 0"):
        OrthoHash(scale=0.0).check()
    with pytest.raises(InputError, match="margin must be a number from 0"):
        OrthoHash(margin=-0.1).check()
