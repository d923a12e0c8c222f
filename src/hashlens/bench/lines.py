"""A result as tables: a line for each engine of a case."""

from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]


CASE = ("codes", "data", "k", "queries", "threads")
"""Columns that are the same for all engines of a case."""


def tables_of(result: dict[str, Any]) -> list[tuple[str, list[Row]]]:
    """Make a table of each case: its title, and a line for each engine.

    Parameters
    ----------
    result : dict
        Of :func:`hashlens.bench.bench_search`.
    """
    tables = []
    for row in result["rows"]:
        lines = list(_lines(row))
        case = [f"{name} {lines[0][name]}" for name in CASE[2:] if lines[0][name] != "-"]
        step = [row["step"]] if "step" in row else []
        title = ", ".join([*step, lines[0]["codes"], row["data"], *case])
        tables.append((f"{row['work']}: {title}", [_without_case(line) for line in lines]))
    return tables


def _without_case(line: Row) -> Row:
    return {name: value for name, value in line.items() if name not in (*CASE, "step")}


def lines_of(rows: list[Row]) -> list[Row]:
    """Turn rows into lines whose columns are all there and all text.

    Examples
    --------
    >>> engine = {"n_runs": 3, "median_seconds": 0.002, "iqr_seconds": 0.0001}
    >>> case = {"data": "random", "n_codes": 5, "n_bits": 8, "k": 1, "n_queries": 1, "threads": 1}
    >>> [line] = lines_of([case | {"work": "w", "engines": {"hashlens": engine}}])
    >>> line["ms"], line["x hashlens"]
    ('2 ± 0.1', '1.00')
    """
    return [line for row in rows for line in _lines(row)]


def _lines(row: Row) -> Iterator[Row]:
    ours = next(iter(row["engines"].values()))["median_seconds"]
    told: set[str] = set()
    limit = row.get("limit", {}).get("median_seconds")
    for place, (name, engine) in enumerate(row["engines"].items()):
        median = engine["median_seconds"]
        notes = list(_notes(row, engine, place == 0, told))
        yield {
            "codes": f"{row['n_codes']:,} x {row['n_bits']}",
            "data": row["data"],
            "k": _count(row["k"]),
            "queries": _count(row["n_queries"]),
            "threads": str(row["threads"]),
            **({"step": row["step"]} if "step" in row else {}),
            "engine": name,
            "ms": f"{_digits(1000 * median)} ± {_digits(1000 * engine['iqr_seconds'])}",
            "x hashlens": _ratio(median / ours),
            "x limit": "-" if not limit else _ratio(median / limit),
            "recall": "-" if "recall" not in engine else f"{100 * engine['recall']:.2f} %",
            "set": "; ".join(notes) or "-",
        }


def _digits(value: float) -> str:
    """Write a duration with the digits that tell something.

    Examples
    --------
    >>> _digits(0.01234), _digits(19_876.5)
    ('0.0123', '19,876')
    """
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _ratio(value: float) -> str:
    """Write a ratio with as many digits as tell something.

    Examples
    --------
    >>> _ratio(0.031), _ratio(12.345), _ratio(1234.5)
    ('0.03', '12.35', '1,234')
    """
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _notes(row: Row, engine: Row, first: bool, told: set[str]) -> Iterator[str]:
    """Say what else there is to know: what was chosen, how it is set, how many were timed.

    How several engines of one index are set is said once.
    """
    if first and "chosen" in row:
        yield f"chose {row['chosen']}, regret {row['regret']:.2f}"
    note = engine.get("note")
    if note and note not in told:
        told.add(note)
        yield note
    timed, whole = engine.get("n_timed"), row["n_queries"]
    if timed and whole and timed < whole:
        yield f"{timed:,} timed"
    if first and "n_pairs" in row:
        yield f"{row['n_pairs']:,} pairs"
