"""Triplets of a batch, and the ranking loss on them."""

from typing import NamedTuple

import torch
from torch import Tensor

PER_IMAGE = 16
"""Random triplets drawn for each image of a batch."""


class Triplets(NamedTuple):
    """Rows of a batch, int64 (n_triplets,) each: `query` is like `near` and unlike `far`."""

    query: Tensor
    near: Tensor
    far: Tensor


def random_triplets(similar: Tensor, n_each: int = PER_IMAGE) -> Triplets:
    """Draw `n_each` triplets for every image that has a like and an unlike one in the batch.

    Parameters
    ----------
    similar : bool (n, n)
        Which images are alike.
    n_each : int, default=16

    Returns
    -------
    triplets : Triplets
        Drawn with repetition from PyTorch's global generator; none where no image can.

    Examples
    --------
    >>> labels = torch.tensor([0, 0, 1])
    >>> random_triplets(labels[:, None] == labels, 1)
    Triplets(query=tensor([0, 1]), near=tensor([1, 0]), far=tensor([2, 2]))
    """
    query, near = _alike(similar, n_each)
    return Triplets(query, near, _one_of(~similar[query]))


@torch.no_grad()
def hard_triplets(
    similar: Tensor, queries: Tensor, others: Tensor, margin: float, n_each: int = PER_IMAGE
) -> Triplets:
    """Draw triplets as `random_triplets` does, but only such as have a loss.

    The unlike image is drawn among those that are not farther from the query by `margin` than the
    like one; where there are none, the triplet is left out. So the mean does not fade as the
    codes get better. Nothing harder is mined: with the nearest unlike image of the batch, all
    codes soon become the same.

    Parameters
    ----------
    similar, queries, others, margin
        As for `batch_ranking_loss`.
    n_each : int, default=16

    References
    ----------
    A. Hermans et al., In defense of the triplet loss for person re-identification, 2017, section
    2: the mean over the triplets with a loss.
    """
    query, near = _alike(similar, n_each)
    distances = _squared_distances(queries, others)[query]  # (n_triplets, n)
    limits = distances.gather(1, near[:, None]) + margin
    costly = ~similar[query] & (distances < limits)
    some = costly.any(1)
    return Triplets(query[some], near[some], _one_of(costly[some]))


def triplet_ranking_loss(query: Tensor, near: Tensor, far: Tensor, margin: float = 1.0) -> Tensor:
    """Mean over triplets of the hinge of eq. 2, on values in [0, 1]: float (n_triplets, n_bits).

    Without any triplet it is zero, with a gradient of zero.

    References
    ----------
    H. Lai et al., Simultaneous feature learning and hash coding with deep neural networks, CVPR
    2015, eq. 2 and 3. M. Norouzi et al., Hamming distance metric learning, NeurIPS 2012.
    """
    difference = (query - near).square().sum(1) - (query - far).square().sum(1)
    return (difference + margin).relu().sum() / max(1, len(difference))


def batch_ranking_loss(similar: Tensor, queries: Tensor, others: Tensor, margin: float) -> Tensor:
    """Mean of the hinge of eq. 2 over those triplets of the batch that have a loss.

    Every triplet of the batch is looked at, by the distances of all pairs. As the codes get
    better, ever fewer have a loss; a mean over all of them would fade.

    Parameters
    ----------
    similar : bool (n, n)
    queries, others : float (n, n_bits)
        Values of the images as queries, and as what is compared with them.
    margin : float

    References
    ----------
    A. Hermans et al., In defense of the triplet loss for person re-identification, 2017, section
    2, "batch all" and the mean over the triplets with a loss.
    """
    distances = _squared_distances(queries, others)
    query, near = _others_alike(similar).nonzero(as_tuple=True)
    hinges = (distances[query, near][:, None] - distances[query] + margin).relu()
    hinges = hinges * ~similar[query]  # (n_pairs, n)
    return hinges.sum() / (hinges > 0).sum().clamp(min=1)


def _squared_distances(queries: Tensor, others: Tensor) -> Tensor:
    """Give the distance of every query to every other image: (n, n); smooth where it is 0."""
    squares = queries.square().sum(1)[:, None] + others.square().sum(1)
    return squares - 2 * queries @ others.T


def _others_alike(similar: Tensor) -> Tensor:
    """Leave out the pairs of an image with itself."""
    return similar & ~torch.eye(len(similar), dtype=torch.bool, device=similar.device)


def _alike(similar: Tensor, n_each: int) -> tuple[Tensor, Tensor]:
    """Draw `n_each` like images, itself left out, for all that have a like and an unlike one."""
    alike = _others_alike(similar)
    rows = (alike.any(1) & ~similar.all(1)).nonzero()[:, 0].repeat_interleave(n_each)
    return rows, _one_of(alike[rows])


def _one_of(candidates: Tensor) -> Tensor:
    """Draw one true column of each row: int64 (n,) from bool (n, m)."""
    return torch.multinomial(candidates.float(), 1)[:, 0]
