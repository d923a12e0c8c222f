"""CNNH*: CNNH's codes and loss, with DNNH's convolutions."""

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from hashlens.deep.base import Given
from hashlens.deep.cnnh import CNNH
from hashlens.deep.cnnh_star import CNNHSTAR


def test_the_trunk_is_dnnh_s_and_the_codes_are_cnnh_s():
    assert CNNHSTAR().trunk == "nin-32"
    given = Given(np.array([0, 1, 2, 2]), 3, (8,))
    networks = [cls(8, "resnet-8").network(3, 1) for cls in (CNNH, CNNHSTAR)]
    for cls, network in zip((CNNH, CNNHSTAR), networks, strict=True):
        cls(8, "resnet-8").prepare(network, given)
    torch.testing.assert_close(networks[0].codes, networks[1].codes)


def test_a_1x1_convolution_and_an_average_are_the_average_and_a_linear_layer():
    maps, weight, bias = torch.randn(2, 5, 4, 4), torch.randn(8, 5), torch.randn(8)
    paper = F.conv2d(maps, weight[:, :, None, None], bias).mean((2, 3))
    torch.testing.assert_close(paper, F.linear(maps.mean((2, 3)), weight, bias))
