"""The public contract of a hasher: what every method keeps, inside this project or outside it.

``check_hasher(MyHasher(n_bits=12))`` runs all of ``HASHER_CHECKS``. Each check is a function of a
fresh instance and raises AssertionError with the reason. The contract is blind to a wrong
equation: a method also needs a test of its own against its paper.
"""

from collections.abc import Callable

from sklearn.base import clone

from hashlens.hashers import Hasher
from hashlens.testing.given import easy_clusters, refused, require
from hashlens.testing.promises import (
    check_better_than_chance,
    check_clones,
    check_codes_are_signs,
    check_constructor_only_stores,
    check_documented,
    check_in_pipeline,
    check_input_untouched,
    check_labels_wanted,
    check_learnt_restores,
    check_linear_form,
    check_nested,
    check_progress,
    check_rows_independent,
    check_same_seed_same_result,
)
from hashlens.testing.refusals import (
    bad_matrices,
    check_refuses_bad_matrices,
    check_refuses_bad_parameters,
    check_refuses_when_unfitted,
    check_restore_refuses,
)

__all__ = [
    "EXPECTED_SKLEARN_FAILURES",
    "HASHER_CHECKS",
    "bad_matrices",
    "check_hasher",
    "easy_clusters",
    "refused",
    "require",
]

EXPECTED_SKLEARN_FAILURES = {
    "check_dtype_object": "arrays of Python objects are refused: no silent change of dtype",
}
"""Checks of ``sklearn.utils.estimator_checks`` that no hasher passes, with the reason."""

HASHER_CHECKS: tuple[Callable[[Hasher], None], ...] = (
    check_input_untouched,
    check_codes_are_signs,
    check_rows_independent,
    check_same_seed_same_result,
    check_better_than_chance,
    check_constructor_only_stores,
    check_clones,
    check_in_pipeline,
    check_learnt_restores,
    check_labels_wanted,
    check_linear_form,
    check_nested,
    check_progress,
    check_documented,
    check_restore_refuses,
    check_refuses_bad_matrices,
    check_refuses_bad_parameters,
    check_refuses_when_unfitted,
)
"""The contract, one function a promise."""


def check_hasher(hasher: Hasher | Callable[[], Hasher]) -> None:
    """Run the whole contract on fresh copies of one hasher.

    Parameters
    ----------
    hasher : Hasher, or a callable that makes one
        Unfitted, with at most 16 bits, so that the checks are quick.

    Raises
    ------
    AssertionError
        At the first promise that is not kept.

    Examples
    --------
    >>> from hashlens.hashers import PCAH
    >>> check_hasher(PCAH(n_bits=4))
    """
    instance = hasher if isinstance(hasher, Hasher) else hasher()
    for check in HASHER_CHECKS:
        check(clone(instance))
