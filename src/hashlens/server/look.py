"""Items as answers show them: without a path of the disk."""

import ntpath
import posixpath
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from hashlens.checks import printable
from hashlens.collection import Collection
from hashlens.collection import Item as StoredItem
from hashlens.collection.expression import read_expression
from hashlens.errors import InputError
from hashlens.server.errors import ApiError, busy

T = TypeVar("T")
_MOST_READS = 10


def bare_name(path: str) -> str:
    r"""Cut the folders off a path, and replace what JSON cannot hold.

    Examples
    --------
    >>> bare_name("/photos/owl/1.jpg"), bare_name("train[3]"), bare_name("a\udcff.jpg")
    ('1.jpg', 'train[3]', 'a?.jpg')
    """
    name = posixpath.basename(ntpath.basename(path)) or path
    return printable(name)


class Named(Protocol):
    """What an item and a hit have in common."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def path(self) -> str:
        """Its path, or its name where it has no file."""

    @property
    def label(self) -> str | None:
        """Its label."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its metadata."""


def pictured(item: Named, content_hash: str) -> dict[str, Any]:
    """An item's own facts, and the addresses of its pictures."""
    version = content_hash[:8]  # so that a changed picture has another address
    return {
        "id": item.id,
        "name": bare_name(item.path),
        "label": item.label and printable(item.label),
        "metadata": dict(item.metadata),
        "thumbnail": f"/items/{item.id}/thumbnail?v={version}",
        "image": f"/items/{item.id}/image?v={version}",
    }


def whole(item: StoredItem) -> dict[str, Any]:
    """All that is shown of an item."""
    shown = pictured(item, item.content_hash)
    return {**shown, "added": item.added, "content_hash": item.content_hash}


def check_where(where: str | None) -> None:
    """Refuse a filter over paths, from which those of the disk could be guessed.

    Raises
    ------
    ApiError
        422 for that, and for what is no expression.
    """
    if where is None:
        return
    try:
        names = read_expression(where).names
    except InputError as error:
        raise ApiError(422, str(error), "where") from error
    if "path" in names:
        raise ApiError(422, "where must not ask for path; name is the file's name.", "where")


def of_one_commit(collection: Collection, read: Callable[[int], T]) -> T:
    """Read until no commit comes in between: then all of it is of the commit that `read` is told.

    Raises
    ------
    ApiError
        503 if commits follow each other too quickly for it.
    """
    for _ in range(_MOST_READS):
        revision = collection.revision
        found = read(revision)
        if collection.revision == revision:
            return found
    raise busy("the collection must be still for a moment. Got one commit after another.")


def item_of(collection: Collection, item_id: int) -> StoredItem:
    """Look up an item; ApiError 404 if there is none of that id."""
    for item in collection.look_up([item_id]):
        return item
    raise ApiError(404, f"there is no item {item_id}.", "id")
