"""What a comparison was asked for."""

from dataclasses import dataclass, field
from typing import Any

from hashlens.bench.case import QUICK_CODES
from hashlens.search.exchange.code_set import CodeSet


@dataclass(frozen=True)
class Plan:
    """What is measured, and how long.

    Attributes
    ----------
    works : tuple of str
        Names of ``hashlens.bench.works.WORKS``; those of a quick look where empty, and "all".
    data, n_codes, n_bits, k : tuple
        In place of the works' own values, where not empty.
    threads : int
        In place of the works' own.
    peers : tuple of str, or None
        Names of peers or their first words; all that are installed where None.
    codes : CodeSet, optional
        Codes to measure on, in place of made ones.
    name : str
        What they are called.
    quick : bool
        At most 20,000 codes and few runs: to see that all works.
    """

    works: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    n_codes: tuple[int, ...] = ()
    n_bits: tuple[int, ...] = ()
    k: tuple[int, ...] = ()
    threads: int | None = None
    peers: tuple[str, ...] | None = None
    codes: CodeSet | None = field(default=None, repr=False)
    name: str = ""
    quick: bool = False

    @property
    def wanted(self) -> dict[str, tuple[Any, ...]]:
        """Values in place of the works' own, by the field of a case."""
        threads = () if self.threads is None else (self.threads,)
        return {
            "data": self.data,
            "n_codes": self.n_codes,
            "n_bits": self.n_bits,
            "k": self.k,
            "threads": threads,
        }

    @property
    def single_runs(self) -> int:
        """Timed calls of one query."""
        return 9 if self.quick else 45

    @property
    def batch_runs(self) -> int:
        """Timed calls of much work."""
        return 3 if self.quick else 7

    @property
    def seconds_each(self) -> float:
        """About how long one engine may be timed in one case."""
        return 0.05 if self.quick else 6.0

    @property
    def most_compared(self) -> int:
        """Words that the brute-force scan may compare in one case."""
        return 10 * QUICK_CODES * 100 if self.quick else 2_000_000_000
