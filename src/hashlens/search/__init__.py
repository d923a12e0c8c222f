"""Codes to neighbours: the exact Hamming index.

Names load on first use: a small search needs no compiled kernels (:mod:`hashlens.search.small`).
"""

from typing import TYPE_CHECKING

from hashlens.lazy import names_of

if TYPE_CHECKING:
    from hashlens.search.exchange.code_set import CodeSet as CodeSet
    from hashlens.search.exchange.formats import read_codes as read_codes
    from hashlens.search.exchange.formats import write_codes as write_codes
    from hashlens.search.index import HammingIndex as HammingIndex

__all__ = ["CodeSet", "HammingIndex", "read_codes", "write_codes"]

__getattr__ = names_of(
    __name__,
    {
        "CodeSet": "hashlens.search.exchange.code_set",
        "HammingIndex": "hashlens.search.index",
        "read_codes": "hashlens.search.exchange.formats",
        "write_codes": "hashlens.search.exchange.formats",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
