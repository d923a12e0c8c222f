"""Muon against its formulas, beside torch's gradient descent, and in the one loop."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from hashlens.deep import RECIPES, Recipe
from hashlens.deep.cifarnet import CifarNet
from hashlens.deep.drhn_trunk import DRHNTrunk
from hashlens.deep.muon import QUINTIC, Muon, orthogonal
from hashlens.deep.optimizer import build_optimizer


@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (8, 8)])
def test_the_quintic_is_applied_to_each_singular_value(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    a, b, c = QUINTIC
    s = s / s.square().sum().sqrt()
    for _ in range(3):
        s = a * s + b * s**3 + c * s**5
    torch.testing.assert_close(orthogonal(matrix), u @ torch.diag(s) @ v, atol=1e-4, rtol=0)
    assert s.max() < 1.3
    assert s.min() > 0.3  # as good as equal, for a random matrix


def test_other_groups_learn_as_by_nesterov_of_torch():
    start, ours = torch.randn(5, 3), nn.Parameter(torch.zeros(5, 3))
    theirs = nn.Parameter(start.clone())
    ours.data.copy_(start)
    group = {"orthogonal": False, "momentum": 0.8, "weight_decay": 0.1}
    both = [
        Muon([{"params": [ours], **group}], lr=0.1),
        torch.optim.SGD([theirs], lr=0.1, momentum=0.8, weight_decay=0.1, nesterov=True),
    ]
    for step in range(4):
        for values, optimizer in zip((ours, theirs), both, strict=True):
            optimizer.zero_grad()
            (values**2 * (step + 1)).sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_a_filter_step_is_as_long_as_the_rate_whatever_the_gradient():
    filters = nn.Parameter(torch.randn(4, 2, 3, 3))
    group = {"orthogonal": True, "momentum": 0.6, "weight_decay": 9.0, "params": [filters]}
    optimizer = Muon([group], lr=0.1)
    filters.grad = 1e6 * torch.randn(4, 2, 3, 3)
    expected = filters.detach() * 2 / filters.norm().item()
    expected -= 0.1 * orthogonal(1.6 * filters.grad.flatten(1)).view(4, 2, 3, 3)
    optimizer.step()
    torch.testing.assert_close(filters.detach(), expected)


def test_only_filters_that_a_normalisation_follows_learn_by_muon():
    network = nn.ModuleDict({"trunk": CifarNet(), "head": nn.Linear(256, 4)})
    optimizer = build_optimizer(network, RECIPES["fast"], lambda _: 1.0)
    filters = {
        id(parameter)
        for group in optimizer.param_groups
        if group["orthogonal"]
        for parameter in group["params"]
    }
    assert filters == {
        id(block.get_submodule(name).weight)
        for block in network["trunk"].blocks
        for name in ("conv1", "conv2")
    }
    plain = build_optimizer(network, Recipe(), lambda _: 1.0)
    assert isinstance(plain, torch.optim.SGD)
    drhn = nn.ModuleDict({"trunk": DRHNTrunk(3, 1, 1, 4)})
    assert isinstance(build_optimizer(drhn, RECIPES["fast"], lambda _: 1.0), torch.optim.SGD)


def test_the_rate_of_filters_is_not_the_learning_rate():
    network = nn.ModuleDict({"trunk": CifarNet(1)})
    recipe = replace(RECIPES["fast"], learning_rate=0.01)
    groups = build_optimizer(network, recipe, lambda _: 1.0).param_groups
    rates = [group["rate_factor"] * 0.01 for group in groups if group["orthogonal"]]
    assert rates == [pytest.approx(0.12)]
