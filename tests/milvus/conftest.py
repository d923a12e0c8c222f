"""A real Milvus for the session, and names in it that nobody has used."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hashlens.collection import Collection
from small_collections import small_model

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of one process, less the name of a collection."""
    milvus_here = pytest.importorskip("milvus_here", exc_type=ImportError)
    pytest.importorskip("pymilvus")
    server = milvus_here.Standalone(
        tmp_path_factory.mktemp("milvus"), overrides=milvus_here.QUICK_READS
    )
    try:
        server.start()
    except ImportError as error:  # of the server's wheels, which not every machine can have
        pytest.skip(str(error))
    yield server.url
    server.stop()


@pytest.fixture
def fresh(milvus: str) -> Callable[[], str]:
    """Gives the URL of a collection that there is not."""
    return lambda: f"{milvus}/fresh_{next(_numbers)}"


@pytest.fixture(scope="session")
def place(milvus: str) -> str:
    """An empty collection with codes of 20 bits for several tests: making one takes seconds."""
    place = f"{milvus}/shared"
    Collection.create(place, small_model(20))
    return place


@pytest.fixture
def photos(place: str) -> Iterator[Collection]:
    """It, emptied at the end; ids go on."""
    collection = Collection.open(place)
    yield collection
    collection.remove(where="id >= 0")
    assert len(collection) == 0


@pytest.fixture(autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models that were loaded are kept: not in the user's own folder."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "hashlens").mkdir()
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hashlens"
    for server in users.glob("milvus-server-*"):  # unpacking it takes long
        (cache / "hashlens" / server.name).symlink_to(server)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.delenv("HASHLENS_MILVUS_TOKEN", raising=False)
    return cache / "hashlens" / "models"
