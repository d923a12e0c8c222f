"""Whitening filters: a first layer that is computed from the images, not learnt."""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

AT_ONCE = 32  # images: their squares take 2 size^2 times the memory


def whitening_filters(images: Tensor, size: int, epsilon: float = 5e-4) -> Tensor:
    r"""Give the filters that make the small squares of these images uncorrelated.

    .. math::
        w_j = v_j / \sqrt{\lambda_j + \epsilon}

    where the :math:`\lambda_j` and :math:`v_j` are the eigenvalues and eigenvectors of the
    covariance of all squares of `size` pixels. The largest eigenvalue comes first.

    Parameters
    ----------
    images : float (n, c, h, w)
        Normalised images.
    size : int, 1 to h and w
        Side of a square (the reference: 2).
    epsilon : float, >= 0, default=5e-4
        Keeps directions in which the squares hardly differ from becoming noise (the default is
        the reference's value).

    Returns
    -------
    filters : float32 (c size^2, c, size, size)

    References
    ----------
    K. Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU, arXiv:2404.00498, section 3.2.

    Examples
    --------
    >>> images = torch.randn(50, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> filters = whitening_filters(images, 2)
    >>> filters.shape
    torch.Size([4, 1, 2, 2])
    >>> whitened = F.conv2d(images, filters).transpose(0, 1).flatten(1)
    >>> torch.allclose(torch.cov(whitened), torch.eye(4), atol=1e-2)
    True
    """
    n_values = images.shape[1] * size * size
    count = torch.zeros((), dtype=torch.float64)
    total = torch.zeros(n_values, dtype=torch.float64)
    products = torch.zeros(n_values, n_values, dtype=torch.float64)
    for start in range(0, len(images), AT_ONCE):
        part = images[start : start + AT_ONCE].detach().float()
        squares = F.unfold(part, size).transpose(0, 1).flatten(1).double().cpu()
        count += squares.shape[1]
        total += squares.sum(1)
        products += squares @ squares.T
    mean = total / count
    eigenvalues, eigenvectors = torch.linalg.eigh(products / count - torch.outer(mean, mean))
    scales = (eigenvalues.clamp(min=0) + epsilon).rsqrt()
    rows = (eigenvectors * scales).T.flip(0)  # (n_values, n_values), a filter a row
    filters: Tensor = rows.reshape(n_values, images.shape[1], size, size).to(images)
    return filters
