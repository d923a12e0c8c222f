"""One line of a comparison: which codes, how many, how long, and what is asked of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

QUICK_CODES = 20_000


@dataclass(frozen=True)
class Case:
    """What is searched.

    Attributes
    ----------
    data : str
        One of ``hashlens.bench.made_codes.DATA``, or the name of a file.
    n_codes, n_bits : int
    k : int or None
        Neighbours of each query; None where the work has no such number.
    n_queries : int or None
        Queries of one call; None where a call has none.
    threads : int
    """

    data: str = "random"
    n_codes: int = 1_000_000
    n_bits: int = 64
    k: int | None = 10
    n_queries: int | None = 1
    threads: int = 1

    @property
    def sample(self) -> tuple[str, int, int]:
        """What tells its codes from those of other cases."""
        return self.data, self.n_codes, self.n_bits

    def __str__(self) -> str:
        k = "" if self.k is None else f", k = {self.k:,}"
        asked = "" if self.n_queries is None else f", {self.n_queries:,} at once"
        threads = "" if self.threads == 1 else f", {self.threads} threads"
        return f"{self.n_codes:,} x {self.n_bits} bits, {self.data}{k}{asked}{threads}"


def grid(**values: Sequence[Any]) -> tuple[Case, ...]:
    """Every case that takes one of the values of each field.

    Examples
    --------
    >>> [case.n_bits for case in grid(n_bits=(32, 64), k=(10,))]
    [32, 64]
    """
    return tuple(
        Case(**dict(zip(values, chosen, strict=True))) for chosen in product(*values.values())
    )


def asked(cases: Sequence[Case], wanted: dict[str, Sequence[Any]], quick: bool) -> list[Case]:
    """Put what was asked for in place of a work's own values; what has none keeps it.

    Examples
    --------
    >>> found = asked([Case(k=10), Case(k=None), Case(k=100)], {"k": (1, 5)}, quick=False)
    >>> [case.k for case in found]
    [1, 5, None]
    """
    found = []
    for case in cases:
        fields = {name: v for name, v in wanted.items() if v and getattr(case, name) is not None}
        for values in product(*fields.values()):
            one = replace(case, **dict(zip(fields, values, strict=True)))
            found.append(replace(one, n_codes=min(one.n_codes, QUICK_CODES)) if quick else one)
    return _together(found)


def _together(cases: Sequence[Case]) -> list[Case]:
    """Bring those with the same codes and threads together: what is built serves them all."""
    found: dict[object, dict[Case, None]] = {}
    for case in cases:
        found.setdefault((case.sample, case.threads), {})[case] = None
    return [case for some in found.values() for case in some]
