"""Which parameters learn how: rates, decay, and by which rule."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from torch import nn
from torch.optim import SGD, Optimizer

from hashlens.deep.muon import Muon
from hashlens.deep.recipe import Recipe
from hashlens.deep.trunks import Trunk


class Kind(NamedTuple):
    """What the parameters of a group have in common."""

    decays: bool
    rate_factor: float
    orthogonal: bool


def build_optimizer(
    network: nn.Module, recipe: Recipe, rate_factor: Callable[[str], float]
) -> Optimizer:
    """Stochastic gradient descent, with Muon for filters where the recipe has a rate for them.

    Filters and matrices decay, offsets and norms do not. The method and the trunk may each have a
    factor on the rate of a parameter.
    """
    factors, filters = _said_by_trunks(network)
    groups: dict[Kind, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            factor = rate_factor(name) * factors.get(name, 1.0)
            kind = Kind(parameter.ndim > 1, factor, recipe.filter_rate > 0 and name in filters)
            groups.setdefault(kind, []).append(parameter)
    described = [{"params": some, **_rule(kind, recipe)} for kind, some in groups.items()]
    if any(kind.orthogonal for kind in groups):
        return Muon(described, lr=recipe.learning_rate)
    return SGD(
        described, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.nesterov
    )


def _rule(kind: Kind, recipe: Recipe) -> dict[str, Any]:
    """What an optimiser is told of a group."""
    # The loop sets the rates by the learning rate's schedule, that of the filters too.
    share = recipe.filter_rate / recipe.learning_rate if kind.orthogonal else 1.0
    return {
        "weight_decay": recipe.weight_decay if kind.decays else 0.0,
        "rate_factor": kind.rate_factor * share,
        "orthogonal": kind.orthogonal,
        "momentum": recipe.filter_momentum if kind.orthogonal else recipe.momentum,
    }


def _said_by_trunks(network: nn.Module) -> tuple[dict[str, float], set[str]]:
    """Factors on rates by the name of a parameter, and the names of filters without a size."""
    factors, filters = {}, set()
    for prefix, trunk in _trunks(network):
        for name, parameter in trunk.named_parameters():
            factors[f"{prefix}.{name}"] = trunk.rate_factor(name)
            if trunk.normalizes_filters and parameter.ndim == 4:
                filters.add(f"{prefix}.{name}")
    return factors, filters


def _trunks(network: nn.Module) -> Iterator[tuple[str, Trunk]]:
    for prefix, module in network.named_modules():
        if isinstance(module, Trunk):
            yield prefix, module
