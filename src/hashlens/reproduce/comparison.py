"""A comparison to be shown: cells beside the published figures, and what can be said of them."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from hashlens.evaluation import Difference, paired_bootstrap
from hashlens.evaluation.protocols import protocol_named
from hashlens.provenance import provenance
from hashlens.reproduce.comparing import Cell, Compared
from hashlens.reproduce.lines import Line, Precisions, row_of_line, shown_figure
from hashlens.reproduce.plan import Plan


@dataclass(frozen=True)
class Comparison:
    """Cells of one plan on one or more data sets.

    Attributes
    ----------
    plan : Plan
    cells : tuple of dict
    precisions : tuple of float64 (n_queries,) or None
        Average precision of each query, for each cell; empty where it is not at hand.
    """

    plan: Plan
    cells: tuple[Cell, ...]
    precisions: tuple[Precisions, ...] = ()

    @classmethod
    def of(cls, plan: Plan, compared: Iterable[Compared]) -> "Comparison":
        """Join what was measured on several data sets."""
        found = list(compared)
        cells = tuple(cell for one in found for cell in one.cells)
        return cls(plan, cells, tuple(p for one in found for p in one.precisions))

    def lines(self) -> list[Line]:
        """Join the seeds."""
        groups: dict[tuple[Any, ...], list[int]] = {}
        names = ("data", "protocol", "features", "method", "cut", "n_bits")
        for i, cell in enumerate(self.cells):
            groups.setdefault(tuple(cell[name] for name in names), []).append(i)
        return [self._line(members) for members in groups.values()]

    def _line(self, members: list[int]) -> Line:
        arrays = [self.precisions[i] for i in members] if self.precisions else []
        known = [array for array in arrays if array is not None]
        mean = np.mean(known, axis=0) if known and len(known) == len(members) else None
        return Line(tuple(self.cells[i] for i in members), mean)

    def tables(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Give a title and rows for each data set, protocol and kind of features."""
        groups: dict[tuple[str, str, str], list[Line]] = {}
        for line in self.lines():
            key = (line.first["data"], line.first["protocol"], line.first["features"])
            groups.setdefault(key, []).append(line)
        for (data, protocol, features), chosen in groups.items():
            seen = f" on {features}" if features else ", image to code"
            figure = _figure_of(protocol)
            yield f"{data}, {protocol}, {figure}{seen}", self._rows(chosen)

    def _rows(self, lines: list[Line]) -> list[dict[str, Any]]:
        by_method: dict[str, dict[int, Line]] = {}
        for line in lines:
            by_method.setdefault(line.name, {})[line.first["n_bits"]] = line
        longest = self.plan.lengths[-1]
        order = sorted(by_method, key=lambda m: -_rank_figure(by_method[m][longest]))
        rows = []
        for method in order:
            row: dict[str, Any] = {"method": method}
            for n_bits in self.plan.lengths:
                line = by_method[method][n_bits]
                row[f"{n_bits} bits"] = shown_figure(line)
                row[f"paper {n_bits}"] = str(line.published or "-")
            seconds = [line.mean("fit_seconds") for line in by_method[method].values()]
            row["fit s"] = f"{max((s for s in seconds if s is not None), default=0):.1f}"
            rows.append(row)
        return rows

    def disorder(self) -> list[dict[str, Any]]:
        """Pairs of methods whose published order is not the measured one.

        Published rows that are broken take no part.
        """
        found = []
        for column in self._columns():
            printed = [line for line in column if line.published and line.published.counts]
            told = [line for line in printed if not line.first["cut"] and line.mean("map")]
            for one, other in combinations(told, 2):
                pair = _pair(one, other)
                if pair and pair["measured"][0] < pair["measured"][1]:
                    found.append(pair)
        return found

    def differences(self) -> list[dict[str, Any]]:
        """Say for each two methods of a column whether one is better on these queries."""
        found = []
        for column in self._columns(together=True):
            named = {line.full_name: line.precisions for line in column}
            known = {name: p for name, p in named.items() if p is not None}
            if len(known) < 2 or len({len(p) for p in known.values()}) > 1:
                continue
            head = {name: column[0].first[name] for name in ("data", "protocol", "n_bits")}
            found += [head | _difference(pair) for pair in paired_bootstrap(known)]
        return found

    def _columns(self, together: bool = False) -> Iterator[list[Line]]:
        """Lines that can be compared: of one data set, protocol, length and kind of features."""
        names = ("data", "protocol", "n_bits", *(() if together else ("features",)))
        columns: dict[tuple[Any, ...], list[Line]] = {}
        for line in self.lines():
            columns.setdefault(tuple(line.first[name] for name in names), []).append(line)
        yield from columns.values()

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, with machine, versions and command."""
        environment = provenance()
        data = ", ".join(dict.fromkeys(cell["data"] for cell in self.cells))
        protocols = ", ".join(self.plan.protocols)
        n_methods = len(self.plan.methods)
        return {
            "title": f"{data}: {n_methods} method{'s' * (n_methods > 1)} by {protocols}",
            "command": environment["command"],
            "plan": asdict(self.plan),
            "protocols": {name: protocol_named(name).to_dict() for name in self.plan.protocols},
            "rows": [row_of_line(line) for line in self.lines()],
            "disorder": self.disorder(),
            "differences": self.differences(),
            "cells": list(self.cells),
            "environment": environment,
        }


def _figure_of(protocol: str) -> str:
    value = protocol_named(protocol)
    if value.measure == "classification":
        return "error"
    return "mAP" if value.k is None else f"mAP@{value.k}"


def _rank_figure(line: Line) -> float:
    found = line.mean("map")
    return -(line.mean("classification_error") or 1.0) if found is None else found


def _pair(one: Line, other: Line) -> dict[str, Any] | None:
    """Give both figures of two methods, the one first that the paper has above the other."""
    a, b = one.published, other.published
    if a is None or b is None or a.value is None or b.value is None or a.value == b.value:
        return None
    better, worse = (one, other) if a.value > b.value else (other, one)
    head = {name: one.first[name] for name in ("data", "protocol", "features", "n_bits")}
    return head | {
        "published_better": better.first["method"],
        "published_worse": worse.first["method"],
        "published": [max(a.value, b.value), min(a.value, b.value)],
        "measured": [better.mean("map"), worse.mean("map")],
    }


def _difference(found: Difference) -> dict[str, Any]:
    return asdict(found) | {"clear": found.is_clear}
