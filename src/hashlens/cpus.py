"""How many processors there are for this process."""

import os
from pathlib import Path

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_cpus() -> int:
    """Count the processors this process may use: affinity and the cgroup's quota respected.

    Returns
    -------
    n_cpus : int, at least 1

    Examples
    --------
    >>> available_cpus() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        n_cpus = len(os.sched_getaffinity(0))
    else:
        n_cpus = os.cpu_count() or 1
    return max(1, min(n_cpus, _quota(n_cpus)))


def _quota(n_cpus: int) -> int:
    try:
        quota, period = _CGROUP_QUOTA.read_text("ascii").split()
        return n_cpus if quota == "max" else int(quota) // int(period)
    except (OSError, ValueError):  # another system, or no cgroup v2: no quota to respect
        return n_cpus
