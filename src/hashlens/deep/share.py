"""A batch that several processes share: each runs its share, and all see the whole."""

from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from hashlens.deep.base import HashNetwork, Outputs
from hashlens.deep.whole_norm import WholeBatchNorm

RANK_BITS = 51  # seeds of steps are below 2^51


class Share(NamedTuple):
    """The rows of a batch that fall to one of several processes.

    Attributes
    ----------
    n_images : int
        Of the whole batch.
    start, stop : int
    rank : int
        Of the process.
    """

    n_images: int
    start: int
    stop: int
    rank: int = 0

    @classmethod
    def of(cls, n_images: int, rank: int = 0, n_processes: int = 1) -> "Share":
        """Cut a batch as evenly as can be: the first shares are one longer where it leaves a rest.

        Examples
        --------
        >>> [Share.of(8, rank, 3).rows for rank in range(3)]
        [slice(0, 3, None), slice(3, 6, None), slice(6, 8, None)]
        """
        length, n_longer = divmod(n_images, n_processes)
        start = rank * length + min(rank, n_longer)
        return cls(n_images, start, start + length + (rank < n_longer), rank)

    @property
    def rows(self) -> slice:
        """What to cut out of the whole batch."""
        return slice(self.start, self.stop)

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing to share."""
        return self.stop - self.start == self.n_images


class WholeBatch(nn.Module):
    """Runs a network on this process's share of a batch, and gives the outputs of all shares.

    Every process then has the loss of the whole batch, whatever the loss compares, and batch
    normalisation sees the whole batch too. The gradients of all processes, averaged, are those of
    one process with the whole batch: each process counts the loss once, and the gradient of an
    image's outputs as often as there are processes, since one alone passes it on.

    What is drawn within the network (dropout) differs between the processes; what is drawn after
    it is the same in all.
    """

    def __init__(self, network: HashNetwork, share: Share) -> None:
        super().__init__()
        self.network = network
        self.share = share

    def forward(self, images: Tensor) -> Outputs:
        """Map this share of the batch to the outputs of the whole batch."""
        devices = [images.device] if images.device.type == "cuda" else []
        with torch.random.fork_rng(devices), WholeBatchNorm():
            torch.manual_seed(torch.initial_seed() + ((self.share.rank + 1) << RANK_BITS))
            outputs: Outputs = self.network(images)
        return self._gathered(outputs)

    def _gathered(self, outputs: Outputs) -> Outputs:
        """Put the shares together: all tensors with a row an image, in one exchange."""
        given = {name: value for name, value in outputs._asdict().items() if _is_rows(value)}
        here = torch.cat([*given.values()], 1)
        here = here.to(torch.promote_types(here.dtype, torch.float32))
        whole: Tensor = _Gathered.apply(here, self.share)
        columns = torch.split(whole, [tensor.shape[1] for tensor in given.values()], 1)
        gathered: dict[str, Any] = dict(zip(given, columns, strict=True))
        return outputs._replace(**gathered)


def _is_rows(value: object) -> bool:
    """Tell a tensor with a row an image from what is missing, and from a codebook."""
    return isinstance(value, Tensor)


class _Gathered(torch.autograd.Function):
    """The rows of all processes, from the rows of each."""

    @staticmethod
    def forward(ctx: Any, here: Tensor, share: Share) -> Tensor:
        """Map the rows of this share (m, d) to those of the whole batch (n, d)."""
        ctx.share = share
        whole = here.new_zeros(share.n_images, here.shape[1])
        whole[share.rows] = here
        dist.all_reduce(whole)
        return whole

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Give the gradient of this share's rows, of the losses of all processes together.

        They are one and the same loss, so that nothing needs to be exchanged.
        """
        return gradient[ctx.share.rows] * dist.get_world_size(), None


def whole_batch(network: HashNetwork, share: Share) -> nn.Module:
    """Let a network that runs on a share of the batch give the outputs of the whole batch."""
    return network if share.is_whole else WholeBatch(network, share)
