"""What was left out, and why."""

from typing import NamedTuple


class Skipped(NamedTuple):
    """An image that was left out, and why."""

    name: str
    reason: str
