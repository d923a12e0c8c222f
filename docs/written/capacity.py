"""What large collections on Milvus would take: from slopes that were measured on small ones."""

import math
from typing import Any

from written.tables import stored_results, table_of

NODE_BYTES = 64e9
FILLED = 0.7
ANSWER_SECONDS = 0.1
AT_ONCE = "core ms a query of 100 at once"
IMAGES = (10**8, 10**9, 10**10)


def capacity() -> str:
    """Print memory, nodes and cores for so many images; none of it was run."""
    (result,) = stored_results("milvus.json")
    bare = [slope for slope in _slopes(result["rows"]) if not slope["features"]]
    rows = [_row(n, slope) for slope in bare for n in IMAGES]
    return "\n".join([*table_of(rows), ""])


def slopes() -> str:
    """Print what a row takes, between the small and the large collection of a length."""
    (result,) = stored_results("milvus.json")
    rows = [
        {
            "bits": each["bits"],
            "features": each["features"],
            "memory, B a row": round(each["memory"]),
            "stored, B a row": round(each["stored"]),
            "server's core, ms a query and million rows": None
            if each["features"]
            else f"{each['scan']:.1f}",
            "of 100 queries at once": None if each["features"] else f"{each['scan at once']:.1f}",
            "rows in, a second and core": f"{each['in']:,.0f}",
        }
        for each in _slopes(result["rows"])
    ]
    return "\n".join([*table_of(rows), ""])


def _slopes(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    found = []
    for bits, features in dict.fromkeys((row["bits"], row["features"]) for row in rows):
        same = [row for row in rows if (row["bits"], row["features"]) == (bits, features)]
        small, large = min(same, key=_n_rows), max(same, key=_n_rows)
        millions = (large["rows"] - small["rows"]) / 1e6
        found.append(
            {
                "bits": bits,
                "features": features,
                "memory": (large["memory MB"] - small["memory MB"]) / millions,
                "stored": (large["stored MB"] - small["stored MB"]) / millions,
                "scan": _difference(small, large, "core ms a query") / millions,
                "scan at once": _difference(small, large, "core ms a query of 100 at once")
                / millions,
                "in": 1e6 / large["core us a row in"],
            }
        )
    return found


def _n_rows(row: dict[str, Any]) -> int:
    return int(row["rows"])


def _difference(small: dict[str, Any], large: dict[str, Any], name: str) -> float:
    return float(large[name] - small[name])


def _row(n: int, slope: dict[str, float]) -> dict[str, object]:
    n_bytes = n * slope["memory"]
    core_seconds = n / 1e6 * slope["scan"] / 1000
    at_once = n / 1e6 * slope["scan at once"] / 1000
    return {
        "images": f"{n:,}",
        "bits": slope["bits"],
        "memory of a replica, GB": f"{n_bytes / 1e9:,.0f}",
        "nodes of 64 GB, two replicas": 2 * math.ceil(n_bytes / NODE_BYTES / FILLED),
        "cores for an answer in 0.1 s": f"{core_seconds / ANSWER_SECONDS:,.0f}",
        "queries a second on 64 cores, alone": f"{64 / core_seconds:,.1f}",
        "100 at once": f"{64 / at_once:,.1f}",
        "loading, hours on 16 cores": f"{n / slope['in'] / 16 / 3600:,.1f}",
    }
