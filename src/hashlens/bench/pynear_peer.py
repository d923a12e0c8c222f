"""PyNear: multi-index hashing that stops at a radius."""

from typing import Any, ClassVar

import numpy as np

from hashlens.bench.peer import Answer, Engine, Peer, imported
from hashlens.codes import Codes


class PyNearMIH(Peer):
    """``MIHBinaryIndex``, with the smallest radius that finds all; one thread."""

    module: ClassVar[str] = "pynear"
    package: ClassVar[str] = "pynear"
    exact: ClassVar[bool] = False
    most_codes: ClassVar[int] = 1_000_000
    settings: ClassVar[tuple[int, ...]] = (4, 8, 12, 16)

    def __init__(self, codes: Codes, n_bits: int, threads: int) -> None:
        del n_bits, threads
        pynear: Any = imported(self.module, self.package)
        size = codes.shape[1]  # bytes of a substring have to divide it: two where they do
        self.n_tables = size // 2 if size % 2 == 0 else size
        self.index = pynear.MIHBinaryIndex(m=self.n_tables)
        self.index.set(codes)
        self.radius = self.settings[0]

    def engines(self) -> list[Engine]:
        """Search."""
        return [Engine("pynear MIH", self.search)]

    def search(self, queries: Codes, k: int) -> Answer:
        """Look into the tables, as far as the radius."""
        ids, distances = self.index.searchKNN_arrays(queries, k, self.radius)
        return distances, np.asarray(ids, np.int64)

    def apply(self, setting: int) -> None:
        """Take a radius in bits."""
        self.radius = setting

    def note(self) -> str:
        """Say what was chosen."""
        return f"{self.n_tables} tables, radius {self.radius}"

    @staticmethod
    def bytes_per_code(n_bits: int) -> int:
        """Hash maps of lists; the codes pass through Python's own integers."""
        return n_bits // 8 * 10 + 40 * max(1, n_bits // 16)
