"""Which images of a batch are alike: what pair and triplet losses start from."""

from torch import Tensor

from hashlens.deep.base import Targets


def similarity(targets: Targets) -> Tensor:
    """Tell which pairs of a batch share a label: bool (n, n), true on the diagonal.

    Examples
    --------
    >>> import torch
    >>> from hashlens.deep.base import make_targets
    >>> similarity(make_targets(torch.tensor([1, 0, 1]), 2, 0.0)).int()
    tensor([[1, 0, 1],
            [0, 1, 0],
            [1, 0, 1]], dtype=torch.int32)
    """
    labels = targets.labels
    if labels.ndim == 1:
        return labels[:, None] == labels
    shared = labels.float() @ labels.float().T > 0
    shared.fill_diagonal_(True)  # an image without any label is still like itself
    return shared
