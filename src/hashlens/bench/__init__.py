"""Search measured: hashlens and its peers on the same codes, threads and machine."""

from hashlens.bench.lines import tables_of
from hashlens.bench.plan import Plan
from hashlens.bench.search import bench_search

__all__ = ["Plan", "bench_search", "tables_of"]
