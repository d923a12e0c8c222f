"""Collections on a real Milvus: made whole or not at all, opened, and their models."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from hashlens.collection import Collection
from hashlens.collection.milvus import making
from hashlens.collection.milvus.connection import Connection
from hashlens.collection.milvus.layout import read_facts
from hashlens.collection.milvus.meta import Meta
from hashlens.collection.milvus.right import Right
from hashlens.collection.milvus.store import MilvusStore
from hashlens.collection.milvus.url import read_url
from hashlens.errors import BusyError, FormatError, HashlensError, InputError
from milvus_rows import SEEN_BY_ALL, store_of
from small_collections import small_model

pytestmark = pytest.mark.servers


def test_what_is_made_can_be_opened_and_tells_its_model(place: str, models: Path) -> None:
    collection = Collection.open(place)
    assert (len(collection), collection.n_bits, collection.stores_features) == (0, 20, True)
    assert collection.place == place
    assert Collection.exists(place)
    assert collection.card["n_bits"] == 20
    (kept,) = models.iterdir()
    assert [file.name for file in kept.iterdir()] == ["model.json"]
    pixels = np.zeros((1, 8, 8, 3), np.uint8)
    expected = small_model(20).embed_pixels(pixels)
    assert (collection.model.embed_pixels(pixels).codes == expected.codes).all()
    assert len(list(kept.iterdir())) == 2


def test_a_damaged_copy_of_the_model_is_fetched_again(place: str, models: Path) -> None:
    assert Collection.open(place).model.n_bits == 20
    (kept,) = models.iterdir()
    for file in kept.iterdir():
        content = file.read_bytes()
        file.write_bytes(content[:-1] + b"?")
        assert Collection.open(place).model.n_bits == 20
        assert file.read_bytes() == content


def test_a_damaged_model_on_the_server_is_an_error(place: str) -> None:
    store = store_of(Collection.open(place))
    key = "file/weights.safetensors/0"
    text = store._meta.texts([key])[key]
    try:
        store._meta.put({key: "AAAA" + text[4:]})
        time.sleep(SEEN_BY_ALL)
        with pytest.raises(FormatError, match=r"weights\.safetensors as it was written"):
            store.load_model()
        store._meta.drop([key])
        time.sleep(SEEN_BY_ALL)
        with pytest.raises(FormatError, match="Got missing or changed bytes"):
            store.load_model()
    finally:
        store._meta.put({key: text})


def test_a_cache_that_cannot_be_written_is_an_error(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(HashlensError, match=r"model\.json must be writable.*XDG_CACHE_HOME"):
        Collection.open(place).card  # noqa: B018 - fetches it


def test_what_is_taken_or_missing_is_refused(place: str, milvus: str) -> None:
    for make in (Collection.create, lambda where, _: MilvusStore.check_free(where)):
        with pytest.raises(InputError, match=r"must be a new one\. Got .*, which exists"):
            make(place, small_model(20))
    with pytest.raises(InputError, match=r"one that hashlens made\. Got .*: nothing"):
        Collection.open(f"{milvus}/nothing_here")
    assert not Collection.exists(f"{milvus}/nothing_here")
    MilvusStore.check_free(f"{milvus}/nothing_here")
    assert len(Collection.open(f"{place}?database=default&shards=1")) == 0
    with pytest.raises(InputError, match=r"shards must be 1, as the collection was made\. Got 2"):
        Collection.open(f"{place}?shards=2")
    with pytest.raises(InputError, match=r"database=another: nothing"):
        Collection.open(f"{place}?database=another")


def test_a_collection_of_someone_else_is_left_alone(fresh: Callable[[], str]) -> None:
    url = fresh()
    connection = Connection(read_url(url))
    connection.client.create_collection(connection.items, dimension=8, timeout=30)
    with pytest.raises(InputError, match=f"collection {connection.items} that hashlens has not"):
        Collection.create(url, small_model(20))
    with pytest.raises(InputError, match=r"Got .*: another one"):
        Collection.open(url)
    assert Collection.exists(url)
    assert connection.exists(connection.items)
    assert not connection.exists(connection.meta)


def test_a_creation_that_was_killed_is_none_and_the_next_one_succeeds(
    fresh: Callable[[], str],
) -> None:
    url, model = fresh(), small_model(20)
    with (
        patch.object(making, "_make_features", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        Collection.create(url, model)
    assert not Collection.exists(url)
    with pytest.raises(InputError, match=r"Got .*: nothing"):
        Collection.open(url)
    connection = Connection(read_url(url))
    other = Right(Meta(connection), url)
    other.take()
    with pytest.raises(BusyError, match="Got a writer already"):
        Collection.create(url, model)
    other.give_back()
    assert len(Collection.create(url, model, store_features=False)) == 0
    assert not Collection.open(url).stores_features
    assert not connection.exists(connection.features)


def test_a_newer_layout_is_refused(place: str) -> None:
    connection = Connection(read_url(place))
    texts = Meta(connection).texts(["ready"])
    try:
        Meta(connection).put({"ready": json.dumps(json.loads(texts["ready"]) | {"version": 2})})
        time.sleep(SEEN_BY_ALL)
        with pytest.raises(FormatError, match=r"layout version 1 or older\. Got 2"):
            read_facts(connection)
    finally:
        Meta(connection).put(texts)
        time.sleep(SEEN_BY_ALL)
