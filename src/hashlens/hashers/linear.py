"""Hashers that are one linear map: bit = ``(x - mean) @ w >= 0``."""

from hashlens.hashers.base import Hasher
from hashlens.hashers.pca import Reals, project_rows


class LinearHasher(Hasher):
    """Base of hashers whose projection is a mean to subtract and a matrix to multiply by.

    Attributes
    ----------
    mean_ : array of the training dtype, shape (n_features_in_,)
        Mean of the training rows.
    weights_ : array of the training dtype, shape (n_features_in_, n_bits)
    """

    mean_: Reals
    weights_: Reals

    def linear_form(self) -> tuple[Reals, Reals]:
        """Give the hasher as ``project(X) == X @ weights + offset``, for a linear layer.

        Returns
        -------
        weights : array of shape (n_features_in_, n_bits)
        offset : array of shape (n_bits,)

        Raises
        ------
        NotFittedError
            If ``fit`` or ``restore`` was not called.
        """
        self._require_fitted("linear_form")
        return self.weights_, -(self.mean_ @ self.weights_)

    def _project(self, X: Reals) -> Reals:
        return project_rows(X, self.mean_, self.weights_)

    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        return {"mean_": (n_features,), "weights_": (n_features, self.n_bits)}
