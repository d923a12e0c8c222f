"""Codes to neighbours: the exact Hamming index."""

from hashlens.search.index import HammingIndex

__all__ = ["HammingIndex"]
