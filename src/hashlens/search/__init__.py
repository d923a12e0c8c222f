"""Codes to neighbours: the exact Hamming index."""

from hashlens.search.exchange.code_set import CodeSet
from hashlens.search.exchange.formats import read_codes, write_codes
from hashlens.search.index import HammingIndex

__all__ = ["CodeSet", "HammingIndex", "read_codes", "write_codes"]
