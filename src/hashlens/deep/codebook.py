"""Codes fixed before the training, which the images of a class are drawn to."""

from typing import NamedTuple

from torch import Tensor


class Codebook(NamedTuple):
    """The code of each class, or of each set of labels that occurs.

    Attributes
    ----------
    codes : float (m, n_bits)
        Of -1 and +1.
    label_sets : bool (m, n_classes), or None
        The set of labels that each row is the code of; None where row c is that of class c.
    """

    codes: Tensor
    label_sets: Tensor | None = None

    def prefix(self, n_bits: int) -> "Codebook":
        """Keep the first `n_bits` of every code."""
        return self._replace(codes=self.codes[:, :n_bits])

    def of(self, labels: Tensor) -> Tensor:
        """Look up the codes (n, n_bits) of labels, int64 (n,) or bool (n, n_classes).

        A set of labels without a code gets that of the nearest set, by the labels that differ;
        where classes have codes, a set gets that of its first class.

        Examples
        --------
        >>> import torch
        >>> book = Codebook(torch.tensor([[-1.0, 1.0], [1.0, 1.0]]))
        >>> book.of(torch.tensor([1, 0, 1]))
        tensor([[ 1.,  1.],
                [-1.,  1.],
                [ 1.,  1.]])
        """
        if self.label_sets is None:
            return self.codes[labels if labels.ndim == 1 else labels.int().argmax(1)]
        wanted, known = labels.float(), self.label_sets.float()
        shared = wanted @ known.T  # (n, m)
        return self.codes[(2 * shared - known.sum(1)).argmax(1)]
