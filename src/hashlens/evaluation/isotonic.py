"""Isotonic regression: the nearest sequence that never rises."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def falling_fit(values: Floats, weights: Floats) -> Floats:
    """Fit a sequence that never rises, in weighted squares: pool adjacent violators.

    Parameters
    ----------
    values : float64 (n,)
    weights : float64 (n,), above 0

    Returns
    -------
    fitted : float64 (n,)

    References
    ----------
    M. Ayer, H. D. Brunk, G. M. Ewing, W. T. Reid and E. Silverman, "An empirical distribution
    function for sampling with incomplete information", Annals of Mathematical Statistics 26, 1955.

    Examples
    --------
    >>> falling_fit(np.array([0.5, 1.0, 0.2]), np.array([1.0, 3.0, 1.0]))
    array([0.875, 0.875, 0.2  ])
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        block = (value, weight, 1)
        while blocks and blocks[-1][0] < block[0]:
            mean, heavy, length = blocks.pop()
            total = heavy + block[1]
            block = ((mean * heavy + block[0] * block[1]) / total, total, length + block[2])
        blocks.append(block)
    return np.repeat([mean for mean, _, _ in blocks], [length for _, _, length in blocks])
