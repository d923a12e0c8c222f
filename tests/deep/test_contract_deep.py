"""Every deep method of METHODS keeps the contract."""

import pytest

from hashlens import METHODS, load_method
from hashlens.methods import is_deep
from hashlens.testing.deep import DEEP_CHECKS

CASES = [
    (name, settings)
    for name in METHODS
    if is_deep(name)
    for settings in load_method(name).examples_for_tests()
]


@pytest.mark.parametrize("named", CASES, ids=lambda named: named[0])
@pytest.mark.parametrize("check", DEEP_CHECKS, ids=lambda check: check.__name__)
def test_contract(check, named):
    check(named)
