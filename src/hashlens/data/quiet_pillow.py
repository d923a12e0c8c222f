"""Pillow's warnings about broken images, which become errors of our own, are not shown."""

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

_SILENCE = ("ignore", None, Warning, re.compile(r"PIL\b(?#hashlens)"), 0)
_silence_lock = threading.Lock()
_silenced: list[list[Any]] = []  # the filter lists that hold the entry
_n_decoding = 0


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Ignore the warnings Pillow raises inside itself, in all threads that decode.

    ``warnings.catch_warnings`` swaps the whole filter list and is not safe between threads. One
    entry put in front, and taken out of the same lists by the last thread to leave, is.
    """
    global _n_decoding
    with _silence_lock:
        _n_decoding += 1
        filters = cast("list[Any]", warnings.filters)
        if not filters or filters[0] != _SILENCE:
            warnings.filterwarnings("ignore", module=_SILENCE[3].pattern)
        if not any(filters is known for known in _silenced):
            _silenced.append(filters)
    try:
        yield
    finally:
        with _silence_lock:
            _n_decoding -= 1
            while _n_decoding == 0 and _silenced:
                filters = _silenced.pop()
                if _SILENCE in filters:
                    filters.remove(_SILENCE)
