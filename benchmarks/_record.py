"""What the programs here share: where results go, and what each says of itself."""

import json
from pathlib import Path
from typing import Any

from hashlens.bench.timing import spread
from hashlens.provenance import environment, write_result

RESULTS = Path(__file__).resolve().parent / "results"

__all__ = ["RESULTS", "environment", "rows_of", "spread", "write_result"]


def rows_of(result: Path) -> list[dict[str, Any]]:
    """Read the rows of a stored result; none where there is none."""
    rows: list[dict[str, Any]] = json.loads(result.read_text())["rows"] if result.exists() else []
    return rows
