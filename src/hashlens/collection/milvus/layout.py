"""The three collections on a server that make up one: made whole or not at all, and opened."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import hashlens
from hashlens.checks import refuse, words
from hashlens.codes import code_size
from hashlens.collection.milvus.connection import CALL_SECONDS, LOAD_SECONDS, Connection
from hashlens.collection.milvus.meta import Meta
from hashlens.collection.milvus.right import right_to_write
from hashlens.collection.milvus.url import Address
from hashlens.errors import FormatError

VERSION = 1
DESCRIPTION = "hashlens"
"""Of each collection that was made here; no other one is ever dropped."""

MAX_TEXT = 65_535
"""Bytes that a VARCHAR holds."""

_READY = "ready"


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


class Wanted(NamedTuple):
    """A collection that is to be made: what it is, and the model's files."""

    n_bits: int
    n_features: int
    keep_pictures: bool
    files: dict[str, bytes]


def read_facts(connection: Connection) -> Facts | None:
    """Read what the collection is; None if there is none, or one that was never finished.

    Raises
    ------
    FormatError
        If it is of a newer version.
    """
    if not connection.exists(connection.meta):
        return None
    _load(connection, connection.meta, 1)
    text = Meta(connection).written_once(_READY)
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
    _load(connection, connection.items, facts.replicas)
    if facts.n_features:
        _load(connection, connection.features, facts.replicas)
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


def make(connection: Connection, wanted: Wanted) -> None:
    """Make an empty collection; what a killed creation left is dropped first.

    It exists once the row that says so is written, as the last one.

    Raises
    ------
    InputError
        If there is one.
    BusyError
        If someone else is making it.
    """
    check_free(connection)
    _make_meta(connection)
    meta = Meta(connection)
    with right_to_write(meta, connection.place):
        check_free(connection)  # another may have made it, until the right was there
        meta.drop(list(meta.keys_below("file/")))
        facts = _facts(connection.address, wanted)
        _make_items(connection, facts)
        for name, content in wanted.files.items():
            meta.put_file(name, content)
        meta.put_numbers(revision=0, next_id=1, n_items=0)  # SQLite's ids begin at 1, too
        meta.put({_READY: json.dumps(asdict(facts))})


def _facts(address: Address, wanted: Wanted) -> Facts:
    return Facts(
        n_bits=wanted.n_bits,
        n_features=wanted.n_features,
        keep_pictures=wanted.keep_pictures,
        shards=address.shards or 1,
        replicas=address.replicas or 1,
        index=address.index or "BIN_FLAT",
        files={
            name: StoredFile(len(content), sha256(content).hexdigest())
            for name, content in wanted.files.items()
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _make_meta(connection: Connection) -> None:
    """Make the collection of texts, or finish it; what is in it stays."""
    from pymilvus import DataType

    if not connection.exists(connection.meta):
        schema = _schema(connection)
        schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=1024)
        schema.add_field("value", DataType.VARCHAR, max_length=MAX_TEXT)
        schema.add_field("pad", DataType.BINARY_VECTOR, dim=8)
        _create(connection, connection.meta, schema, 1)
    _index(connection, connection.meta, "pad", ("BIN_FLAT", "HAMMING"))
    _load(connection, connection.meta, 1)


def _make_items(connection: Connection, facts: Facts) -> None:
    with ThreadPoolExecutor(2) as pool:  # loading takes seconds, even of nothing
        made = [pool.submit(make, connection, facts) for make in (_make_codes, _make_features)]
        for each in made:
            each.result()


def _make_codes(connection: Connection, facts: Facts) -> None:
    from pymilvus import DataType

    _drop(connection, connection.items)
    schema = _schema(connection)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("code", DataType.BINARY_VECTOR, dim=8 * code_size(facts.n_bits))
    for field in ("path", "name", "label", "added"):
        schema.add_field(field, DataType.VARCHAR, max_length=MAX_TEXT)
    schema.add_field("content_hash", DataType.VARCHAR, max_length=64)
    schema.add_field("has_file", DataType.BOOL)
    schema.add_field("metadata", DataType.JSON)
    _create(connection, connection.items, schema, facts.shards)
    _index(connection, connection.items, "code", (facts.index, "HAMMING"))
    _load(connection, connection.items, facts.replicas)


def _make_features(connection: Connection, facts: Facts) -> None:
    """Make a collection of their own: before server 2.4, one has no more than one vector field."""
    from pymilvus import DataType

    _drop(connection, connection.features)
    if not facts.n_features:
        return
    schema = _schema(connection)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=facts.n_features)
    _create(connection, connection.features, schema, facts.shards)
    _index(connection, connection.features, "vector", ("FLAT", "IP"))
    _load(connection, connection.features, facts.replicas)


def _drop(connection: Connection, name: str) -> None:
    """Drop what a killed creation left, if there is anything."""
    with connection.calling(f"dropping {name}"):
        connection.client.drop_collection(name, timeout=CALL_SECONDS)


def _schema(connection: Connection) -> Any:
    return connection.client.create_schema(
        auto_id=False, enable_dynamic_field=False, description=DESCRIPTION
    )


def _create(connection: Connection, name: str, schema: Any, shards: int) -> None:
    with connection.calling(f"making {name}"):
        connection.client.create_collection(
            name,
            schema=schema,
            num_shards=shards,
            consistency_level="Strong",
            timeout=CALL_SECONDS,
        )


def _index(connection: Connection, name: str, field: str, kind: tuple[str, str]) -> None:
    """Make an index over the vectors, without which a collection cannot be loaded."""
    client = connection.client
    params = client.prepare_index_params()
    params.add_index(field, index_type=kind[0], metric_type=kind[1])
    with connection.calling(f"making an index of {name}"):
        client.create_index(name, params, timeout=CALL_SECONDS)


def _load(connection: Connection, name: str, replicas: int) -> None:
    """See to it that a collection can be searched; it stays so until someone changes that."""
    with connection.calling(f"loading {name}"):
        state = connection.client.get_load_state(name, timeout=CALL_SECONDS)["state"]
        if state.name != "Loaded":
            connection.client.load_collection(name, replica_number=replicas, timeout=LOAD_SECONDS)
