"""z-scores: every feature shifted and scaled by what the training set shows."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_matrix, check_state
from hashlens.errors import FormatError, NotFittedError


class Standardizer:
    """Shift features to mean 0 and scale them to standard deviation 1, as on the training set.

    A feature that does not vary in training is only shifted. GIST is used this way in both papers
    that hash it.

    Attributes
    ----------
    mean_, scale_ : float32 arrays of shape (d,)

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0, 5.0], [2.0, 5.0]], np.float32)
    >>> Standardizer().fit(X).transform(X)
    array([[-1.,  0.], [ 1.,  0.]], dtype=float32)
    """

    mean_: NDArray[np.float32]
    scale_: NDArray[np.float32]

    def fit(self, vectors: object) -> Self:
        """Learn mean and standard deviation of each column of `vectors`, real of shape (n, d)."""
        matrix = check_matrix("vectors", vectors)
        mean = matrix.mean(axis=0, dtype=np.float64)
        deviation = matrix.std(axis=0, dtype=np.float64)
        # What rounding leaves of a constant column must not be blown up to 1.
        flat = deviation <= 1e-6 * np.abs(mean)
        self.mean_ = mean.astype(np.float32)
        self.scale_ = np.where(flat | (deviation == 0), 1.0, deviation).astype(np.float32)
        return self

    def transform(self, vectors: object) -> NDArray[np.float32]:
        """Return z-scores, float32 of the shape of `vectors`.

        Raises
        ------
        NotFittedError
            If ``fit`` or ``restore`` was not called.
        InputError
            If `vectors` is not a finite real matrix of the width seen by ``fit``.
        """
        self._require_fitted("transform")
        matrix = check_matrix("vectors", vectors, n_columns=len(self.mean_))
        scores: NDArray[np.float32] = ((matrix - self.mean_) / self.scale_).astype(
            np.float32, copy=False
        )
        return scores

    def learnt(self) -> dict[str, NDArray[Any]]:
        """Give what was learnt, by name."""
        self._require_fitted("learnt")
        return {"mean_": self.mean_, "scale_": self.scale_}

    def restore(self, state: Mapping[str, object]) -> Self:
        """Take what another instance learnt; FormatError if it is not that."""
        width = np.shape(np.asarray(state.get("mean_", ())))
        if len(width) != 1 or width[0] < 1:
            raise FormatError("Standardizer, mean_ must be of shape (d,). Got no such array.")
        arrays = check_state("Standardizer", state, {"mean_": width, "scale_": width})
        if not (arrays["scale_"] > 0).all():
            raise FormatError("Standardizer, scale_ must be > 0. Got other values.")
        self.mean_ = arrays["mean_"].astype(np.float32)
        self.scale_ = arrays["scale_"].astype(np.float32)
        return self

    def _require_fitted(self, verb: str) -> None:
        if not hasattr(self, "mean_"):
            raise NotFittedError(
                f"Standardizer must be fitted before {verb}. Got an instance that is not: call fit."
            )
