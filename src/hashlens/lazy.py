"""Names of a package that are imported when they are first asked for."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def names_of(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """Make the ``__getattr__`` of a package, whose names load on first use.

    Parameters
    ----------
    package : str
    places : mapping of str to str
        The module of each name.

    Examples
    --------
    >>> find = names_of("house", {"sqrt": "math"})
    >>> find("sqrt")(9)
    3.0
    >>> find("root")
    Traceback (most recent call last):
    ...
    AttributeError: module 'house' has no attribute 'root'
    """

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(places[name]), name)

    return find
