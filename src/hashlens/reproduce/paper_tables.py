"""The papers' own tables, a measured figure beside each printed one."""

from collections.abc import Iterable
from typing import NamedTuple

from hashlens.reproduce.lines import Line
from hashlens.reproduce.published import Published, Record, records


class Entry(NamedTuple):
    """One cell of a paper's table.

    Attributes
    ----------
    published : Published
    measured : float or None
    """

    published: Published | None
    measured: float | None

    @property
    def reached(self) -> bool | None:
        """Whether the printed figure is reached; None where there is nothing to compare."""
        if self.measured is None or self.published is None or not self.published.counts:
            return None
        if self.published.metric == "test error":
            return self.measured <= float(self.published.value or 0)
        return self.measured >= float(self.published.value or 0)


class PaperTable(NamedTuple):
    """A table of a paper for one data set.

    Attributes
    ----------
    title : str
    lengths : list of int
    rows : list of (str, list of Entry)
        A method with its entries, in the order of the paper.
    """

    title: str
    lengths: list[int]
    rows: list[tuple[str, list[Entry]]]

    @property
    def tally(self) -> tuple[int, int]:
        """How many of the figures that can be compared are reached, and of how many."""
        told = [entry.reached for _, row in self.rows for entry in row]
        return sum(t is True for t in told), sum(t is not None for t in told)


def paper_tables(lines: Iterable[Line]) -> list[PaperTable]:
    """Lay out every table of the papers of which a cell was measured.

    Parameters
    ----------
    lines : iterable of Line
        Codes that were cut from longer ones take no part.
    """
    measured = _by_place([line for line in lines if not line.first["cut"]])
    groups: dict[tuple[str, str, str, str], list[Record]] = {}
    for record in records():
        figure = record.figure
        key = (figure.source, record.data, record.protocol, figure.metric)
        groups.setdefault(key, []).append(record)
    tables = [_table(key, group, measured) for key, group in groups.items()]
    return [
        table for table in tables if any(e.measured is not None for _, r in table.rows for e in r)
    ]


Places = dict[tuple[str, str, str, int], Line]


def _by_place(lines: list[Line]) -> Places:
    """Find a line by data, protocol, method and length; of several features, the first stands."""
    places: Places = {}
    for line in lines:
        first = line.first
        for protocol in (first["protocol"], "classification"):
            places.setdefault((first["data"], protocol, first["method"], first["n_bits"]), line)
    return places


def _table(key: tuple[str, str, str, str], group: list[Record], measured: Places) -> PaperTable:
    source, data, protocol, metric = key
    lengths = sorted({record.n_bits for record in group})
    figures = {(record.method, record.n_bits): record.figure for record in group}
    rows = []
    for method in dict.fromkeys(record.method for record in group):
        entries = []
        for n_bits in lengths:
            line = measured.get((data, protocol, method, n_bits))
            value = None if line is None else _measured(line, metric)
            entries.append(Entry(figures.get((method, n_bits)), value))
        rows.append((method, entries))
    return PaperTable(f"{source}: {data}, {metric} ({protocol})", lengths, rows)


def _measured(line: Line, metric: str) -> float | None:
    if metric == "precision@radius2":
        return line.mean("precision_within_2")
    if metric in ("test error", "test accuracy"):
        error = line.mean("classification_error")
        return error if error is None or metric == "test error" else 1 - error
    if metric == "precision@k":  # the paper: the same at every k; so the last one is compared
        at = line.first.get("precision_at") or {}
        return float(at[max(at, key=int)]) if at else None
    return line.mean("map")
