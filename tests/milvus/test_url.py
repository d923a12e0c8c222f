"""URLs of collections on Milvus: what they say, what is wrong with them, and what is not shown."""

import re
from typing import Any

import pytest

from hashlens.collection.milvus.url import read_url, shown
from hashlens.errors import InputError

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("url", "place", "said"),
    [
        ("milvus://db:1000/photos", "milvus://db:1000/photos", {"port": 1000, "token": ""}),
        ("milvus://db/photos", "milvus://db:19530/photos", {"uri": "http://db:19530"}),
        ("milvus://[::1]:7/p", "milvus://[::1]:7/p", {"uri": "http://[::1]:7", "host": "::1"}),
        ("milvus://a:b%40%3Ac@db/p", "milvus://db:19530/p", {"token": "a:b@:c"}),
        (
            "milvus://db/p?shards=2&replicas=3&consistency=bounded&index=BIN_FLAT",
            "milvus://db:19530/p?shards=2&replicas=3&consistency=bounded&index=BIN_FLAT",
            {"shards": 2, "replicas": 3, "consistency": "bounded", "index": "BIN_FLAT"},
        ),
        (
            "milvus://db/p?tls=1&database=d2",
            "milvus://db:19530/p?tls=1&database=d2",
            {"uri": "https://db:19530", "database": "d2", "shards": None},
        ),
    ],
)
def test_what_a_url_says(url: str, place: str, said: dict[str, Any]) -> None:
    address = read_url(url)
    assert address.place == place
    assert {name: getattr(address, name) for name in said} == said
    assert read_url(address.place).place == place


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"milvus://u:{SECRET}@/photos", "where the server cannot be read"),
        (f"milvus://u:{SECRET}@db:port/photos", "Got milvus://db:port/photos, where the server"),
        (f"milvus://u:{SECRET}@db:0/photos", "where the server"),
        (f"milvus://u:{SECRET}@[::1/photos", "where the server"),
        (f"milvus://u:{SECRET}@db/photos#{SECRET}", "where the server"),
        (f"milvus://u:{SECRET}@db/", "the name of a collection on Milvus must be letters"),
        (f"milvus://u:{SECRET}@db/my-photos", "Got 'my-photos'"),
        (f"milvus://u:{SECRET}@db/a/b", "Got 'a/b'"),
        (f"milvus://u:{SECRET}@db/7up", "Got '7up'"),
        (f"milvus://u:{SECRET}@db/photos_meta", "one that does not end with"),
        (f"milvus://db/photos?passwd={SECRET}", "must be one of shards, .* Got 'passwd'"),
        (f"milvus://db/photos?{SECRET}", "where the options cannot be read"),
        ("milvus://db/photos?shards=0", "shards must be an int from 1 to 64. Got 0"),
        ("milvus://db/photos?replicas=two", "replicas must be an int from 1 to 64. Got 'two'"),
        ("milvus://db/photos?tls=2", "tls must be an int from 0 to 1. Got 2"),
        ("milvus://db/photos?shards=1&shards=1", "given once"),
        ("milvus://db/photos?index=HNSW", "index must be one of BIN_FLAT. Got 'HNSW'"),
        ("milvus://db/photos?consistency=stong", "Did you mean 'strong'?"),
        ("milvus://db/photos?database=a b", "database must be the name of a database"),
        ("milvus://user@db/photos", "Got no password"),
        (f"milvus://:{SECRET}@db/photos", "Got no user"),
    ],
)
def test_what_is_wrong_is_said_without_secrets(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_url(url)
    assert SECRET not in str(caught.value)
    assert re.search(r" must be .*\. Got .*[.?]$", str(caught.value))


def test_a_secret_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASHLENS_MILVUS_TOKEN", SECRET)
    assert read_url("milvus://db/photos").token == SECRET
    assert read_url("milvus://ada@db/photos").token == f"ada:{SECRET}"
    assert read_url("milvus://ada:own@db/photos").token == "ada:own"
    assert SECRET not in repr(read_url("milvus://db/photos"))


@pytest.mark.parametrize(
    "url",
    [
        f"milvus://u:{SECRET}@db/p",
        f"milvus://u:{SECRET}/{SECRET}?{SECRET}@db/p",
        f"milvus://u:{SECRET}@{SECRET}@db/p",
        f"milvus://db/p?token={SECRET}",
        f"milvus://db/p?token=a@{SECRET}",
        f"milvus://u:{SECRET}#@db/p",
    ],
)
def test_no_url_shows_a_secret(url: str) -> None:
    assert SECRET not in shown(url)
