"""The scan that a few lines of NumPy make."""

import numpy as np

from hashlens.bench.peer import Answer, Engine, Peer
from hashlens.codes import Codes, as_words


class NumpyScan(Peer):
    """``bitwise_count``, ``argpartition``, and a sort of what is left; one thread."""

    def __init__(self, codes: Codes, n_bits: int, threads: int) -> None:
        del n_bits, threads
        self.words = as_words(codes)

    def engines(self) -> list[Engine]:
        """Search one query after another."""
        return [Engine("numpy", self.search)]

    def search(self, queries: Codes, k: int) -> Answer:
        """Find the k nearest codes of each query."""
        rows = [self._one(query, min(k, len(self.words))) for query in as_words(queries)]
        distances, ids = zip(*rows, strict=True)
        return np.stack(distances), np.stack(ids)

    def _one(self, query: np.ndarray, k: int) -> Answer:
        distances = np.bitwise_count(self.words ^ query).sum(axis=1, dtype=np.uint16)
        ids = np.argpartition(distances, k - 1)[:k]
        ids = ids[np.argsort(distances[ids], kind="stable")]
        return distances[ids], ids

    @staticmethod
    def bytes_per_code(n_bits: int) -> int:
        """Words, the differing bits of one query, distances and the order."""
        return 2 * 8 * -(-n_bits // 64) + n_bits // 8 + 10
