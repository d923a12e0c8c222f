"""What a hasher refuses, and that each refusal has the one shape."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError as SklearnNotFittedError

from hashlens.checks import MAX_BITS
from hashlens.errors import FormatError, NotFittedError
from hashlens.hashers import Hasher, LinearHasher
from hashlens.testing.given import N_FEATURES, easy_clusters, refused


def bad_matrices() -> dict[str, Any]:
    """Name inputs that every hasher refuses, in ``fit`` and after it.

    Examples
    --------
    >>> list(bad_matrices())[:2]
    ['NaN', 'infinity']
    """
    vectors, _ = easy_clusters(n=8)
    with_nan, with_inf = vectors.copy(), vectors.copy()
    with_nan[3, 2], with_inf[0, 0] = np.nan, -np.inf
    return {
        "NaN": with_nan,
        "infinity": with_inf,
        "text": vectors.astype(str),
        "objects": vectors.astype(object),
        "complex numbers": vectors + 1j,
        "one dimension": vectors[0],
        "three dimensions": vectors[None],
        "no rows": vectors[:0],
        "no columns": vectors[:, :0],
        "rows of different lengths": [[1.0, 2.0], [3.0]],
        "None": None,
    }


def check_refuses_bad_matrices(hasher: Hasher) -> None:
    """Fit, project and transform answer bad matrices with an InputError of the one shape."""
    vectors, labels = easy_clusters()
    for what, bad in bad_matrices().items():
        with refused(f"fit of {what}"):
            clone(hasher).fit(bad, labels)
    with refused("fit of one row"):
        clone(hasher).fit(vectors[:1], labels[:1])
    hasher.fit(vectors, labels)
    for what, bad in {**bad_matrices(), "too few columns": vectors[:, 1:]}.items():
        with refused(f"project of {what}"):
            hasher.project(bad)
        with refused(f"transform of {what}"):
            hasher.transform(bad)


def check_refuses_bad_parameters(hasher: Hasher) -> None:
    """Fit and restore answer impossible parameters with an InputError of the one shape."""
    vectors, labels = easy_clusters()
    bad: list[tuple[str, object]] = [("n_bits", v) for v in (0, -1, MAX_BITS + 1, True, 1.5, "8")]
    if hasher.bits_within_features:
        bad.append(("n_bits", N_FEATURES + 1))
    if "seed" in hasher.get_params():
        bad += [("seed", v) for v in (-1, 0.5, True, None)]
    for name, value in bad:
        with refused(f"fit with {name}={value!r}"):
            clone(hasher).set_params(**{name: value}).fit(vectors, labels)


def check_refuses_when_unfitted(hasher: Hasher) -> None:
    """Use before ``fit`` raises an error that is hashlens's and scikit-learn's at once."""
    vectors, _ = easy_clusters()
    uses: dict[str, Callable[[], object]] = {
        "project": lambda: hasher.project(vectors),
        "transform": lambda: hasher.transform(vectors),
        "learnt": hasher.learnt,
        "get_feature_names_out": hasher.get_feature_names_out,
    }
    if isinstance(hasher, LinearHasher):
        uses["linear_form"] = hasher.linear_form
    for name, use in uses.items():
        for error in NotFittedError, SklearnNotFittedError:
            with refused(f"{name} before fit", error):
                use()


def check_restore_refuses(hasher: Hasher) -> None:
    """``restore`` refuses what is missing, unknown, of another shape or not finite."""
    state = hasher.fit(*easy_clusters()).learnt()
    for name, array in state.items():
        wrong = {"missing": {key: state[key] for key in state if key != name}}
        wrong["of another shape"] = {**state, name: np.stack([array, array])}
        if array.dtype.kind == "f":
            wrong["not finite"] = {**state, name: np.full_like(array, np.nan)}
        for what, broken in wrong.items():
            with refused(f"{name} {what}", FormatError):
                clone(hasher).restore(broken)
    with refused("an unknown array", FormatError):
        clone(hasher).restore({**state, "surplus_": np.zeros(1)})
