"""Models measured by protocols: figures with their control rows, and the report."""

from hashlens.reproduce.comparing import compare
from hashlens.reproduce.comparison import Comparison
from hashlens.reproduce.comparison_report import write_comparison
from hashlens.reproduce.figures import Evaluation, Row
from hashlens.reproduce.plan import Plan, methods_named
from hashlens.reproduce.scoring import evaluate

__all__ = [
    "Comparison",
    "Evaluation",
    "Plan",
    "Row",
    "compare",
    "evaluate",
    "methods_named",
    "write_comparison",
]
