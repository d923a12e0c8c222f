"""What the checks are made of: easy data, and the two ways to state a promise."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from hashlens.errors import InputError

N_FEATURES = 24

_ONE_SHAPE = re.compile(r".+ must be .+\. Got .+\.( Did you mean .+\?)?", re.DOTALL)


def require(kept: object, reason: str) -> None:
    """Raise AssertionError with `reason` unless `kept` is true, under ``python -O`` too.

    Examples
    --------
    >>> require(1 + 1 == 3, "the sum is wrong")
    Traceback (most recent call last):
    ...
    AssertionError: the sum is wrong
    """
    if not kept:
        raise AssertionError(reason)


def easy_clusters(n: int = 240, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw four well separated clusters: (vectors of shape (n, 24), labels of shape (n,)).

    Examples
    --------
    >>> vectors, labels = easy_clusters(n=8)
    >>> vectors.shape, labels.tolist()
    ((8, 24), [0, 1, 2, 3, 0, 1, 2, 3])
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    centres = 6 * rng.standard_normal((4, N_FEATURES))
    return centres[labels] + rng.standard_normal((n, N_FEATURES)) + 3, labels


@contextmanager
def refused(what: str, error: type[Exception] = InputError) -> Iterator[None]:
    """Require that the block raises `error` with ``<name> must be <wanted>. Got <got>.``.

    Examples
    --------
    >>> from hashlens.checks import check_n_bits
    >>> with refused("n_bits=0"):
    ...     check_n_bits(0)
    """
    try:
        yield
    except error as caught:
        shaped = _ONE_SHAPE.fullmatch(str(caught))
        require(shaped, f"{what}: the message has another shape: {caught}")
    except Exception as caught:
        raise AssertionError(f"{what}: raised {caught!r} in place of {error.__name__}") from caught
    else:
        raise AssertionError(f"{what}: accepted")
