"""A comparison to be shown: cells beside the published figures, and whether their order holds."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from hashlens.provenance import provenance
from hashlens.reproduce.comparing import Cell
from hashlens.reproduce.plan import Plan
from hashlens.reproduce.published import broken


@dataclass(frozen=True)
class Comparison:
    """Cells of one plan on one or more data sets.

    Attributes
    ----------
    plan : Plan
    cells : tuple of dict
    """

    plan: Plan
    cells: tuple[Cell, ...]

    def tables(self) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Give a title and rows for each data set and each kind of features."""
        for data, features in dict.fromkeys((c["data"], c["features"]) for c in self.cells):
            chosen = [c for c in self.cells if (c["data"], c["features"]) == (data, features)]
            seen = f" on {features}" if features else ", image to code"
            yield f"{data}, {self.plan.protocol}, mAP{seen}", self._rows(chosen)

    def _rows(self, cells: list[Cell]) -> list[dict[str, Any]]:
        by_method: dict[str, dict[int, Cell]] = {}
        for cell in cells:
            name = f"{cell['method']}, cut" if cell["cut"] else cell["method"]
            by_method.setdefault(name, {})[cell["n_bits"]] = cell
        longest = self.plan.lengths[-1]
        order = sorted(by_method, key=lambda m: -by_method[m][longest].get("map", 0.0))
        rows = []
        for method in order:
            row: dict[str, Any] = {"method": method}
            for n_bits in self.plan.lengths:
                cell = by_method[method][n_bits]
                row[f"{n_bits} bits"] = f"{cell['map']:.3f}" if "map" in cell else "-"
                row[f"paper {n_bits}"] = _printed(cell)
            seconds = [c["fit_seconds"] for c in by_method[method].values() if "fit_seconds" in c]
            row["fit s"] = f"{max(seconds):.1f}" if seconds else "-"
            rows.append(row)
        return rows

    def disorder(self) -> list[dict[str, Any]]:
        """Pairs of methods whose published order is not the measured one.

        Published rows that are broken take no part.
        """
        found = []
        for data, features, n_bits in dict.fromkeys(
            (c["data"], c["features"], c["n_bits"]) for c in self.cells
        ):
            of_column = [
                c
                for c in self.cells
                if (c["data"], c["features"], c["n_bits"]) == (data, features, n_bits)
                and c.get("published")
                and not c["cut"]
                and not broken(c["method"], c["published"]["source"])
            ]
            for a, b in combinations(of_column, 2):
                if (a["published"]["value"] - b["published"]["value"]) * (a["map"] - b["map"]) < 0:
                    found.append(_pair(a, b))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, with machine, versions and command."""
        environment = provenance()
        data = ", ".join(dict.fromkeys(cell["data"] for cell in self.cells))
        return {
            "title": f"{data}: {len(self.plan.methods)} methods by {self.plan.protocol}",
            "command": environment["command"],
            "plan": asdict(self.plan),
            "rows": [_row(cell) for cell in self.cells],
            "disorder": self.disorder(),
            "cells": list(self.cells),
            "environment": environment,
        }


def _row(cell: Cell) -> dict[str, Any]:
    """One line of a flat table."""
    return {
        "data": cell["data"],
        "features": cell["features"] or "-",
        "method": f"{cell['method']}, cut" if cell["cut"] else cell["method"],
        "bits": cell["n_bits"],
        "mAP": cell.get("map"),
        "published": _printed(cell),
        "uncoded": cell.get("map_uncoded"),
        "one-hot": cell.get("map_one_hot"),
        "P r<=2": cell.get("precision_within_2"),
        "empty": cell.get("empty_balls"),
        "fit seconds": cell.get("fit_seconds"),
        "refused": cell.get("refused"),
    }


def _printed(cell: Cell) -> str:
    found = cell.get("published")
    if not found:
        return "-"
    mark = " (broken)" if broken(cell["method"], found["source"]) else ""
    return f"{found['value']:.3f}{mark}"


def _pair(a: Cell, b: Cell) -> dict[str, Any]:
    better, worse = (a, b) if a["published"]["value"] > b["published"]["value"] else (b, a)
    return {
        "data": a["data"],
        "features": a["features"],
        "n_bits": a["n_bits"],
        "published_better": better["method"],
        "published_worse": worse["method"],
        "published": [better["published"]["value"], worse["published"]["value"]],
        "measured": [better["map"], worse["map"]],
    }
