"""The threads of a search: how many, and the pool that owns them."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from hashlens.checks import check_int
from hashlens.cpus import available_cpus

_WORDS_PER_THREAD = 1 << 20  # below this, waking a thread costs more than it gives


def check_threads(threads: object) -> int:
    """Return a number of threads: `threads` itself, or the available processors for None."""
    return available_cpus() if threads is None else check_int("threads", threads, 1)


def worth_threads(n_words: int, threads: int) -> int:
    """How many of `threads` are worth waking to pass over `n_words` words."""
    return max(1, min(threads, n_words // _WORDS_PER_THREAD))


def run_in_parts(task: Callable[[int, int], None], n_rows: int, n_parts: int) -> None:
    """Run ``task(start, stop)`` over [0, n_rows) in parts of about one size, a thread each."""
    n_parts = max(1, min(n_parts, n_rows))
    bounds = [n_rows * part // n_parts for part in range(n_parts + 1)]
    if n_parts == 1:
        task(0, n_rows)
        return
    for done in [_pool(n_parts).submit(task, *bounds[i : i + 2]) for i in range(n_parts)]:
        done.result()


@lru_cache(maxsize=8)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="hashlens-search")


# A forked child inherits the pool but not its threads: it makes its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
