"""The index of hashlens, as one engine, and as each of its ways to search."""

from typing import Any

from hashlens.bench.peer import Answer, Engine, Peer
from hashlens.codes import Codes
from hashlens.search import HammingIndex

OURS = "hashlens"


class Hashlens(Peer):
    """The index as anyone makes it: without tables, so that it scans."""

    def __init__(self, codes: Codes, n_bits: int, threads: int) -> None:
        self.index = HammingIndex(codes, n_bits, threads=threads)

    def engines(self) -> list[Engine]:
        """Search."""
        return [Engine(OURS, _search(self.index, "auto"))]


class HashlensTables(Hashlens):
    """The index with tables: its own choice, and both ways."""

    def __init__(self, codes: Codes, n_bits: int, threads: int) -> None:
        super().__init__(codes, n_bits, threads)
        self.index.build_tables()

    def engines(self) -> list[Engine]:
        """Search by choice, by the tables, and by the scan."""
        ways = {OURS: "auto", f"{OURS} multi-index": "multi-index", f"{OURS} scan": "scan"}
        return [Engine(name, _search(self.index, method)) for name, method in ways.items()]

    def note(self) -> str:
        """Say how large the tables are."""
        return f"tables of {self.index.table_bytes / 2**20:,.0f} MiB"

    @staticmethod
    def bytes_per_code(n_bits: int) -> int:
        """Each table has the codes once more, and a position; of millions, its keys are long."""
        return n_bits // 8 + (1 + n_bits // 22) * (4 + n_bits // 8)


def _search(index: HammingIndex, method: str) -> Any:
    def search(queries: Codes, k: int) -> Answer:
        found = index.search(queries, k, method=method)
        return found.distances, found.ids

    return search
