"""The nearest codes on a real Milvus: by distance and then id, as a scan of all has them."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from hashlens.codes import hamming
from hashlens.collection.milvus.connection import Connection
from hashlens.collection.milvus.nearest import MOST_HITS, CodeSearch
from hashlens.collection.milvus.url import read_url
from hashlens.errors import InputError
from hashlens.neighbors import MISSING_DISTANCE, MISSING_ID

pytestmark = pytest.mark.servers

N, N_BITS = 40_000, 12
SAME = 30_000  # of the items have one code: more than Milvus gives for one query
_rng = np.random.default_rng(0)
IDS = np.sort(_rng.choice(10 * N, N, replace=False)) + 1
CODES = _rng.integers(0, 256, (N, 2), dtype=np.uint8) & np.array([255, 15], np.uint8)
CODES[_rng.permutation(N)[:SAME]] = (0b1010_1010, 0b1010)
QUERIES = np.array([[0b1010_1010, 0b1010], [0b1010_1011, 0b1010], [0, 0], [255, 15]], np.uint8)


@pytest.fixture(scope="module")
def connection(milvus: str) -> Connection:
    """A collection that has codes alone, in no order of ids."""
    from pymilvus import DataType

    connection = Connection(read_url(f"{milvus}/nearest"))
    schema = connection.client.create_schema(auto_id=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("code", DataType.BINARY_VECTOR, dim=16)
    index = connection.client.prepare_index_params()
    index.add_index("code", index_type="BIN_FLAT", metric_type="HAMMING")
    connection.client.create_collection("nearest", schema=schema, index_params=index)
    order = np.random.default_rng(1).permutation(N).tolist()
    connection.upsert("nearest", _rows(order))
    assert connection.count("nearest") == N
    return connection


def _rows(order: list[int]) -> Iterable[dict[str, Any]]:
    return ({"id": int(IDS[i]), "code": CODES[i].tobytes()} for i in order)


def scanned(ids: np.ndarray, codes: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    distances = hamming(QUERIES, codes, N_BITS)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]  # ids ascend already
    return np.take_along_axis(distances, order, 1), ids[order]


@pytest.mark.parametrize("k", [1, 10, 500, 9_000, MOST_HITS])
def test_ties_at_the_last_place_are_those_of_the_smallest_ids(
    connection: Connection, k: int
) -> None:
    near = CodeSearch(connection, "", "Session").nearest(QUERIES, k)
    distances, ids = scanned(IDS, CODES, k)
    assert near.distances.dtype == np.int32
    assert (near.distances == distances).all()
    assert (near.ids == ids).all()


def test_a_filter_is_asked_before_the_k_are_chosen(connection: Connection) -> None:
    expression = "id % 3 == 1 or id < 1000"
    allowed = (IDS % 3 == 1) | (IDS < 1000)
    near = CodeSearch(connection, expression, "Strong").nearest(QUERIES, 300)
    distances, ids = scanned(IDS[allowed], CODES[allowed], 300)
    assert (near.distances == distances).all()
    assert (near.ids == ids).all()


def test_what_is_not_there_is_missing(connection: Connection) -> None:
    few = IDS[:3]
    near = CodeSearch(connection, f"id <= {few[-1]}", "Session").nearest(QUERIES, 5)
    assert sorted(near.ids[0, :3]) == few.tolist()
    assert (near.ids[:, 3:] == MISSING_ID).all()
    assert (near.distances[:, 3:] == MISSING_DISTANCE).all()
    assert not CodeSearch(connection, "id < 0", "Session").nearest(QUERIES, 5).found.any()


def test_queries_come_in_blocks(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    search: Callable[..., Any] = connection.client.search

    def counted(*args: Any, data: list[bytes], **more: Any) -> Any:
        sizes.append(len(data))
        return search(*args, data=data, **more)

    monkeypatch.setattr(connection.client, "search", counted)
    many = np.tile(QUERIES[2:], (300, 1))
    near = CodeSearch(connection, "", "Session").nearest(many, 20)
    assert len(near) == 600
    assert max(sizes) == 256
    assert (near.ids == np.tile(near.ids[:2], (300, 1))).all()


def test_more_than_milvus_gives_is_refused(connection: Connection) -> None:
    with pytest.raises(InputError, match=r"k must be at most 16,384 on Milvus, or 1,638 .*16385"):
        CodeSearch(connection, "", "Session").nearest(QUERIES, MOST_HITS + 1)
