"""Packed codes from and to the files of other programs."""

from hashlens.search.exchange.code_set import CodeSet
from hashlens.search.exchange.formats import FORMATS, format_of, read_codes, write_codes

__all__ = ["FORMATS", "CodeSet", "format_of", "read_codes", "write_codes"]
