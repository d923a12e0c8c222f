"""USearch: its exact search, and its graph."""

from typing import Any, ClassVar

import numpy as np

from hashlens.bench.peer import Answer, Engine, Peer, imported, rows_of
from hashlens.codes import Codes


class USearchExact(Peer):
    """``usearch.index.search(..., exact=True)``."""

    module: ClassVar[str] = "usearch"
    package: ClassVar[str] = "usearch"
    most_codes: ClassVar[int] = 10_000_000

    def __init__(self, codes: Codes, n_bits: int, threads: int) -> None:
        del n_bits
        self.usearch: Any = imported("usearch.index", self.package)
        self.codes, self.threads = codes, threads

    def engines(self) -> list[Engine]:
        """Search."""
        return [Engine("usearch exact", self.search)]

    def search(self, queries: Codes, k: int) -> Answer:
        """Compare with all codes."""
        found = self.usearch.search(
            self.codes,
            queries,
            min(k, len(self.codes)),
            self.usearch.MetricKind.Hamming,
            exact=True,
            threads=self.threads,
        )
        return rows_of(found.distances), rows_of(found.keys).astype(np.int64)

    @staticmethod
    def bytes_per_code(n_bits: int) -> int:
        """It searches the codes where they lie, with a distance of each."""
        del n_bits
        return 16


class USearchHNSW(USearchExact):
    """The graph, with 16 links a code; approximate."""

    exact: ClassVar[bool] = False
    most_codes: ClassVar[int] = 1_000_000

    def __init__(self, codes: Codes, n_bits: int, threads: int) -> None:
        super().__init__(codes, n_bits, threads)
        self.index = self.usearch.Index(
            ndim=8 * codes.shape[1],
            metric=self.usearch.MetricKind.Hamming,
            dtype="b1",
            connectivity=16,
            expansion_add=128,
            expansion_search=128,
        )
        self.index.add(np.arange(len(codes)), codes, threads=threads)

    def engines(self) -> list[Engine]:
        """Search."""
        return [Engine("usearch HNSW", self.search)]

    def search(self, queries: Codes, k: int) -> Answer:
        """Walk the graph."""
        found = self.index.search(queries, k, threads=self.threads)
        return rows_of(found.distances), rows_of(found.keys).astype(np.int64)

    def note(self) -> str:
        """Say how it searches."""
        return "16 links, expansion 128"

    @staticmethod
    def bytes_per_code(n_bits: int) -> int:
        """Codes and links."""
        return n_bits // 8 + 260
