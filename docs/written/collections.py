"""What was measured of collections: indexing, photos without labels, and serving."""

from typing import Any

from written.tables import stored_results, table_of


def _stored(name: str) -> dict[str, Any]:
    (result,) = stored_results(f"{name}.json")
    return result


def indexing() -> str:
    """Print the time of an index beside the limit that decoding and the network set."""
    found = _stored("index")["indexing"]
    seconds = {name: times["median_seconds"] for name, times in found["seconds"].items()}
    row = {
        "photos": found["images"],
        "the command, s": f"{seconds['command']:.1f}",
        "without its start, s": f"{seconds['index']:.1f}",
        "decoding alone, s": f"{seconds['decode']:.2f}",
        "network alone, s": f"{seconds['network']:.1f}",
        "of the limit": f"{found['ratio']:.2f} (runs: {_span(found['ratios'])})",
        "memory of all processes, MiB": f"{found['peak MiB of all processes']:,.0f}",
    }
    return "\n".join([*table_of([row]), ""])


def photos() -> str:
    """Print precision@10 of codes, re-ranked codes and features, with bootstrap intervals."""
    rows = [
        {
            "photos": each["set"],
            "queries": each["queries"],
            **{name: _interval(each["over queries"][name]) for name in _COLUMNS},
        }
        for each in _stored("photos")["sets"]
    ]
    return "\n".join([*table_of(rows), ""])


def serving() -> str:
    """Print the time from an uploaded picture to its answer, and where it goes."""
    stages = ("end to end", "server, decode", "server, encode", "server, search")
    rows = [
        {
            "uploads": each["uploads"],
            "clients": each["clients"],
            "items": f"{each['items']:,}",
            **{f"{name}, ms": _times(each[name]) for name in stages},
        }
        for each in _stored("serve")["rows"]
    ]
    return "\n".join([*table_of(rows), ""])


_COLUMNS = ("codes", "re-ranked", "uncoded", "re-ranked - uncoded")


def _interval(found: dict[str, float]) -> str:
    mean, low, high = (round(found[name], 4) + 0.0 for name in ("mean", "low", "high"))
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _span(ratios: list[float]) -> str:
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def _times(found: dict[str, float]) -> str:
    return f"{found['p50 ms']:.1f} (p99 {found['p99 ms']:.0f})"
