"""Models measured by protocols: figures with their control rows, and the report."""

from hashlens.reproduce.figures import Evaluation, Row
from hashlens.reproduce.scoring import evaluate

__all__ = ["Evaluation", "Row", "evaluate"]
