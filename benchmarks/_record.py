"""What the programs here share: where results go, and what each says of itself."""

from pathlib import Path

from hashlens.bench.timing import spread
from hashlens.provenance import environment, write_result

RESULTS = Path(__file__).resolve().parent / "results"

__all__ = ["RESULTS", "environment", "spread", "write_result"]
