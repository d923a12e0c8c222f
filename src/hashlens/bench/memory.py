"""Whether a case fits into memory."""

from pathlib import Path

_MEMORY = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")
_KEPT_FREE = 1 << 29


def available_bytes() -> int | None:
    """Memory that is free to be used, the cgroup's limit respected; None where nothing tells it."""
    found = [free for free in (_free(), _left_to_group()) if free is not None]
    return min(found) if found else None


def _free() -> int | None:
    try:
        lines = _MEMORY.read_text("ascii").splitlines()
    except OSError:
        return None
    sizes = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return 1024 * sizes[0] if sizes else None


def _left_to_group() -> int | None:
    try:
        most, used = ((_GROUP / name).read_text() for name in ("memory.max", "memory.current"))
        return None if most.strip() == "max" else int(most) - int(used)
    except (OSError, ValueError):
        return None


def too_little(needed: int) -> str | None:
    """Say what is lacking, or None where it is enough or nobody knows.

    Examples
    --------
    >>> too_little(0) is None
    True
    """
    free = available_bytes()
    if free is None or needed == 0 or needed + _KEPT_FREE <= free:
        return None
    return f"needs {needed / 2**30:,.1f} GiB of memory, {free / 2**30:,.1f} are free"
