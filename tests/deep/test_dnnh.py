"""DNNH against its equations: ranking loss, triplets, values, bits and settings."""

import numpy as np
import pytest
import torch

from hashlens.deep.base import Outputs, make_targets
from hashlens.deep.divide_encode import DivideAndEncode
from hashlens.deep.dnnh import DNNH
from hashlens.deep.pairs import similarity
from hashlens.deep.recipe import Recipe
from hashlens.deep.triplets import (
    batch_ranking_loss,
    hard_triplets,
    random_triplets,
    triplet_ranking_loss,
)
from hashlens.errors import InputError

SEVERAL = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [0, 0, 0]], bool)


def loss_and_gradients_by_hand(b, near, far, margin):
    """Eq. 2 and 3, triplet by triplet."""
    total, gradients = 0.0, [np.zeros_like(b) for _ in range(3)]
    for t in range(len(b)):
        value = margin
        for k in range(b.shape[1]):
            value += (b[t, k] - near[t, k]) ** 2 - (b[t, k] - far[t, k]) ** 2
        if value > 0:
            total += value
            gradients[0][t] = 2 * far[t] - 2 * near[t]
            gradients[1][t] = 2 * near[t] - 2 * b[t]
            gradients[2][t] = 2 * b[t] - 2 * far[t]
    return total / len(b), [gradient / len(b) for gradient in gradients]


@pytest.mark.parametrize("margin", [1.0, 0.25])
def test_loss_is_equation_2_and_its_gradient_equation_3(margin):
    rng = np.random.default_rng(0)
    arrays = [rng.random((40, 7)) for _ in range(3)]
    arrays[0][0], arrays[1][0], arrays[2][0] = 0, 0, 1  # 7 bits apart: no loss
    arrays[0][1], arrays[1][1], arrays[2][1] = 0, 0, np.eye(7)[0] * margin**0.5  # on the edge
    tensors = [torch.from_numpy(array).requires_grad_() for array in arrays]
    loss = triplet_ranking_loss(*tensors, margin)
    loss.backward()
    expected, gradients = loss_and_gradients_by_hand(*arrays, margin)
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    # Eq. 3 prints the gradient of b- as 2 b- - 2 b: the sign that descends is the other one.
    for tensor, gradient in zip(tensors, gradients, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), gradient, atol=1e-15)
    idle = (tensors[0].grad == 0).all(1)
    assert idle[:2].all()
    assert not idle.all()


def test_no_triplet_gives_a_zero_loss_with_a_graph():
    method = DNNH(4, "resnet-8")
    projection = torch.randn(3, 4, requires_grad=True)
    for labels in ([0, 1, 2], [1, 1, 1]):  # no two alike; all alike
        targets = make_targets(torch.tensor(labels), 3, 0.0)
        loss = method.loss(Outputs(projection, projection, None), targets, 0.0)
        loss.backward()
        assert loss.item() == 0
        assert (projection.grad == 0).all()


def test_the_bit_is_the_relaxed_value_at_least_half():
    method = DNNH(4, "resnet-8", beta=2.0)
    projection = torch.linspace(-3, 3, 101)
    for progress in (0.0, 0.5, 0.99):
        values = method.relax(projection, progress)
        assert torch.equal(values >= 0.5, projection >= 0)
        inside = (values > 0) & (values < 1)
        torch.testing.assert_close(values[inside], 1 / (1 + (-2 * projection[inside]).exp()))


def every_triplet(labels):
    shared = labels.astype(int) @ labels.T > 0
    return {
        (i, j, k)
        for i in range(len(labels))
        for j in range(len(labels))
        for k in range(len(labels))
        if i != j and shared[i, j] and not shared[i, k] and k != i
    }


def as_set(triplets):
    return set(zip(*(rows.tolist() for rows in triplets), strict=True))


def test_random_triplets_are_triplets_and_all_of_them_come_up():
    torch.manual_seed(0)
    similar = similarity(make_targets(torch.from_numpy(SEVERAL), 3, 0.0))
    triplets = random_triplets(similar, 200)
    assert as_set(triplets) == every_triplet(SEVERAL)
    assert triplets.query.bincount().tolist() == [200] * 4  # the image without labels has none
    assert len(random_triplets(similar).query) == 4 * 16


def test_hard_triplets_are_all_those_with_a_loss():
    torch.manual_seed(0)
    similar = similarity(make_targets(torch.from_numpy(SEVERAL), 3, 0.0))
    p, q = torch.rand(5, 6), torch.rand(5, 6)
    wanted = {
        (i, j, k)
        for i, j, k in every_triplet(SEVERAL)
        if ((p[i] - q[j]) ** 2).sum() - ((p[i] - q[k]) ** 2).sum() + 0.1 > 0
    }
    assert as_set(hard_triplets(similar, p, q, 0.1, 200)) == wanted
    assert 0 < len(wanted) < len(every_triplet(SEVERAL))
    far_apart = torch.eye(3).repeat_interleave(2, 0) * 9
    pairs = torch.eye(3, dtype=torch.bool).repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert len(hard_triplets(pairs, far_apart, far_apart, 1.0).query) == 0


