"""Every method in the table keeps the contract. A new method is tested by being in the table."""

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from hashlens.hashers import ITQ, LSH, Hasher
from hashlens.methods import METHODS, is_deep, load_method
from hashlens.testing import EXPECTED_SKLEARN_FAILURES, HASHER_CHECKS, check_hasher

HASHERS = [load_method(name) for name in METHODS if not is_deep(name)]
INSTANCES = [instance for cls in HASHERS for instance in cls.examples_for_tests()]


@pytest.mark.parametrize("check", HASHER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("hasher", INSTANCES, ids=repr)
def test_hasher(hasher, check):
    check(clone(hasher))


# scikit-learn's data has as few as two columns: the first example of a class has that few bits.
@parametrize_with_checks(
    [cls.examples_for_tests()[0] for cls in HASHERS],
    expected_failed_checks=lambda _: EXPECTED_SKLEARN_FAILURES,
    xfail_strict=True,
)
def test_scikit_learn(estimator, check):
    check(estimator)


def test_check_hasher_takes_a_factory():
    check_hasher(lambda: LSH(n_bits=8))


class Forgetful(ITQ):
    """Breaks one promise after the other."""

    def __init__(self, n_bits: int = 4, *, flaw: str = "", seed: int = 0) -> None:
        super().__init__(n_bits, seed=seed)
        self.flaw = flaw

    def _fit(self, X, y, tell):
        super()._fit(X, y, tell)
        if self.flaw == "constant":
            self.weights_ = self.weights_ * 0

    def _project(self, X):
        values = super()._project(X)
        if self.flaw == "batch":
            return values - values.mean(axis=0)
        return values.astype("float64") if self.flaw == "dtype" else values

    def learnt(self):
        return super().learnt() | ({"name_": "x"} if self.flaw == "state" else {})


@pytest.mark.parametrize(
    ("flaw", "check"),
    [
        ("constant", "check_better_than_chance"),
        ("batch", "check_rows_independent"),
        ("dtype", "check_codes_are_signs"),
        ("state", "check_learnt_restores"),
        ("", "check_constructor_only_stores"),
        ("", "check_documented"),
    ],
)
def test_the_contract_finds_a_flaw(flaw, check):
    checks = {check.__name__: check for check in HASHER_CHECKS}
    with pytest.raises((AssertionError, AttributeError)):
        checks[check](Forgetful(flaw=flaw))


def test_the_first_example_is_small_enough_for_scikit_learn():
    for cls in HASHERS:
        first = cls.examples_for_tests()[0]
        assert isinstance(first, Hasher)
        assert first.n_bits <= 2 or not cls.bits_within_features
