"""What a collection on Milvus is, as it says itself; and whether there is one."""

import json
from dataclasses import dataclass
from typing import NamedTuple

import hashlens
from hashlens.checks import refuse, words
from hashlens.collection.milvus.connection import CALL_SECONDS, LOAD_SECONDS, Connection
from hashlens.collection.milvus.meta import Meta
from hashlens.errors import FormatError

VERSION = 1
DESCRIPTION = "hashlens"
"""Of each collection that was made here; no other one is ever dropped."""

MAX_TEXT = 65_535
"""Bytes that a VARCHAR holds."""

READY = "ready"
"""The key of the row that says what the collection is."""


class StoredFile(NamedTuple):
    """A file of the model: its size, and the SHA-256 of its bytes."""

    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Facts:
    """What a collection is; it never changes.

    Attributes
    ----------
    n_bits : int
    n_features : int
        Length of a stored feature vector; 0 where features are not stored.
    keep_pictures : bool
    shards, replicas : int
    index : str
        Of the codes.
    files : dict of str to StoredFile
        The model's.
    created : str
        ISO 8601, UTC.
    hashlens : str
        Version that made it.
    version : int
        Of this layout.
    """

    n_bits: int
    n_features: int
    keep_pictures: bool
    shards: int
    replicas: int
    index: str
    files: dict[str, StoredFile]
    created: str = ""
    hashlens: str = hashlens.__version__
    version: int = VERSION


def read_facts(connection: Connection) -> Facts | None:
    """Read what the collection is; None if there is none, or one that was never finished.

    Raises
    ------
    FormatError
        If it is of a newer version.
    """
    if not connection.exists(connection.meta):
        return None
    see_loaded(connection, connection.meta, connection.address.replicas or 1)
    text = Meta(connection).written_once(READY)
    if text is None:
        return None
    said = json.loads(text)
    if said["version"] > VERSION:
        raise FormatError(
            f"{connection.place} must have layout version {VERSION} or older. "
            f"Got {said['version']}. A newer hashlens reads it."
        )
    files = {name: StoredFile(*each) for name, each in said["files"].items()}
    return Facts(**{**said, "files": files})


def open_facts(connection: Connection) -> Facts:
    """Read what the collection is, and see to it that its parts are loaded.

    Raises
    ------
    InputError
        If there is none, or it was made with other options than the URL says.
    """
    facts = read_facts(connection)
    if facts is None:
        got = f"{connection.place}: {'another one' if _foreign(connection) else 'nothing'}"
        raise refuse("collection", "one that hashlens made", words(got))
    for name in ("shards", "replicas", "index"):
        said, made = getattr(connection.address, name), getattr(facts, name)
        if said is not None and said != made:
            raise refuse(name, f"{made}, as the collection was made", said)
    see_loaded(connection, connection.items, facts.replicas)
    if facts.n_features:
        see_loaded(connection, connection.features, facts.replicas)
    return facts


def check_free(connection: Connection) -> None:
    """Raise InputError unless a collection may be made here."""
    foreign = _foreign(connection)
    if foreign is not None:
        got = (
            f"{connection.place}, where there is a collection {foreign} that hashlens has not made"
        )
        raise refuse("collection", "a new one", words(got))
    if read_facts(connection) is not None:
        raise refuse("collection", "a new one", words(f"{connection.place}, which exists"))


def is_taken(connection: Connection) -> bool:
    """Tell whether there is a collection, or something that is in the way of one."""
    return _foreign(connection) is not None or read_facts(connection) is not None


def _foreign(connection: Connection) -> str | None:
    """Name a collection that has one of the three names and was not made here."""
    for name in (connection.items, connection.features, connection.meta):
        if connection.exists(name):
            with connection.calling(f"describing {name}"):
                said = connection.client.describe_collection(name, timeout=CALL_SECONDS)
            if said.get("description") != DESCRIPTION:
                return name
    return None


def see_loaded(connection: Connection, name: str, replicas: int) -> None:
    """See to it that a collection can be searched; it stays so until someone changes that."""
    with connection.calling(f"loading {name}"):
        state = connection.client.get_load_state(name, timeout=CALL_SECONDS)["state"]
        if state.name != "Loaded":
            connection.client.load_collection(name, replica_number=replicas, timeout=LOAD_SECONDS)
