"""Muon: filters learn by steps of orthogonal matrices, everything else by gradient descent."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

N_ITERATIONS = 3
QUINTIC = (3.4445, -4.7750, 2.0315)  # of the reference: steep at 0, and near 1 for larger values


class Muon(Optimizer):
    r"""Nesterov's gradient descent, and Muon for the groups of parameters that are `orthogonal`.

    A filter bank is a matrix W of one row a filter. With its gradient G, the memory M and the
    momentum :math:`\mu`

    .. math::
        M \leftarrow \mu M + G, \qquad
        W \leftarrow \frac{\sqrt{n}}{\lVert W \rVert_F} W - \eta\, O(G + \mu M)

    where n is the number of rows and O sets all singular values to about 1 (`orthogonal`), so
    that rare directions are learnt as fast as frequent ones. The scaling of W is for filters that a
    normalisation follows: their size means nothing, and growing would slow them down.

    Parameters
    ----------
    groups : iterable of dict
        Groups of ``params``, each with ``orthogonal`` (bool), ``momentum`` and ``weight_decay``;
        the weight decay of orthogonal groups is not used.
    lr : float
        The rate of groups that have none of their own.

    References
    ----------
    K. Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024; the scaling of
    W is that of its program for CIFAR-10.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float) -> None:
        super().__init__(groups, {"lr": lr})

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Change all parameters by their gradients, once."""
        loss = closure() if closure else None
        with torch.no_grad():
            for group in self.param_groups:
                change = _filter_step if group["orthogonal"] else _plain_step
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        change(parameter, parameter.grad, self._memory(parameter), group)
        return loss

    def _memory(self, parameter: Tensor) -> Tensor:
        memory: Tensor = self.state[parameter].setdefault(
            "momentum_buffer", torch.zeros_like(parameter)
        )
        return memory


def _filter_step(filters: Tensor, gradient: Tensor, memory: Tensor, group: dict[str, Any]) -> None:
    ahead = _look_ahead(gradient, memory, group["momentum"])
    filters.mul_(len(filters) ** 0.5 / filters.norm().clamp_min(1e-12))
    filters.add_(orthogonal(ahead.flatten(1)).view_as(filters), alpha=-group["lr"])


def _plain_step(values: Tensor, gradient: Tensor, memory: Tensor, group: dict[str, Any]) -> None:
    ahead = _look_ahead(
        gradient.add(values, alpha=group["weight_decay"]), memory, group["momentum"]
    )
    values.add_(ahead, alpha=-group["lr"])


def _look_ahead(gradient: Tensor, memory: Tensor, momentum: float) -> Tensor:
    """Add a gradient to the memory, and give where Nesterov's next step would go."""
    memory.mul_(momentum).add_(gradient)
    return gradient.add(memory, alpha=momentum)


def orthogonal(matrix: Tensor) -> Tensor:
    r"""Bring the singular values of a matrix near 1, and leave its singular vectors.

    .. math::
        X \leftarrow a X + b X X^\top X + c\, (X X^\top)^2 X

    three times, from :math:`X / \lVert X \rVert_F`: on each singular value that is the quintic
    :math:`a s + b s^3 + c s^5`.

    Parameters
    ----------
    matrix : float (m, n)

    Returns
    -------
    near : float32 (m, n)

    Examples
    --------
    >>> orthogonal(torch.tensor([[5.0, 0.0], [0.0, 5.0]])).round(decimals=1)
    tensor([[1.1000, 0.0000],
            [0.0000, 1.1000]])
    """
    a, b, c = QUINTIC
    is_tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = (matrix.T if is_tall else matrix).float()
    x = x / x.norm().clamp_min(1e-7)
    for _ in range(N_ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if is_tall else x
