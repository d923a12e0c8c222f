"""Making the three collections on a server that are one: whole or not at all."""

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from hashlens.codes import code_size
from hashlens.collection.milvus.connection import CALL_SECONDS, Connection
from hashlens.collection.milvus.layout import (
    DESCRIPTION,
    MAX_TEXT,
    READY,
    Facts,
    StoredFile,
    check_free,
    see_loaded,
)
from hashlens.collection.milvus.meta import Meta
from hashlens.collection.milvus.right import right_to_write
from hashlens.collection.milvus.url import Address
from hashlens.collection.new import NewCollection
from hashlens.model_store import MODEL_FILE, WEIGHTS_FILE


def make_whole(connection: Connection, new: NewCollection) -> None:
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
    files = _model_files(new)
    _make_meta(connection)
    meta = Meta(connection)
    with right_to_write(meta, connection.place):
        check_free(connection)  # another may have made it, until the right was there
        meta.drop(list(meta.keys_below("file/")))
        facts = _facts(connection.address, new, files)
        _make_items(connection, facts)
        for name, content in files.items():
            meta.put_file(name, content)
        meta.put_numbers(revision=0, next_id=1, n_items=0)  # SQLite's ids begin at 1, too
        meta.put({READY: json.dumps(asdict(facts))})


def _facts(address: Address, new: NewCollection, files: dict[str, bytes]) -> Facts:
    return Facts(
        n_bits=new.n_bits,
        n_features=new.n_features,
        keep_pictures=new.keep_pictures,
        shards=address.shards or 1,
        replicas=address.replicas or 1,
        index=address.index or "BIN_FLAT",
        files={
            name: StoredFile(len(content), sha256(content).hexdigest())
            for name, content in files.items()
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
    see_loaded(connection, connection.meta, connection.address.replicas or 1)


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
    see_loaded(connection, connection.items, facts.replicas)


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
    see_loaded(connection, connection.features, facts.replicas)


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


def _model_files(new: NewCollection) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "model"
        new.write_model(folder)
        return {name: (folder / name).read_bytes() for name in (MODEL_FILE, WEIGHTS_FILE)}
