"""What a piece of work costs: seconds and memory."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@contextmanager
def measured(name: str, into: dict[str, float]) -> Iterator[None]:
    """Write ``{name}_seconds`` and, where the system tells it, ``{name}_peak_mib`` into a dict.

    The peak is that of the whole process during the work, what it held before included.
    """
    resettable = _reset_peak()
    began = time.monotonic()
    try:
        yield
    finally:
        into[f"{name}_seconds"] = round(time.monotonic() - began, 2)
        peak = _peak_mib() if resettable else None
        if peak is not None:
            into[f"{name}_peak_mib"] = peak


def _reset_peak() -> bool:
    try:
        _RESET.write_text("5")  # Linux: the high-water mark of the resident set starts anew
    except OSError:
        return False
    return True


def _peak_mib() -> float | None:
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024)
    return None
