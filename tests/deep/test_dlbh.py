"""DLBH against its paper: the latent layer, the bit, the loss, and what is fine-tuned how fast."""

import math

import numpy as np
import pytest
import torch

from hashlens.data import Splits, synthetic_images
from hashlens.deep import recipe_named
from hashlens.deep.base import make_targets
from hashlens.deep.dlbh import DLBH
from hashlens.deep.optimizer import build_optimizer
from hashlens.deep.trunks import Trunk
from hashlens.errors import InputError
from hashlens.features import pretrained
from hashlens.model import Model
from hashlens.training import TrainOptions, train

SMALL = {"trunk": "resnet-8", "pretrained": False}


def small_outputs(n_bits=6, n_classes=3):
    torch.manual_seed(0)
    network = DLBH(n_bits=n_bits, **SMALL).network(n_classes, 1).eval()
    with torch.no_grad():
        network.hash_layer.weight.mul_(20)
        return network, network(torch.randn(20, 1, 8, 8))


def test_a_bit_is_a_latent_activation_of_at_least_one_half():
    network, outputs = small_outputs()
    latent = 1 / (1 + torch.exp(-network.hash_layer(outputs.features)))
    assert torch.equal(outputs.projection >= 0, latent >= 0.5)
    assert 0 < (latent >= 0.5).float().mean() < 1
    # The classifier sees the latent layer, and nothing else.
    torch.testing.assert_close(outputs.logits, network.classifier(latent), rtol=1e-4, atol=1e-5)


def test_the_features_for_the_fine_search_are_the_layer_before_the_latent_one():
    network, outputs = small_outputs()
    torch.testing.assert_close(network.hash_layer(outputs.features), outputs.projection)
    assert outputs.features.shape == (20, network.trunk.n_features)


def test_loss_in_slow_loops_for_one_label_and_for_several():
    method = DLBH(n_bits=6, **SMALL)
    outputs = small_outputs()[1]
    labels = [i % 3 for i in range(20)]
    several = np.random.default_rng(0).random((20, 3)) < 0.4
    one = many = 0.0
    for row, label, has in zip(outputs.logits.tolist(), labels, several, strict=True):
        one -= math.log(math.exp(row[label]) / sum(map(math.exp, row))) / 20
        for score, wanted in zip(row, has, strict=True):
            chance = 1 / (1 + math.exp(-score))
            many -= math.log(chance if wanted else 1 - chance) / 60
    targets = make_targets(torch.tensor(labels), 3, 0.0)
    assert method.loss(outputs, targets, 0.0).item() == pytest.approx(one, rel=1e-5)
    targets = make_targets(torch.from_numpy(several), 3, 0.0)
    assert method.loss(outputs, targets, 0.0).item() == pytest.approx(many, rel=1e-5)


def test_the_trunk_learns_more_slowly_only_where_it_was_learnt_before():
    names = ("trunk.model.conv_stem.weight", "hash_layer.weight", "classifier.bias")
    assert [DLBH(trunk_rate=0.3).rate_factor(name) for name in names] == [0.3, 1, 1]
    assert [DLBH(**SMALL).rate_factor(name) for name in names] == [1, 1, 1]


def test_nothing_is_frozen():
    network = DLBH(n_bits=4).network(3, 3)
    assert all(parameter.requires_grad for parameter in network.parameters())
    groups = build_optimizer(network, recipe_named("modern"), DLBH().rate_factor).param_groups
    assert sum(len(group["params"]) for group in groups) == len([*network.parameters()])
    assert {group["rate_factor"] for group in groups} == {0.1, 1.0}


def test_recipe_of_a_fine_tuning():
    modern = recipe_named("modern")
    tuned = DLBH().recipe(modern)
    assert (tuned.batch_size, tuned.min_steps, tuned.learning_rate) == (32, 300, 0.2)
    assert DLBH(**SMALL).recipe(modern) == modern
    # AlexNet: the paper's 0.001 for the trunk, and ten times that for the new layers.
    assert DLBH(trunk="alexnet").recipe(modern).learning_rate == 0.01


def test_images_get_the_size_of_the_weights():
    sizes = [DLBH().image_size, DLBH(trunk="alexnet").image_size, DLBH(**SMALL).image_size]
    assert sizes == [224, 224, None]


def test_a_trunk_without_weights_cannot_be_pretrained():
    with pytest.raises(InputError, match="pretrained must be False for resnet-20, which has no"):
        DLBH(trunk="resnet-20").check()
    with pytest.raises(InputError, match="pretrained must be True or False"):
        DLBH(pretrained=1).check()
    with pytest.raises(InputError, match="trunk_rate must be"):
        DLBH(trunk_rate=-0.1).check()


def test_weights_are_loaded_before_training_and_never_for_a_saved_model(tmp_path, monkeypatch):
    data = synthetic_images(4, 2, size=32)
    options = TrainOptions(
        epochs=1, image_size=32, precision="32-true", validation=0.0, out=tmp_path / "model"
    )
    settings = {"trunk_rate": 0.0}  # so that the weights are found again as they were loaded
    model = train(Splits(data, data), method="dlbh", n_bits=4, settings=settings, options=options)
    assert model.preprocessing.shape == (32, 32, 3)
    stem = pretrained.pretrained_network("tf_efficientnet_lite0").conv_stem.weight
    assert torch.equal(model.encoder.network.trunk.model.conv_stem.weight.cpu(), stem)

    def fail(_):
        raise AssertionError("weights were asked for")

    monkeypatch.setattr(Trunk, "load_pretrained", fail)
    monkeypatch.setattr("hashlens.deep.timm_trunk.pretrained_network", fail)
    loaded = Model.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.encode(data), model.encode(data))
    scale = loaded.encoder.network.trunk.scale.flatten().cpu()
    torch.testing.assert_close(scale, torch.tensor([0.229, 0.224, 0.225]) / 0.5)
