"""The binary indexes of faiss."""

import math
from typing import Any, ClassVar

from hashlens.bench.peer import Answer, Engine, Peer, imported
from hashlens.codes import Codes


class FaissFlat(Peer):
    """``IndexBinaryFlat``: a scan, with a heap, or counting distances."""

    module: ClassVar[str] = "faiss"
    package: ClassVar[str] = "faiss-cpu"

    def __init__(self, codes: Codes, n_bits: int, threads: int) -> None:
        del n_bits
        self.faiss = imported(self.module, self.package)
        self.faiss.omp_set_num_threads(threads)
        self.index = self.built(codes)

    def built(self, codes: Codes) -> Any:
        """Make the index."""
        index = self.faiss.IndexBinaryFlat(8 * codes.shape[1])
        index.add(codes)
        return index

    def engines(self) -> list[Engine]:
        """Search in each of the two modes."""

        def by_heap(queries: Codes, k: int) -> Answer:
            self.index.use_heap = True
            return self.search(queries, k)

        def by_counting(queries: Codes, k: int) -> Answer:
            self.index.use_heap = False
            return self.search(queries, k)

        return [Engine("faiss heap", by_heap), Engine("faiss counting", by_counting)]

    def search(self, queries: Codes, k: int) -> Answer:
        """Find the k nearest codes of each query."""
        distances, ids = self.index.search(queries, min(k, self.index.ntotal))
        return distances, ids


class FaissMultiHash(FaissFlat):
    """``IndexBinaryMultiHash``: tables of substrings, with the fewest flips that find all."""

    exact: ClassVar[bool] = False
    most_codes: ClassVar[int] = 10_000_000
    settings: ClassVar[tuple[int, ...]] = (0, 1, 2, 3, 4)

    def built(self, codes: Codes) -> Any:
        """Make about as many tables as there are substrings of log2(n) bits."""
        n_bits = 8 * codes.shape[1]
        n_tables = max(1, round(n_bits / max(1.0, math.log2(max(2, len(codes))))))
        index = self.faiss.IndexBinaryMultiHash(n_bits, n_tables, min(n_bits // n_tables, 32))
        index.add(codes)
        return index

    def engines(self) -> list[Engine]:
        """Search."""
        return [Engine("faiss MultiHash", self.search)]

    def apply(self, setting: int) -> None:
        """Flip so many bits of each substring."""
        self.index.nflip = setting

    def note(self) -> str:
        """Say what was chosen."""
        return f"{self.index.nhash} tables of {self.index.b} bits, {self.index.nflip} flips"

    @staticmethod
    def bytes_per_code(n_bits: int) -> int:
        """Hash maps of lists."""
        return n_bits // 8 + 40 * max(1, n_bits // 16)


class FaissHNSW(FaissFlat):
    """``IndexBinaryHNSW``: a graph; approximate."""

    exact: ClassVar[bool] = False
    most_codes: ClassVar[int] = 1_000_000

    def built(self, codes: Codes) -> Any:
        """Make the graph, with the library's own care, and 16 links a code."""
        index = self.faiss.IndexBinaryHNSW(8 * codes.shape[1], 16)
        index.add(codes)
        index.hnsw.efSearch = 128
        return index

    def engines(self) -> list[Engine]:
        """Search."""
        return [Engine("faiss HNSW", self.search)]

    def note(self) -> str:
        """Say how it searches."""
        return f"16 links, efSearch {self.index.hnsw.efSearch}"

    @staticmethod
    def bytes_per_code(n_bits: int) -> int:
        """Codes and links."""
        return n_bits // 8 + 160


class FaissIVF(FaissFlat):
    """``IndexBinaryIVF``: lists around centres; approximate."""

    exact: ClassVar[bool] = False
    most_codes: ClassVar[int] = 10_000_000

    def built(self, codes: Codes) -> Any:
        """Make lists of about a thousand codes, and look into a sixteenth of them."""
        quantizer = self.faiss.IndexBinaryFlat(8 * codes.shape[1])
        n_lists = max(1, min(4096, len(codes) // 1000))
        index = self.faiss.IndexBinaryIVF(quantizer, 8 * codes.shape[1], n_lists)
        self.quantizer = quantizer  # the index does not keep it alive
        index.cp.seed, index.cp.min_points_per_centroid = 0, 1
        index.train(codes)
        index.add(codes)
        index.nprobe = max(1, n_lists // 16)
        return index

    def engines(self) -> list[Engine]:
        """Search."""
        return [Engine("faiss IVF", self.search)]

    def note(self) -> str:
        """Say how it searches."""
        return f"{self.index.nlist:,} lists, {self.index.nprobe} probed"

    @staticmethod
    def bytes_per_code(n_bits: int) -> int:
        """Codes and ids; training sees part of them as floats."""
        return n_bits // 8 + 16
