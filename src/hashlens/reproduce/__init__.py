"""Models measured by protocols: figures with their control rows, and the report."""

from hashlens.reproduce.scoring import Evaluation, Row, evaluate

__all__ = ["Evaluation", "Row", "evaluate"]
