"""How loops are compiled: by Numba, once a machine, kept on disk where that can be written."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit
from numba.core import event

Function = TypeVar("Function", bound=Callable[..., Any])

LOGGER = logging.getLogger("hashlens")


def compiled(function: Function, **options: Any) -> Function:
    """Compile a function when it is first called: no interpreter lock, kept on disk.

    Where no folder can be written, it is compiled anew in every process; Numba's own settings,
    such as NUMBA_CACHE_DIR, say where it is kept.

    Parameters
    ----------
    function : callable
    options
        Of ``numba.njit``.

    Examples
    --------
    >>> twice = compiled(lambda x: 2 * x)
    >>> twice(4)
    8
    """
    try:
        loops = njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # Numba has found no folder to keep it in
        loops = njit(nogil=True, **options)(function)
    return cast(Function, loops)


class _Teller(event.Listener):
    """Says once that something of hashlens is compiled: a search that waits looks stuck."""

    told = False

    def on_start(self, event: Any) -> None:
        """Tell of the first compilation; what is read from disk does not come here."""
        loops = event.data["dispatcher"]
        if self.told or not loops.py_func.__module__.startswith("hashlens."):
            return
        self.told = True
        LOGGER.warning(announcement(loops.stats.cache_path))

    def on_end(self, event: Any) -> None:
        """Say nothing."""


def announcement(folder: str | None) -> str:
    """Say what is being done, that it is done once, and where it is kept.

    Examples
    --------
    >>> announcement("/opt/hashlens/search/__pycache__")
    'compiling loops for this machine: seconds, once; kept in /opt/hashlens/search/__pycache__'
    """
    if folder is not None:
        return f"compiling loops for this machine: seconds, once; kept in {folder}"
    return (
        "compiling loops for this machine: seconds, in every process anew, as no folder can be "
        "written to keep them; NUMBA_CACHE_DIR names one that can"
    )


event.register("numba:compile", _Teller())  # type: ignore[no-untyped-call]
