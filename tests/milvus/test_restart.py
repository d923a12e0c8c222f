"""The server of a collection is killed while it is written to: nothing acknowledged is lost."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hashlens.collection import Collection
from hashlens.errors import HashlensError, UnreachableError
from small_collections import small_model, write_photos

pytestmark = pytest.mark.servers


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    milvus_here = pytest.importorskip("milvus_here", exc_type=ImportError)
    pytest.importorskip("pymilvus")
    server = milvus_here.Standalone(tmp_path / "server", overrides=milvus_here.QUICK_READS)
    try:
        server.start()
    except ImportError as error:
        pytest.skip(str(error))
    yield server
    server.stop()


def test_kill_9_of_the_server_loses_nothing_that_was_written(server: Any, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 40)
    places = [str(tmp_path / "c.hl"), f"{server.url}/photos"]
    folder, milvus = (Collection.create(place, small_model(24)) for place in places)
    for collection in (folder, milvus):
        collection.add(photos)
        collection.update([{"id": 3, "year": 2020}, {"id": 4, "label": "dog"}])
        collection.remove([1, 40])
    server.kill("standalone")
    with pytest.raises(UnreachableError, match="must answer"):
        milvus.search(2)
    server.revive("standalone")
    _until_it_answers(milvus)
    for collection in (milvus, Collection.open(places[1])):
        found, wanted = (each.search_many(range(2, 40), 9) for each in (collection, folder))
        for here, there in zip(found, wanted, strict=True):
            assert not here.partial
            assert here.ids.tolist() == there.ids.tolist()
            assert here.distances.tolist() == there.distances.tolist()
            assert here.similarities is not None
            assert there.similarities is not None
            assert here.similarities.tolist() == there.similarities.tolist()
        assert collection.select("year = 2020").tolist() == [3]
        assert collection.item(4).label == "dog"
    assert milvus.add(photos).added == folder.add(photos).added == 2
    assert [item.id for item in milvus.items()] == [item.id for item in folder.items()]


def _until_it_answers(collection: Collection) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            if not collection.search(2).partial:
                return
        except HashlensError:
            assert time.monotonic() < end
        time.sleep(0.2)
