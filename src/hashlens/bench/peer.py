"""What a search engine has to be to take part."""

import importlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.errors import MissingExtraError

Answer = tuple[NDArray[Any], NDArray[Any]]  # distances, ids: (n_queries, k)
Search = Callable[[Codes, int], Answer]


@dataclass(frozen=True)
class Engine:
    """One way to search that a peer has.

    Attributes
    ----------
    name : str
    search : callable
        ``search(queries, k)`` gives distances and ids.
    """

    name: str
    search: Search


class Peer(ABC):
    """Codes in one search engine.

    Parameters
    ----------
    codes : uint8 array of shape (n, ceil(n_bits / 8))
    n_bits : int
    threads : int

    Attributes
    ----------
    module, package : str
        What it imports, and how that is installed; empty where it is always there.
    exact : bool
        Whether it claims to find all neighbours.
    most_codes : int
        With more it is left out: building would take hours.
    settings : tuple of int
        Tried in turn until every neighbour is found; see :meth:`apply`.
    """

    module: ClassVar[str] = ""
    package: ClassVar[str] = ""
    exact: ClassVar[bool] = True
    most_codes: ClassVar[int] = 1 << 62
    settings: ClassVar[tuple[int, ...]] = ()

    @abstractmethod
    def __init__(self, codes: Codes, n_bits: int, threads: int) -> None: ...

    @abstractmethod
    def engines(self) -> list[Engine]:
        """Give the ways to search."""

    def apply(self, setting: int) -> None:
        """Take one of the settings."""
        raise NotImplementedError(f"{type(self).__name__} has no setting {setting}")

    def note(self) -> str:
        """Say how it is set."""
        return ""

    @staticmethod
    def bytes_per_code(n_bits: int) -> int:
        """Memory it takes beside the codes, about."""
        return -(-n_bits // 8)


def installed(peer: type[Peer]) -> bool:
    """Tell whether what a peer imports is there."""
    return not peer.module or importlib.util.find_spec(peer.module) is not None


def imported(module: str, package: str) -> Any:
    """Import an optional package.

    Raises
    ------
    MissingExtraError
        With the words that install it.

    Examples
    --------
    >>> imported("no_such_engine", "no-such-engine")
    Traceback (most recent call last):
    ...
    hashlens.errors.MissingExtraError: no-such-engine must be installed for this. ...
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(package, "bench") from error


def rows_of(answer: Any) -> Any:
    """Make one row of what an engine gives without one where a single query asked.

    Examples
    --------
    >>> rows_of([3, 4])
    array([[3, 4]])
    """
    return np.atleast_2d(np.asarray(answer))
