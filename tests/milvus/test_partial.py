"""Answers in which a part of a collection is missing: said to be partial, each of them."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from hashlens import Code
from hashlens.codes import hamming
from hashlens.collection import Collection, Hits
from hashlens.collection.milvus.health import Reach
from hashlens.collection.opened import open_store
from hashlens.collection.records import Record, Records
from hashlens.errors import HashlensError, UnreachableError
from small_collections import small_model


class Server:
    """Counts and numbers of a collection that come one after the other; errors are raised."""

    meta, items = "p_meta", "p"

    def __init__(self, counts: Sequence[int | Exception], least: Sequence[int]) -> None:
        self.counts, self.least = list(counts), list(least)
        self.asked: list[tuple[str, str]] = []

    def count(self, *_: object, consistency: str) -> int:
        self.asked.append(("count", consistency))
        found = self.counts.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def query(self, *_: object, consistency: str) -> list[dict[str, Any]]:
        self.asked.append(("meta", consistency))
        numbers = {"revision": 3, "n_items": self.least.pop(0)}
        return [{"key": key, "value": str(value)} for key, value in numbers.items()]


def reach(server: Server, n_replicas: int = 1) -> Reach:
    return Reach(server, n_replicas, "Session")  # type: ignore[arg-type]


def test_as_many_rows_as_are_known_are_the_whole() -> None:
    server = Server([100, 100], [100])
    looked = reach(server)
    assert (looked.revision, looked.n_items, looked.is_whole()) == (3, 100, True)
    assert [consistency for _, consistency in server.asked] == ["Session"] * 3  # none that waits


@pytest.mark.parametrize(
    ("counts", "least"),
    [
        ([50, 50, 100], [100, 100, 100]),  # before the search
        ([100, 50], [100, 100]),  # after it
        ([0, 0, 0], [100, 100, 100]),
        ([100, UnreachableError("p must answer. Got nothing.")], [100]),
    ],
)
def test_fewer_rows_are_a_part(counts: list[int | Exception], least: list[int]) -> None:
    looked = reach(Server(counts, least))
    assert looked.n_items == 100
    assert not looked.is_whole()


def test_rows_that_come_late_are_waited_for() -> None:
    server = Server([90, 100, 100], [100, 100])
    assert reach(server).is_whole()
    assert [consistency for _, consistency in server.asked] == ["Session"] * 2 + ["Strong"] * 2 + [
        "Session"
    ]


def test_rows_that_were_removed_meanwhile_are_not_missing() -> None:
    assert reach(Server([100, 90], [100, 90])).is_whole()
    assert not reach(Server([100, 90], [100, 91])).is_whole()


def test_more_is_counted_where_there_are_more_replicas() -> None:
    assert not reach(Server([100, 100, 100, 50], [100, 100]), n_replicas=2).is_whole()


N, N_BITS, K = 30_000, 64, 10
CODES = np.random.default_rng(0).integers(0, 256, (N, N_BITS // 8), dtype=np.uint8)
QUERIES = [Code(N_BITS, CODES[i].tobytes()) for i in range(4)]


def records(ids: Sequence[int], codes: np.ndarray) -> Records:
    none = bytes(32)
    items = [Record(i, f"image {i}", False, none, None, {}, None) for i in ids]
    return Records(items, codes, None)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    milvus_here = pytest.importorskip("milvus_here", exc_type=ImportError)
    pytest.importorskip("pymilvus")
    server = milvus_here.Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        server.start()
    except ImportError as error:
        pytest.skip(str(error))
    yield server
    server.stop()


def nearest(codes: np.ndarray) -> np.ndarray:
    distances = hamming(np.stack([query.row for query in QUERIES]), codes, N_BITS)
    return np.argsort(distances, axis=1, kind="stable")[:, :K] + 1


@pytest.mark.servers
def test_no_answer_of_a_cluster_that_lost_a_node_is_passed_off_as_whole(
    cluster: Any,
) -> None:
    place = f"{cluster.url}/photos?shards=2&consistency=bounded"
    Collection.create(place, small_model(N_BITS), store_features=False)
    with open_store(place).receiving() as receiver:
        for start in range(0, N, 10_000):
            part = range(start, start + 10_000)
            receiver.put(records([i + 1 for i in part], CODES[start : start + 10_000]), [])
    collection = Collection.open(place)
    truth = nearest(CODES)
    flush = collection._store._connection.client.flush  # type: ignore[attr-defined]
    flush("photos")  # so that there are sealed segments, which a new node must load

    def ask() -> list[Hits]:
        return collection.search_many(QUERIES, K)

    def is_exact(hits: list[Hits]) -> bool:
        return all(np.array_equal(each.ids, ids) for each, ids in zip(hits, truth, strict=True))

    _until_exact(ask, is_exact, 20)
    healthy = _seen(ask, is_exact, seconds=5)
    assert set(healthy) == {"exact"}  # and so no false alarm
    with open_store(place).receiving() as receiver:  # nor one while items are added and removed
        for i in range(3):
            receiver.put(records([N + 1 + i], 255 - CODES[:1]), [])
            receiver.remove([N + i])
            assert set(_seen(ask, is_exact, seconds=0.5)) == {"exact"}
    cluster.kill("querynode-0")
    seen = _until_exact(ask, is_exact, 20)
    assert seen["wrong"] == 0
    assert seen["error"] + seen["partial"] > 0  # something was seen of it


def _seen(
    ask: Callable[[], list[Hits]], is_exact: Callable[[list[Hits]], bool], *, seconds: float
) -> Counter[str]:
    seen: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen[_one(ask, is_exact)] += 1
    return seen


def _until_exact(
    ask: Callable[[], list[Hits]], is_exact: Callable[[list[Hits]], bool], times: int
) -> Counter[str]:
    """Ask until so many answers in a row are whole and right."""
    seen: Counter[str] = Counter()
    in_a_row = 0
    end = time.monotonic() + 60
    while in_a_row < times:
        assert time.monotonic() < end, seen
        found = _one(ask, is_exact)
        seen[found] += 1
        in_a_row = in_a_row + 1 if found == "exact" else 0
    return seen


def _one(ask: Callable[[], list[Hits]], is_exact: Callable[[list[Hits]], bool]) -> str:
    try:
        hits = ask()
    except HashlensError:
        time.sleep(0.05)
        return "error"
    flagged = any(each.partial for each in hits)
    if is_exact(hits):
        return "exact, said to be partial" if flagged else "exact"
    return "partial" if flagged else "wrong"
