"""CSQ against slow loops from its formula; centres of several labels; scores and prefixes."""

import math

import pytest
import torch

from hashlens.deep.base import Given, Outputs, make_targets
from hashlens.deep.codebook import Codebook
from hashlens.deep.csq import CSQ, centroids
from hashlens.errors import InputError

CENTRES = torch.tensor([[1.0, 1, 1, -1], [1, -1, -1, 1], [-1, -1, 1, 1]])


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def slow_loss(z, wanted, weight):
    total = 0.0
    for row, centre in zip(z.tolist(), wanted, strict=True):
        for value, sign in zip(row, centre, strict=True):
            h = (1 + math.tanh(value)) / 2
            total -= math.log(h) if sign > 0 else math.log(1 - h)
            total += weight * math.log(math.cosh(abs(2 * h - 1) - 1))
    return total / z.numel()


def outputs(z, centres=CENTRES):
    return Outputs(z, z, None, codebook=Codebook(centres))


def test_loss_is_the_papers_in_slow_loops():
    z, labels = torch.randn(5, 4), torch.tensor([0, 2, 1, 1, 0])
    wanted = [CENTRES[label].tolist() for label in labels]
    loss = CSQ(n_bits=4, quantisation_weight=0.3).loss(
        outputs(z), make_targets(labels, 3, 0.1), 0.0
    )
    assert loss.item() == pytest.approx(slow_loss(z, wanted, 0.3), rel=1e-5)


def test_several_labels_are_drawn_to_the_majority_of_their_centres():
    z = torch.randn(3, 4)
    labels = torch.tensor([[True, True, True], [False, True, False], [False, False, False]])
    wanted = [[1.0, -1, 1, 1], CENTRES[1].tolist()]  # the third image has no label: left out
    loss = CSQ(n_bits=4).loss(outputs(z), make_targets(labels, 3, 0.1), 0.0)
    assert loss.item() == pytest.approx(slow_loss(z[:2], wanted, 0.05), rel=1e-5)
    nothing = CSQ(n_bits=4).loss(outputs(z), make_targets(labels[[2, 2, 2]], 3, 0.1), 0.0)
    assert nothing.item() == 0


def test_a_draw_goes_to_one_code_for_all_images_and_prefixes():
    centres = torch.randn(2, 64).sign()
    centre = centroids(centres, torch.ones(2, 2, dtype=torch.bool))
    assert torch.equal(centre[0], centre[1])
    agreed = centres[0] == centres[1]
    assert torch.equal(centre[0][agreed], centres[0][agreed])
    assert 0.2 < (centre[0] == centres[0])[~agreed].float().mean() < 0.8
    shorter = centroids(centres[:, :10], torch.ones(1, 2, dtype=torch.bool))
    assert torch.equal(shorter[0], centre[0, :10])


def test_scores_order_the_centres_by_their_likelihood():
    method = CSQ(n_bits=8, trunk="resnet-8")
    network = method.network(5, 1)
    figures = method.prepare(network, Given(torch.arange(5).numpy(), 0, (4, 8)))
    assert figures == {"min_centre_distance": 4.0, "min_centre_distance_4": 2.0}
    z = torch.randn(6, 8)
    likelihood = torch.stack(
        [torch.sigmoid(2 * z * centre).log().sum(1) for centre in network.centres], dim=1
    )
    difference = network.scores(z) - likelihood
    torch.testing.assert_close(difference, difference[:, :1].expand(-1, 5))
    assert network.state_dict()["centres"].dtype == torch.int8


def test_a_negative_weight_is_refused():
    with pytest.raises(InputError, match="quantisation_weight must be a number >= 0"):
        CSQ(quantisation_weight=-1).check()
