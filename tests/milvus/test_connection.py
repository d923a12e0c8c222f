"""Connections that do not come about, and what is said of them; no server is needed."""

import socket
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from hashlens.collection import Collection
from hashlens.collection.milvus import connection as module
from hashlens.collection.milvus.batches import batches
from hashlens.collection.milvus.connection import Connection
from hashlens.collection.milvus.url import read_url
from hashlens.errors import HashlensError, InputError, MissingExtraError, UnreachableError

SECRET = "s3cret"


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where somebody listens and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def unused() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Client:
    """Stands for a client of pymilvus; fails as it is told."""

    def __init__(self, version: str = "v2.3.5", error: Exception | None = None) -> None:
        self.version, self.error = version, error

    def get_server_version(self, timeout: float) -> str:
        assert timeout <= module.CONNECT_SECONDS
        return self.version

    def query(self, *_: Any, **how: Any) -> list[dict[str, Any]]:
        assert how["timeout"] <= module.CALL_SECONDS
        if self.error is not None:
            raise self.error
        return [{"count(*)": 3}]


def connected(client: Client) -> Connection:
    pytest.importorskip("pymilvus")
    with patch("pymilvus.MilvusClient", return_value=client):
        return Connection(read_url(f"milvus://ada:{SECRET}@db/photos"))


def test_a_server_that_is_not_there_is_told_at_once(unused: int) -> None:
    pytest.importorskip("pymilvus")
    started = time.monotonic()
    for use in (Collection.open, Collection.exists):
        with pytest.raises(UnreachableError) as caught:
            use(f"milvus://ada:{SECRET}@127.0.0.1:{unused}/photos")
        assert f"milvus://127.0.0.1:{unused}/photos must answer" in str(caught.value)
        assert SECRET not in repr(caught.value)
    assert time.monotonic() - started < 5


def test_a_server_that_says_nothing_is_told_after_a_few_seconds(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pymilvus")
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.5)
    started = time.monotonic()
    with pytest.raises(UnreachableError, match=r"must answer, when letting in\. Got "):
        Connection(read_url(f"milvus://127.0.0.1:{silent}/photos"))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("version", ["2.2.9", "v2.2.16", "1.1.0-dev"])
def test_a_server_that_is_too_old_is_refused(version: str) -> None:
    with pytest.raises(HashlensError, match=f"must be Milvus 2.3 or newer. Got {version}"):
        connected(Client(version))


@pytest.mark.parametrize("version", ["v2.3.5-lite", "2.6.0", "master-20260101-abcdef", "3.0"])
def test_newer_servers_and_builds_without_a_number_are_taken(version: str) -> None:
    assert connected(Client(version)).count("photos") == 3


def test_errors_say_what_was_wanted_and_what_came_without_secrets() -> None:
    exceptions = pytest.importorskip("pymilvus.exceptions")
    grpc = pytest.importorskip("grpc")

    class Late(grpc.RpcError):  # type: ignore[misc]
        def code(self) -> Any:
            return grpc.StatusCode.DEADLINE_EXCEEDED

        def __str__(self) -> str:
            return "Deadline Exceeded"

    late = Late()
    gone = exceptions.DescribeCollectionException(100, "can't find collection photos")
    for error, kind, message in (
        (exceptions.MilvusException(2, "Fail connecting"), UnreachableError, "Fail connecting"),
        (exceptions.MilvusException(503, "channel not available"), UnreachableError, "channel"),
        (late, UnreachableError, "Deadline Exceeded"),
        (gone, InputError, "of which a part is gone: can't find collection photos"),
        (exceptions.MilvusException(65535, f"no {SECRET}\nmore"), HashlensError, r"no \*\*\*\.$"),
        (exceptions.MilvusException(65535, "x" * 1000), HashlensError, r"x{200,}\.\.\.\.$"),
    ):
        connection = connected(Client(error=error))
        with pytest.raises(kind, match=message) as caught:
            connection.query("photos", "id > 0", ["id"])
        assert type(caught.value) is kind
        assert "milvus://db:19530/photos" in str(caught.value)
        assert SECRET not in str(caught.value)
        assert caught.value.__suppress_context__


def test_a_server_is_asked_for_a_sign_of_life_after_a_while() -> None:
    exceptions = pytest.importorskip("pymilvus.exceptions")
    client = Client()
    connection = connected(client)
    away = exceptions.MilvusException(2, "Fail connecting")
    with patch.object(client, "get_server_version", side_effect=away):
        assert connection.count("photos") == 3
        connection._heard -= 2
        with pytest.raises(UnreachableError, match=r"a sign of life\. Got Fail connecting"):
            connection.count("photos")


def test_without_pymilvus_the_install_words_are_given() -> None:
    with (
        patch.dict(sys.modules, {"pymilvus": None}),
        pytest.raises(MissingExtraError, match=r"pip install 'hashlens\[milvus\]'"),
    ):
        Collection.open("milvus://127.0.0.1:1/photos")


def test_what_is_written_is_cut_by_bytes_and_rows() -> None:
    vector = SimpleNamespace(nbytes=5 << 20)
    assert [len(batch) for batch in batches([{"vector": vector}] * 7)] == [3, 3, 1]
    assert [len(batch) for batch in batches([{"id": 1}] * 20_000)] == [8192, 8192, 3616]
    big = {"metadata": {"text": "ü" * (4 << 20)}}
    assert [len(batch) for batch in batches([big, {"code": b"x" * (9 << 20)}, big])] == [1, 1, 1]
    assert list(batches([])) == []
