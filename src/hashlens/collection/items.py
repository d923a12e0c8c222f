"""Items as a user sees them, and their ids."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hashlens.checks import check_int, refuse, words
from hashlens.errors import InputError

LARGEST_ID = 2**63 - 1
"""That engines can hold."""


class Item(NamedTuple):
    """One image of a collection.

    Attributes
    ----------
    id : int
        Never that of another item, not even after this one is removed.
    path : str
        Absolute, or the name of an image that has no file.
    label : str or None
    metadata : dict
    added : str or None
        When: ISO 8601, UTC. None for items from before version 2 of the format.
    content_hash : str
        SHA-256 of its bytes, as hex digits.
    """

    id: int
    path: str
    label: str | None
    metadata: Mapping[str, Any]
    added: str | None
    content_hash: str


def check_item_id(value: object) -> int:
    """Return what can be the id of an item as an int, or raise InputError."""
    item_id = check_int("item id", value, 0)
    if item_id > LARGEST_ID:
        raise no_item(item_id)
    return item_id


def no_item(item_id: int) -> InputError:
    """Build the error for an id that no live item has."""
    return refuse("item id", "the id of an item of the collection", item_id)


def check_which(ids: object, where: str | None) -> list[int] | None:
    """Return the ids as a list; None where `where` is given in their place.

    Raises
    ------
    InputError
        If not just one of the two is given, or the ids are none.
    """
    if (ids is None) == (where is None):
        raise refuse("ids", "given, or else where", words("neither" if ids is None else "both"))
    return None if ids is None else _as_ids(ids)


def _as_ids(value: object) -> list[int]:
    """Read distinct ids from an int or a sequence of them."""
    if isinstance(value, np.ndarray) and value.ndim != 1:
        raise refuse("ids", "the id of an item, or a sequence of them", value)
    if isinstance(value, Sequence | np.ndarray | set | frozenset) and not isinstance(value, str):
        return sorted({check_item_id(item_id) for item_id in value})
    return [check_item_id(value)]
