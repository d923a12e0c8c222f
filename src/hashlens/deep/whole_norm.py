"""Batch normalisation over a batch that several processes share, on CPUs and GPUs alike."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

aten: Any = torch.ops.aten


class WholeBatchNorm(TorchFunctionMode):
    """While it is entered, batch normalisation in training takes the statistics of all processes.

    PyTorch's own ``SyncBatchNorm`` refuses to train on a CPU, and takes the activation away from
    timm's normalisations; this stands in for the one function that all of them call.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Replace ``torch.nn.functional.batch_norm``, and nothing else."""
        del types
        if func is F.batch_norm:
            return batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def batch_norm(  # noqa: PLR0913 - the arguments of torch.nn.functional.batch_norm
    images: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise as ``torch.nn.functional.batch_norm``, over the rows of all processes.

    References
    ----------
    T. Chan, G. Golub, R. LeVeque, Algorithms for computing the sample variance, 1983, eq. 2.1:
    how the variances of parts make that of the whole.
    """
    if not training:
        return F.batch_norm(images, running_mean, running_var, weight, bias, False, momentum, eps)
    mean, variance, count = _statistics(images.detach())
    if running_mean is not None and running_var is not None:
        running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        unbiased = variance * (count / (count - 1).clamp(min=1))
        running_var.lerp_(unbiased.to(running_var.dtype), momentum)
    ones = torch.ones_like(mean) if weight is None else weight
    zeros = torch.zeros_like(mean) if bias is None else bias
    normalized: Tensor = _Normalized.apply(images, ones, zeros, mean, variance, count, eps)
    return normalized


def _statistics(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance of each channel, (c,), and the number of values, of all processes."""
    # Running statistics, which stay as they are, make those of bfloat16 come in float32.
    exact = torch.promote_types(images.dtype, torch.float32)
    blank = images.new_zeros(images.shape[1], dtype=exact)
    mean, variance = aten.batch_norm_update_stats(images, blank, blank, 0.0)
    n_values = images.numel() // images.shape[1]
    own = torch.cat([mean, variance, mean.new_full((1,), n_values)])
    parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, own)
    stacked = torch.stack(parts)
    means, variances, counts = torch.split(stacked, [len(mean), len(mean), 1], 1)
    count = counts.sum()
    whole = (means * counts).sum(0) / count
    return whole, (counts * (variances + (means - whole).square())).sum(0) / count, count


class _Normalized(torch.autograd.Function):
    """Normalise by given statistics; the gradient takes account of their being the batch's own."""

    @staticmethod
    def forward(  # noqa: PLR0913
        ctx: Any,
        images: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        count: Tensor,
        eps: float,
    ) -> Tensor:
        """Map (n, c, ...) to the same shape."""
        ctx.save_for_backward(images, weight, mean, variance, count)
        ctx.eps = eps
        return F.batch_norm(images, mean, variance, weight, bias, False, 0.0, eps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        r"""Give the gradients of the images, the weight and the offset.

        .. math::
            \frac{w}{s} \Bigl( g - \frac{1}{n} \sum g - \frac{\hat x}{n} \sum g \hat x \Bigr),
            \qquad \hat x = \frac{x - \mu}{s}

        where the sums are over the values of all processes.
        """
        images, weight, mean, variance, count = ctx.saved_tensors
        given, wanted = (weight, mean, variance, None, None), [False, True, True]
        # The sums of this process over g x^ and over g.
        _, along, total = aten.native_batch_norm_backward(
            gradient, images, *given, False, ctx.eps, wanted
        )
        sums = torch.stack([along, total]).to(mean.dtype)
        dist.all_reduce(sums)
        inverse = (variance + ctx.eps).rsqrt()
        scale = weight * inverse
        slope = -scale * inverse * sums[0] / count
        offset = -scale * sums[1] / count - slope * mean
        shape = (1, -1) + (1,) * (images.ndim - 2)
        # Rounded once, at the end: the terms nearly cancel where a channel has one gradient.
        through = torch.addcmul(offset.view(shape), images.to(mean.dtype), slope.view(shape))
        through = torch.addcmul(through, gradient.to(mean.dtype), scale.view(shape))
        return through.to(images.dtype), along, total, None, None, None, None
