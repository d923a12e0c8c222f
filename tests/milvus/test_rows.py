"""What stands in the rows of a real Milvus: pictures, items received, numbers, many rows."""

import hashlib
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from hashlens.collection import Collection
from hashlens.collection.milvus.connection import Connection
from hashlens.collection.milvus.meta import PIECE_BYTES
from hashlens.collection.milvus.reading import stream
from hashlens.collection.milvus.target import writing_to
from hashlens.collection.records import Records
from hashlens.data import ArrayImages, decode_image
from hashlens.errors import FormatError, InputError
from milvus_rows import SEEN_BY_ALL, all_of, store_of
from small_collections import write_photos

pytestmark = pytest.mark.servers


def test_pictures_without_a_file_are_kept_in_pieces(photos: Collection) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 200, 200, 3), np.uint8)
    assert photos.add(ArrayImages(pixels)).added == 2
    first, second = (item.id for item in photos.items())
    kept = photos.picture(first)
    assert isinstance(kept, bytes)
    assert len(kept) > 2 * PIECE_BYTES
    assert (decode_image(kept) == pixels[0]).all()
    assert photos.stats().n_pictures == 2
    store = store_of(photos)
    content = bytes.fromhex(photos.item(first).content_hash)
    key = f"piece/{content.hex()}/1"
    text = store._meta.texts([key])[key]
    store._meta.put({key: "AAAA" + text[4:]})
    time.sleep(SEEN_BY_ALL)
    with pytest.raises(FormatError, match=r"the picture .* as it was written"):
        photos.picture(first)
    photos.remove([first])
    assert store.kept_picture(content) is None
    assert photos.stats().n_pictures == 1
    assert isinstance(photos.picture(second), bytes)


def test_items_of_another_collection_are_received(photos: Collection, tmp_path: Path) -> None:
    local = Collection.create(tmp_path / "c.hl", photos.model)
    local.add(write_photos(tmp_path / "photos", 7))
    store = store_of(photos)
    (sent,) = local._store.records()
    assert sent.vectors is not None
    with store.receiving() as receiver:
        receiver.put(sent, [(b"\1" * 32, b"picture")])
        assert receiver.has_picture(b"\1" * 32)
        assert not receiver.has_picture(b"\2" * 32)
        receiver.reserve(10**6)
        swapped = [sent.items[0]._replace(path=sent.items[1].path)]
        receiver.put(Records(swapped, sent.codes[:1], sent.vectors[:1]), [])
    assert store.kept_picture(b"\1" * 32) == b"picture"
    assert store.next_id >= 10**6
    found = all_of(photos)
    assert list(found) == [1, *range(3, 8)]  # 2 was at the path that 1 has now
    assert found[1][0] == swapped[0]
    assert [found[i][0] for i in range(3, 8)] == sent.items[2:]
    with store.receiving() as receiver:
        receiver.remove([1])
        too_big = sent.items[2]._replace(metadata={"n": 2**70})
        with pytest.raises(InputError, match="item 3 must be one that Milvus can hold"):
            receiver.put(Records([too_big], sent.codes[:1], sent.vectors[:1]), [])
    assert list(all_of(photos)) == [*range(3, 8)]
    store._meta.drop_pictures([b"\1" * 32])


def test_the_number_of_items_is_never_said_too_high(photos: Collection, tmp_path: Path) -> None:
    store = store_of(photos)
    said: list[tuple[int, int]] = []

    def looking(name: str) -> Any:
        real = getattr(Connection, name)

        def called(self: Connection, collection: str, what: Any) -> None:
            real(self, collection, what)
            said.append((store._meta.numbers("n_items")[0], store.n_items))

        return patch.object(Connection, name, called)

    with looking("upsert"), looking("delete"):
        photos.add(write_photos(tmp_path / "photos", 6))
        photos.remove([item.id for item in photos.items()[:4]])
    assert all(bound <= there for bound, there in said)
    assert (0, 6) in said
    assert said[-1] == (2, 2)


def test_what_stands_in_many_rows_is_read_in_order(photos: Collection) -> None:
    store = store_of(photos)
    first = 10**7
    with writing_to(store._connection, store._facts) as target:
        ids = first + 10 * np.random.default_rng(0).permutation(20_000)
        vector = np.ones(store.n_features, np.float16)
        target.write_features(ids.tolist(), [vector] * len(ids))
    connection = store._connection
    pages = list(stream(connection, connection.features, ["id"], after=first - 1))
    assert [len(page) for page in pages] == [16_384, 20_000 - 16_384]
    assert [row["id"] for page in pages for row in page] == sorted(ids)
    connection.delete(connection.features, ids)
    names = [f"key/{i:05}" for i in range(6000)]
    store._meta.put(dict.fromkeys(names, "x"))
    assert list(store._meta.keys_below("key/")) == sorted({*names, *store._meta.below("key/")})
    store._meta.drop(names)


def test_a_file_of_many_bytes_is_cut_for_the_server(photos: Collection) -> None:
    content = np.random.default_rng(0).bytes(17 << 20)  # base64 makes more than one call of it
    digest = hashlib.sha256(content).hexdigest()
    meta = store_of(photos)._meta
    meta.put_file("big", content)
    assert meta.file("big", len(content), digest) == content
    meta.drop(list(meta.keys_below("file/big/")))
