"""How cost grows: slopes of time and of memory, and what was not measured."""

from typing import Any

from written.tables import stored_results, table_of

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"), (1e-12, "ps"))


def growth_times() -> str:
    """Print the exponent of each time with its interval, and the time of one item more."""
    return "\n".join([*table_of([_time(row) for row in _stored()["time"]]), ""])


def growth_memory() -> str:
    """Print the bytes that an item takes, and the most memory that was needed."""
    return "\n".join([*table_of([_memory(row) for row in _stored()["memory"]]), ""])


def growth_left_out() -> str:
    """Say what did not fit into the time or the memory, in words."""
    stored = _stored()
    failed = [f"{row['work']} with {row['n']:,} ({row['why']})" for row in stored["failed"]]
    lines = []
    if failed:
        lines += [f"Did not come to an end: {'; '.join(failed)}.", ""]
    if stored["left out"]:
        lines += [f"Left out for lack of time: {'; '.join(stored['left out'])}.", ""]
    return "\n".join(lines or ["All sizes were measured.", ""])


def _stored() -> dict[str, Any]:
    (result,) = stored_results("growth.json")
    return result


def _time(row: dict[str, Any]) -> dict[str, object]:
    last, slope = row["points"][-1], row["exponent"]
    return {
        "work": row["work"],
        "time of": row["figure"],
        "expected": f"{row['expected']:g}",
        "exponent": f"{slope['slope']:.2f}",
        "95 %": _between(f"{slope['low']:.2f}", f"{slope['high']:.2f}"),
        "each more": _seconds(max(0.0, row["seconds each"])),
        "largest": f"{last['n']:,} {row['of']}",
        "takes": _seconds(last["seconds"]),
    }


def _memory(row: dict[str, Any]) -> dict[str, object]:
    first, last, slope = row["points"][0], row["points"][-1], row["bytes each"]
    return {
        "work": row["work"],
        "bytes each": _number(slope["slope"]),
        "95 %": _between(_number(slope["low"]), _number(slope["high"])),
        "smallest": f"{first['n']:,} {row['of']}",
        "MiB": round(first["mib"]),
        "largest": f"{last['n']:,}",
        "MiB then": round(last["mib"]),
    }


def _between(low: str, high: str) -> str:
    """Give an interval, or nothing where there were too few points for one."""
    return "" if "nan" in (low, high) else f"{low} to {high}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"


def _seconds(value: float) -> str:
    """Give a time in the unit that suits it.

    Examples
    --------
    >>> _seconds(0.0025), _seconds(0.0)
    ('2.5 ms', '0 s')
    """
    scale, unit = next(((s, u) for s, u in UNITS if value >= s), (1.0, "s"))
    return f"{value / scale:.3g} {unit}"
