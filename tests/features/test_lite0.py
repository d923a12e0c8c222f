"""The installed backbone, built here, is timm's network of that name."""

import subprocess
import sys

import pytest
import timm
import torch
from timm.data.config import resolve_data_config

from hashlens.features import lite0
from hashlens.features.pretrained import pretrained_network


@pytest.mark.parametrize("size", [(224, 224), (225, 160), (64, 97)])
def test_it_gives_the_features_of_timms_network(size):
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    theirs = pretrained_network(lite0.OFFLINE_BACKBONE).eval()
    ours = lite0.Lite0.installed()
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)


def test_images_are_those_of_timms_configuration():
    weights = timm.get_pretrained_cfg(lite0.OFFLINE_BACKBONE)
    config = resolve_data_config(pretrained_cfg=weights.to_dict())
    assert config["input_size"] == (3, lite0.SIDE, lite0.SIDE)
    assert (config["mean"], config["std"]) == (lite0.MEAN, lite0.STD)


def test_no_weight_of_the_package_is_left_out():
    n_norms = 1 + sum((3 if expansion > 1 else 2) * depth for depth, expansion, *_ in lite0._STAGES)
    weights = lite0.installed_weights()
    n_taken = len([name for name in weights if not name.startswith("_fc")])
    assert n_taken == (n_norms + 1) * 6  # a filter and five of a norm, stem and head among them


def test_the_installed_backbone_needs_no_timm():
    program = """
import sys
from hashlens.features import load_features
load_features("backbone")
print([name for name in ("timm", "torchvision", "torch._dynamo") if name in sys.modules])
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"
