"""CifarNet: what its first layer computes, what its blocks begin as, and how it is trained."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from hashlens.data import Splits, synthetic_images
from hashlens.deep import DeepEncoder, Normalize, Recipe
from hashlens.deep.cifarnet import OFFSET_RATE, CifarNet, identity_convolution
from hashlens.deep.optimizer import build_optimizer
from hashlens.deep.orthohash import OrthoHash
from hashlens.deep.whitening import whitening_filters
from hashlens.deep.wide_trunk import build_wide_trunk
from hashlens.training import TrainOptions, train


def smooth_images(n_channels=3):
    """Neighbouring pixels and channels alike, as in photographs."""
    noise = torch.randn(70, n_channels, 12, 10, generator=torch.Generator().manual_seed(0))
    images = F.avg_pool2d(noise, 3, 1, 1) + 0.5 * noise.mean(1, keepdim=True)
    return (images - images.mean()) / images.std()


@pytest.mark.parametrize("n_channels", [1, 3])
def test_whitened_squares_have_the_identity_as_covariance(n_channels):
    images = smooth_images(n_channels)
    squares = [
        image[:, y : y + 2, x : x + 2].flatten()
        for image in images
        for y in range(11)
        for x in range(9)
    ]
    before = torch.cov(torch.stack(squares).T.double(), correction=0)
    eigenvalues = torch.linalg.eigvalsh(before).flip(0)
    for epsilon in (0.0, 0.05):
        whitened = F.conv2d(images, whitening_filters(images, 2, epsilon))
        after = torch.cov(whitened.transpose(0, 1).flatten(1).double(), correction=0)
        wanted = torch.diag(eigenvalues / (eigenvalues + epsilon))
        torch.testing.assert_close(after, wanted, rtol=0, atol=1e-4)


def test_flat_and_grey_images_have_finite_filters():
    grey = smooth_images(1).repeat(1, 3, 1, 1)
    for images in (grey, torch.zeros(3, 3, 8, 8)):
        filters = whitening_filters(images, 2)
        assert filters.isfinite().all()
        assert F.conv2d(images, filters).abs().max() < 20


def test_first_layer_is_computed_and_never_learnt():
    trunk, images = CifarNet(3), smooth_images()
    trunk.calibrate(images)
    filters = whitening_filters(images, 2)
    assert torch.equal(trunk.whitening.weight, torch.cat([filters, -filters]))
    assert not trunk.whitening.weight.requires_grad
    assert trunk.whitening.bias.requires_grad


def test_convolutions_begin_as_the_identity():
    x = torch.randn(2, 5, 6, 6)
    for n_out in (5, 9):
        y = identity_convolution(5, n_out)(x)
        assert y.shape == (2, n_out, 6, 6)
        torch.testing.assert_close(y[:, :5], x)


@pytest.mark.parametrize("side", [8, 9, 12, 28, 32, 64])
def test_every_size_from_8_pixels_gives_features(side):
    assert CifarNet(1).eval()(torch.zeros(1, 1, side, side + 1)).shape == (1, 256)


def test_offsets_learn_faster_also_inside_a_wider_trunk():
    trunk = build_wide_trunk("cifarnet", 3, 20)
    network = torch.nn.ModuleDict({"trunk": trunk, "head": torch.nn.Linear(20, 2)})
    groups = build_optimizer(network, Recipe(), lambda _: 0.5).param_groups
    factors = {id(p): group["rate_factor"] for group in groups for p in group["params"]}
    learnt = {n: p for n, p in network.named_parameters() if p.requires_grad}
    assert len(factors) == len(learnt)
    for name, parameter in learnt.items():
        fast = name.startswith("trunk.trunk.") and name.endswith("bias")
        assert factors[id(parameter)] == 0.5 * (OFFSET_RATE if fast else 1.0)
    assert not any(n.endswith(("norm1.weight", "norm2.weight")) for n in learnt)


def test_only_trunks_that_want_images_are_shown_some():
    normalize = Normalize(torch.zeros(3), torch.ones(3))
    wants = [
        DeepEncoder(normalize, OrthoHash(n_bits=4, trunk=trunk).network(2, 3)).wants_images
        for trunk in ("cifarnet", "resnet-8")
    ]
    assert wants == [True, False]


def test_training_whitens_with_its_own_images():
    data = synthetic_images(120, 3, size=12, seed=0)
    options = TrainOptions(epochs=1, precision="32-true", validation=0.0)
    models = [
        train(Splits(data, data), method="orthohash", n_bits=8, options=options) for _ in range(2)
    ]
    first, second = (model.encoder.network.trunk.whitening.weight for model in models)
    pixels = torch.from_numpy(data.images.pixels)
    filters = whitening_filters(models[0].encoder.normalize(pixels), 2)
    torch.testing.assert_close(first[:12], filters, rtol=1e-3, atol=1e-3)
    assert torch.equal(first, second)
