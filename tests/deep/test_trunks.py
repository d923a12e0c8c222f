"""Trunks by name: their sizes, their channels, and the ImageNet weights of those that have some."""

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from hashlens.deep.alexnet import WEIGHTS, AlexNet
from hashlens.deep.encoder import Normalize
from hashlens.deep.imagenet import IMAGENET_MEAN, IMAGENET_STD
from hashlens.deep.trunks import TRUNKS, build_trunk, check_trunk, pretrained_size
from hashlens.errors import InputError
from hashlens.features import pretrained

LITE0 = "tf_efficientnet_lite0"
TIMM = ("resnet10t", "mobilenetv3_small_050", "test_vit")


@pytest.fixture(scope="module")
def alexnet():
    """AlexNet without the cost of drawing its 57 million weights."""
    with torch.device("meta"):
        trunk = AlexNet(1)
    trunk.to_empty(device="cpu")
    for i, parameter in enumerate(trunk.parameters()):
        nn.init.constant_(parameter, 0.001 * (i + 1))
    nn.init.ones_(trunk.scale)
    nn.init.zeros_(trunk.shift)
    return trunk.eval()


@pytest.mark.parametrize("name", [*sorted(TRUNKS), "resnet-8", *TIMM])
def test_a_trunk_gives_as_many_features_as_it_says(name):
    for n_channels in (1, 3):
        with torch.device("meta"):  # shapes alone
            trunk = build_trunk(name, n_channels)
            side = pretrained_size(name) or 224
            assert trunk(torch.zeros(2, n_channels, side, side)).shape == (2, trunk.n_features)


def test_features_are_those_that_the_classifier_sees():
    full = timm.create_model("mobilenetv3_small_050", pretrained=False)
    trunk = build_trunk("mobilenetv3_small_050", 3)
    assert trunk.n_features == full.classifier.in_features != trunk.model.num_features


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("alexnett", r"alexnet, cifarnet, .*Did you mean 'alexnet'"),
        ("resnet18x", r"Did you mean 'resnet18'"),
        ("resnet-21", r"N = 6n \+ 2"),
        ("resnet-2", r"N = 6n \+ 2"),
        (18, "must be the name of a trunk. Got 18"),
    ],
)
def test_an_unknown_trunk_is_refused_with_the_nearest_name(name, said):
    with pytest.raises(InputError, match=said):
        build_trunk(name, 3)


def test_every_kind_of_name_is_known():
    for name in ("alexnet", "resnet-110", "resnet18", "resnet18.a1_in1k"):
        assert check_trunk(name) == name


def test_the_size_of_the_weights():
    names = ("alexnet", LITE0, "test_vit.r160_in1k", "resnet-20", "cifarnet", "coatnet_0_224")
    assert [pretrained_size(name) for name in names] == [224, 224, 160, None, None, None]


@pytest.mark.parametrize("n_channels", [1, 3])
def test_installed_weights_see_images_as_imagenet_had_them(n_channels):
    """Pixels with ImageNet's own mean and deviation reach the network as its weights want them."""
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, n_channels), np.uint8)
    mean, std = (torch.tensor(v[:n_channels]) * 255 for v in (IMAGENET_MEAN, IMAGENET_STD))
    images = Normalize(mean, std)(torch.from_numpy(pixels))
    trunk = build_trunk(LITE0, n_channels)
    trunk.load_pretrained()
    network = pretrained.pretrained_network(LITE0).eval()
    seen = []
    trunk.model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        features = trunk.eval()(images)
        torch.testing.assert_close(features, network(seen[0]))
    wanted = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1
    torch.testing.assert_close(seen[0][:, :1], wanted[:, :1], rtol=1e-4, atol=1e-4)
    assert seen[0].shape == (2, 3, 64, 64)
    if n_channels == 3:
        torch.testing.assert_close(seen[0], wanted, rtol=1e-4, atol=1e-4)
    assert {"scale", "shift"} <= set(trunk.state_dict())


def test_weights_fetched_earlier_are_loaded_from_the_cache(monkeypatch, tmp_path):
    torch.manual_seed(0)
    full = timm.create_model("resnet10t", pretrained=False).eval()
    save_file(full.state_dict(), tmp_path / "model.safetensors")
    file = str(tmp_path / "model.safetensors")
    monkeypatch.setattr(pretrained, "try_to_load_from_cache", lambda *_: file)
    trunk = build_trunk("resnet10t", 3).eval()
    trunk.load_pretrained()
    images = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        expected = full.forward_head(full.forward_features(images), pre_logits=True)
        torch.testing.assert_close(trunk(images), expected)


def test_weights_that_are_not_here_are_asked_for_and_never_fetched(monkeypatch, tmp_path, alexnet):
    monkeypatch.setattr(pretrained, "try_to_load_from_cache", lambda *_: None)
    with pytest.raises(InputError, match=r"weights of resnet10t must be on this machine.*Backbone"):
        build_trunk("resnet10t", 3).load_pretrained()
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(InputError, match=r"alexnet-owt-7be5be79.pth\. Got none"):
        alexnet.load_pretrained()
    with pytest.raises(InputError, match="pretrained must be False"):
        build_trunk("cifarnet", 3).load_pretrained()
    with pytest.raises(InputError, match="without 3 channels or 1"):
        build_trunk(LITE0, 4).load_pretrained()


def test_an_image_of_another_size_than_the_model_is_made_for_is_refused():
    with pytest.raises(InputError, match=r"image_size must be images of 160 x 160 .*test_vit"):
        build_trunk("test_vit", 3)(torch.zeros(1, 3, 32, 32))


def test_alexnet_is_torchvisions_up_to_f7(alexnet):
    # Five convolutions and two layers, by hand; grey images are repeated in three channels.
    shapes = [(64, 3, 11), (192, 64, 5), (384, 192, 3), (256, 384, 3), (256, 256, 3)]
    count = sum(n_out * n_in * side * side + n_out for n_out, n_in, side in shapes)
    count += (256 * 36 + 1) * 4096 + (4096 + 1) * 4096
    assert sum(p.numel() for p in alexnet.parameters()) == count == 57_003_840
    assert isinstance(alexnet.network.classifier[-1], nn.ReLU)
    with pytest.raises(
        InputError, match=r"at least 63 pixels for the trunk alexnet. Got \(62, 99\)"
    ):
        alexnet(torch.zeros(1, 1, 62, 99))


def test_alexnet_takes_the_weights_of_torch_hub(monkeypatch, tmp_path, alexnet):
    # One number a tensor, stretched to its shape without memory: the file is small.
    state = {
        key: torch.full((1,), 1.0 / (i + 1)).expand(value.shape)
        for i, (key, value) in enumerate(alexnet.network.state_dict().items())
    }
    state |= {"classifier.6.weight": torch.zeros(1000, 1), "classifier.6.bias": torch.zeros(1000)}
    (tmp_path / "checkpoints").mkdir()
    path = tmp_path / "checkpoints" / WEIGHTS.url.rpartition("/")[2]
    torch.save(state, path)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    alexnet.load_pretrained()
    first = [parameter.flatten()[0].item() for parameter in alexnet.parameters()]
    assert first == pytest.approx([1 / (i + 1) for i in range(14)])
    path.write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"must hold the weights of alexnet"):
        alexnet.load_pretrained()