def test_all_triplets_in_slow_loops():
    torch.manual_seed(0)
    similar = similarity(make_targets(torch.from_numpy(SEVERAL), 3, 0.0))
    tensors = [torch.rand(5, 6, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    p, q = (tensor.detach().numpy() for tensor in tensors)
    triplets = np.array(sorted(every_triplet(SEVERAL)))
    i, j, k = triplets.T
    one_by_one = [
        loss_and_gradients_by_hand(p[[a]], q[[b]], q[[c]], 0.1)[0] for a, b, c in triplets
    ]
    costly = np.array(one_by_one) > 0
    assert 0 < costly.sum() < len(triplets)
    loss = batch_ranking_loss(similar, *tensors, 0.1)
    loss.backward()
    assert loss.item() == pytest.approx(np.mean(np.array(one_by_one)[costly]), rel=1e-12)
    _, by_hand = loss_and_gradients_by_hand(p[i[costly]], q[j[costly]], q[k[costly]], 0.1)
    expected = [np.zeros_like(p), np.zeros_like(q)]
    np.add.at(expected[0], i[costly], by_hand[0])
    np.add.at(expected[1], j[costly], by_hand[1])
    np.add.at(expected[1], k[costly], by_hand[2])
    for tensor, gradient in zip(tensors, expected, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), gradient, atol=1e-12)


def test_the_margin_is_an_eighth_of_the_bits_that_the_loss_sees():
    projection = torch.randn(4, 16)
    targets = make_targets(torch.tensor([0, 0, 1, 1]), 2, 0.0)
    outputs = Outputs(projection, projection, None)
    unset, two = DNNH(16, "resnet-8"), DNNH(16, "resnet-8", margin=2.0)
    assert unset.loss(outputs, targets, 0.0) == two.loss(outputs, targets, 0.0)
    shorter = Outputs(projection, projection[:, :8], None)
    one = DNNH(16, "resnet-8", margin=1.0)
    assert unset.loss(shorter, targets, 0.0) == one.loss(shorter, targets, 0.0)
    # All codes the same: every triplet costs the margin, which is the unit.
    same = Outputs(projection, torch.zeros(4, 8), None)
    assert two.loss(same, targets, 0.0).item() == 1
    assert DNNH(8, "resnet-8", margin=0.5).loss(same, targets, 0.0).item() == 0.5


def test_normalised_bits_are_balanced_and_still_those_of_equation_4():
    torch.manual_seed(0)
    network = DNNH(4, "resnet-8", n_features=10).network(3, 1)
    projection = network.train()(torch.randn(32, 1, 12, 12)).projection
    torch.testing.assert_close(projection.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    encode, norm = network.eval().hash_layer
    outputs = network(torch.randn(3, 1, 12, 12))
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    offset = norm.bias + (encode.bias - norm.running_mean) * factor
    for bit, columns in enumerate(torch.arange(10).split([3, 3, 2, 2])):
        weight = encode.weight[0, columns] * factor[bit]
        expected = outputs.features[:, columns] @ weight + offset[bit]
        torch.testing.assert_close(outputs.projection[:, bit], expected)
    plain = DNNH(4, "resnet-8", normalize=False).network(3, 1)
    assert isinstance(plain.hash_layer, DivideAndEncode)


@pytest.mark.parametrize("triplets", ["all", "random", "hard"])
def test_the_method_s_loss_in_slow_loops(triplets):
    torch.manual_seed(0)
    labels = torch.tensor([[1, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.bool)
    projection = torch.tensor([[2.0, -1.0, 0.1], [-2.0, -1.5, 0.3], [2.5, -1.0, -0.2]])
    method = DNNH(3, "resnet-8", triplets=triplets, margin=1.0, beta=2.0, n_bands=2)
    b = np.empty((3, 3))
    for i in range(3):
        for k in range(3):
            s = 1 / (1 + np.exp(-2.0 * projection[i, k].item()))
            b[i, k] = 0 if s < 0.1 else 1 if s > 0.9 else s  # eps is 0.4 in the second half
    assert {0.0, 1.0} < set(b.flat)
    # The third image is unlike both others, which are each other's like one.
    expected, _ = loss_and_gradients_by_hand(b[[0, 1]], b[[1, 0]], b[[2, 2]], 1.0)
    assert expected > 1
    loss = method.loss(Outputs(projection, projection, None), make_targets(labels, 3, 0.0), 0.5)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_a_prefix_is_the_network_of_the_first_slices():
    torch.manual_seed(0)
    network = DNNH(4, "resnet-8", n_features=10, normalize=False).network(3, 1).eval()
    images = torch.randn(2, 1, 12, 12)
    outputs = network(images)
    assert outputs.features.shape == (2, 10)
    layer = DivideAndEncode(6, 2)  # the first two of the slices 3, 3, 2, 2
    layer.weight.data = network.hash_layer.weight.data[:, :6]
    layer.bias.data = network.hash_layer.bias.data[:2]
    torch.testing.assert_close(
        network.prefix(outputs, 2).projection, layer(outputs.features[:, :6])
    )


def test_fifty_features_a_bit_unless_told():
    assert DNNH(3, "resnet-8", normalize=False).network(4, 1).hash_layer.weight.shape == (1, 150)
    assert DNNH(3, "nin").image_size == 224
    assert DNNH(3, "nin-32").image_size is None


def test_batches_are_the_paper_s_and_hold_images_of_a_class():
    method = DNNH()
    recipe = method.recipe(Recipe(images_per_class=8, learning_rate=0.2))
    assert (recipe.batch_size, recipe.images_per_class, recipe.learning_rate) == (64, 8, 0.1)
    recipe = method.recipe(Recipe(batch_size=2, learning_rate=0.01))
    assert (recipe.batch_size, recipe.images_per_class, recipe.learning_rate) == (2, 2, 0.01)
    assert method.recipe(Recipe()).images_per_class == 4


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_features": 47}, "n_features must be an int >= 48. Got 47"),
        (
            {"triplets": "hardest"},
            "triplets must be one of all, random, hard. .* Did you mean 'hard'",
        ),
        ({"margin": -1.0}, "margin must be a number >= 0"),
        ({"beta": 0.0}, "beta must be a number >= "),
        ({"normalize": 1}, "normalize must be True or False. Got 1"),
        ({"n_bands": 0}, "n_bands must be an int >= 1"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        DNNH(**wrong).check()
