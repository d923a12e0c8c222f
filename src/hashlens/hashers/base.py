"""The contract of a hasher: vectors in, packed codes out, a scikit-learn transformer."""

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
import sklearn.exceptions
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import validate_data

from hashlens import errors
from hashlens.checks import check_n_bits, check_state, refuse, words
from hashlens.codes import Codes, binarize, code_size
from hashlens.hashers.labels import label_matrix
from hashlens.hashers.pca import Reals
from hashlens.hashers.samples import check_samples

Tell = Callable[[int, int], None]
"""Called as ``tell(done, total)`` in the course of a fit."""


def silent(done: int, total: int) -> None:
    """Tell no one."""


class NotFittedError(
    errors.NotFittedError,
    sklearn.exceptions.NotFittedError,  # type: ignore[misc]
):
    """A hasher was used before it was fitted; scikit-learn knows it as its own error."""


class Hasher(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
    metaclass=ABCMeta,
):
    """Base of all hashers. A method implements ``_fit``, ``_project`` and ``_shapes``.

    The constructor only stores. What is learnt ends with an underscore and is an array or an
    int, so that a model can be saved as plain arrays and nothing is ever unpickled.

    Attributes
    ----------
    n_bits : int, 1 to 4096
        Length of a code.
    n_features_in_ : int
        Number of columns seen by ``fit``.
    """

    bits_within_features: ClassVar[bool] = False  # True: n_bits above n_features is refused
    labels: ClassVar[Literal["ignored", "optional", "required"]] = "ignored"
    any_real: ClassVar[bool] = False  # True: float16 and integers come as they are, in blocks
    nested: ClassVar[bool] = False  # True: the first b bits are what a fit with n_bits=b gives

    __metadata_request__fit: ClassVar[dict[str, str]] = {"progress": UNUSED}  # no data of a sample

    n_bits: int
    n_features_in_: int

    @abstractmethod
    def _fit(self, X: Reals, y: csr_array | None, tell: Tell) -> None:
        """Learn from a checked float matrix and set the attributes that end with ``_``.

        `y` is a `label_matrix`, or None where labels are ignored or were not given. Work of more
        than a few seconds calls ``tell(done, total)`` as it goes.
        """

    @abstractmethod
    def _project(self, X: Reals) -> Reals:
        """Give the reals of shape (n, n_bits), in the dtype of `X`, whose signs are the bits."""

    @abstractmethod
    def _shapes(self, n_features: int) -> dict[str, tuple[int, ...]]:
        """Give the name and the shape of each array that ``fit`` learns."""

    @classmethod
    @abstractmethod
    def examples_for_tests(cls) -> list[Self]:
        """Give small unfitted instances for the contract tests, of at most 16 bits."""

    def fit(self, X: object, y: object = None, *, progress: Tell | None = None) -> Self:
        """Learn the hash functions.

        Parameters
        ----------
        X : array of real numbers, shape (n >= 2, d)
            float32 is computed in float32, float64 in float64.
        y : labels of shape (n,), or a 0/1 matrix of shape (n, n_classes), optional
            For methods that learn from labels; the others ignore it.
        progress : callable, optional
            Called as ``progress(done, total)`` by methods whose work takes long.

        Returns
        -------
        self

        Raises
        ------
        InputError
            If a parameter, `X` or `y` is not what is wanted.
        """
        self._check_params()
        matrix = self._check_samples(X, None, min_rows=2)
        self._check_bits_fit(matrix.shape[1])
        labels = self._labels(y, len(matrix))
        validate_data(self, X, reset=True, skip_check_array=True)
        self._fit(matrix, labels, progress or silent)
        return self

    def project(self, X: object) -> Reals:
        """Give the real values whose signs are the bits: bit = ``value >= 0``.

        Parameters
        ----------
        X : array of real numbers, shape (n >= 1, n_features_in_)

        Returns
        -------
        projections : array of float32 or float64 (as `X`), shape (n, n_bits)

        Raises
        ------
        NotFittedError
            If ``fit`` or ``restore`` was not called.
        InputError
            If `X` is not what is wanted.
        """
        self._require_fitted("project")
        matrix = self._check_samples(X, self.n_features_in_, min_rows=1)
        self._check_column_names(X)
        return self._project(matrix)

    def transform(self, X: object) -> Codes:
        """Encode rows as packed codes.

        Parameters
        ----------
        X : array of real numbers, shape (n >= 1, n_features_in_)

        Returns
        -------
        codes : uint8 array of shape (n, ceil(n_bits / 8)), little bit order
        """
        self._require_fitted("transform")
        return binarize(self.project(X))

    def learnt(self) -> dict[str, NDArray[Any]]:
        """Give all that was learnt as named arrays: with the parameters, the whole hasher.

        Column names of a data frame (``feature_names_in_``) are not among them.
        """
        self._require_fitted("learnt")
        names = ["n_features_in_", *self._shapes(self.n_features_in_)]
        return {name: np.asarray(getattr(self, name)) for name in names}

    def restore(self, state: Mapping[str, object]) -> Self:
        """Take what another instance of the same parameters learnt.

        Raises
        ------
        FormatError
            If an array is missing, unknown, of another shape, or not finite.
        """
        self._check_params()
        count = np.asarray(state.get("n_features_in_", 0))
        n_features = int(count) if count.shape == () and count.dtype.kind in "iu" else 0
        if n_features < 1:
            raise errors.FormatError("n_features_in_ must be an int >= 1. Got no such number.")
        shapes = {"n_features_in_": (), **self._shapes(n_features)}
        for name, array in check_state(type(self).__name__, state, shapes).items():
            setattr(self, name, array if array.shape else array.item())
        return self

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Name the columns of ``transform``: one for each byte of the code."""
        self._require_fitted("get_feature_names_out")
        names: NDArray[np.object_] = super().get_feature_names_out(input_features)
        return names

    @property
    def _n_features_out(self) -> int:
        return code_size(self.n_bits)  # get_feature_names_out: one name for each byte

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_") and all(
            hasattr(self, name) for name in self._shapes(self.n_features_in_)
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # the output is always uint8
        tags.target_tags.required = self.labels == "required"
        return tags

    def _check_params(self) -> None:
        check_n_bits(self.n_bits)

    def _check_samples(self, X: object, n_columns: int | None, min_rows: int) -> Reals:
        name, kept = type(self).__name__, self.any_real
        return check_samples(X, name, n_columns=n_columns, min_rows=min_rows, any_real=kept)

    def _check_bits_fit(self, n_features: int) -> None:
        if self.bits_within_features and self.n_bits > n_features:
            raise refuse("n_bits", f"at most n_features={n_features}", self.n_bits)

    def _labels(self, y: object, n_rows: int) -> csr_array | None:
        if self.labels == "ignored" or (y is None and self.labels == "optional"):
            return None
        if y is None:  # the words are those that scikit-learn's check_estimator looks for
            name = type(self).__name__
            got = f"None: {name} requires y to be passed, but the target y is None"
            raise refuse("y", "given", words(got))
        return label_matrix(y, n_rows)

    def _require_fitted(self, verb: str) -> None:
        if not self.__sklearn_is_fitted__():
            name = type(self).__name__
            raise NotFittedError(
                f"{name} must be fitted before {verb}. Got an instance that is not: call fit."
            )

    def _check_column_names(self, X: object) -> None:
        try:
            validate_data(self, X, reset=False, skip_check_array=True)
        except ValueError as error:
            wanted = f"a table with the columns of fit, {list(self.feature_names_in_)}"
            raise refuse("X", wanted, words(str(error).strip().rstrip("."))) from None
