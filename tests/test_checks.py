"""Numbers that are not finite are found wherever they stand."""

import numpy as np
import pytest

from hashlens.checks import check_matrix
from hashlens.errors import InputError


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_refused_in_any_layout(dtype, value):
    X = np.ones((5000, 8), dtype)
    X[0] = np.finfo(dtype).max
    X[4999, 7] = value
    for layout in X, X[:, ::-1], np.asfortranarray(X):
        with pytest.raises(
            InputError, match=r"X must be finite everywhere\. Got NaN or infinity\."
        ):
            check_matrix("X", layout)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_whose_squares_overflow_are_finite(dtype):
    X = np.full((5000, 8), np.finfo(dtype).max, dtype)
    assert check_matrix("X", X) is X
