"""Batches computed side by side, each by one thread."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Work = TypeVar("Work")
Result = TypeVar("Result")


def side_by_side(compute: Callable[[Work], Result], parts: Sequence[Work]) -> list[Result]:
    """Compute each part by one thread, as many at a time as torch may use; results in order.

    Threads that share one batch wait for each other at every layer: where something else wants a
    processor, such as the decoding of the next images, they wait long.

    Examples
    --------
    >>> side_by_side(lambda part: sum(part), [range(3), range(5)])
    [3, 10]
    """
    n_threads = torch.get_num_threads()
    if n_threads == 1 or len(parts) <= 1:
        return [compute(part) for part in parts]
    try:
        with ThreadPoolExecutor(
            n_threads, initializer=torch.set_num_threads, initargs=(1,)
        ) as pool:
            return list(pool.map(compute, parts))
    finally:
        torch.set_num_threads(n_threads)  # else later threads would begin with one


def keep_freed_memory() -> None:
    """Let the C library keep what a layer frees for the next one, in place of giving it back.

    glibc maps each large block anew, which costs a network a fifth of its time, until it has seen
    one of that size freed: up to 32 MiB it then keeps twice as much at hand. Elsewhere this is a
    block that comes and goes.
    """
    torch.empty(31 << 20, dtype=torch.uint8)


def spans(n: int, at_most: int) -> list[slice]:
    """Cut `n` rows into parts of at most so many, and into one a thread where there are fewer.

    Examples
    --------
    >>> spans(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    size = max(1, min(at_most, -(-n // torch.get_num_threads())))
    return [slice(start, start + size) for start in range(0, n, size)]
