"""Network in Network against Table 1."""

import pytest
import torch
from torch import nn

from hashlens.deep.nin import NIN, NIN32
from hashlens.deep.trunks import build_trunk
from hashlens.deep.wide_trunk import build_wide_trunk
from hashlens.errors import InputError


@pytest.fixture(scope="module")
def table_one():
    return NIN(3, 50 * 4).eval()


def test_output_sizes_are_those_of_table_one(table_one):
    maps, sizes = torch.zeros(1, 3, 224, 224), []
    with torch.inference_mode():
        for layer in table_one.layers:
            maps = layer(maps)
            if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                sizes.append(tuple(maps.shape[1:3]))
    assert sizes == [
        *((96, 54), (96, 54), (96, 27)),
        *((256, 27), (256, 27), (256, 13)),
        *((384, 13), (384, 13), (384, 6)),
        *((1024, 6), (200, 6)),
    ]


def test_filters_are_those_of_table_one(table_one):
    filters = sum(p.numel() for p in table_one.parameters() if p.ndim == 4)
    by_hand = 3 * 96 * 11**2 + 96**2 + 96 * 256 * 5**2 + 256**2
    by_hand += 256 * 384 * 3**2 + 384**2 + 384 * 1024 * 3**2 + 1024 * 200
    assert filters == by_hand
    assert table_one.first == (11, 4, 0)


@pytest.mark.parametrize("size", [8, 12, 28, 32])
def test_small_images_fit(size):
    trunk = NIN32(1, 24).eval()
    with torch.inference_mode():
        assert trunk(torch.zeros(2, 1, size, size)).shape == (2, 24)
        maps = trunk.layers(torch.zeros(1, 1, size, size))
    assert maps.shape[2:] == {8: (1, 1), 12: (1, 1), 28: (3, 3), 32: (4, 4)}[size]


def test_by_name_and_with_a_wanted_width():
    assert type(build_trunk("nin", 3)) is NIN
    assert type(build_trunk("nin-32", 1)) is NIN32
    assert build_trunk("nin-32", 3).n_features == 1024
    own = build_wide_trunk("nin-32", 3, 70)
    assert type(own) is NIN32
    assert own.n_features == 70
    behind = build_wide_trunk("resnet-8", 1, 70).eval()
    features = behind(torch.randn(3, 1, 12, 12))
    assert features.shape == (3, behind.n_features) == (3, 70)
    assert features.min() == 0  # rectified, as every convolution of Table 1 is


@pytest.mark.parametrize(("cls", "smallest"), [(NIN, 39), (NIN32, 8)])
def test_images_from_the_smallest_size_on_are_taken(cls, smallest):
    with torch.device("meta"):
        trunk = cls(1, 16)
        assert trunk(torch.zeros(2, 1, smallest, 60)).shape == (2, 16)
        with pytest.raises(InputError, match=f"image_size must be at least {smallest} pixels"):
            trunk(torch.zeros(2, 1, 60, smallest - 1))
        with pytest.raises(RuntimeError):  # what the limit spares the user
            trunk.layers(torch.zeros(2, 1, 60, smallest - 1))
