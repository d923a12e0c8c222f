"""Duplicates over HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hashlens.collection import Collection


@pytest.fixture
def doubled(photos: Collection, tmp_path: Path, picture: Callable[..., bytes]) -> Collection:
    """The collection, with three copies of one photo and two of another."""
    for name, seed in (("a", 1), ("b", 1), ("c", 1), ("d", 2), ("e", 2)):
        file = tmp_path / "copies" / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(picture(seed))
    photos.add(tmp_path / "copies")
    return photos


def test_groups_of_identical_bytes(client: TestClient, doubled: Collection) -> None:
    answer = client.get("/duplicates?tier=identical").json()
    sizes = [len(group["items"]) for group in answer["groups"]]
    assert sorted(sizes) == [3, 4]
    assert (answer["total"], answer["n_items"]) == (2, 7)
    assert (answer["tier"], answer["radius"], answer["similarity"]) == ("identical", None, None)
    for group in answer["groups"]:
        assert len({item["content_hash"] for item in group["items"]}) == 1
        assert {item["distance"] for item in group["items"]} == {0}
        assert {(item["width"], item["height"]) for item in group["items"]} == {(24, 24)}
        size = Path(doubled.item(group["items"][0]["id"]).path).stat().st_size
        assert {item["size_bytes"] for item in group["items"]} == {size}


def test_groups_are_those_of_the_collection(client: TestClient, doubled: Collection) -> None:
    found = doubled.duplicates("same", radius=4, similarity=0.5)
    answer = client.get("/duplicates?radius=4&similarity=0.5").json()
    expected = [
        [(each.id, each.distance) for each in (group.kept, *group.others)] for group in found.groups
    ]
    shown = [
        [(item["id"], item["distance"]) for item in group["items"]] for group in answer["groups"]
    ]
    assert shown == expected
    assert (answer["radius"], answer["similarity"]) == (4, 0.5)
    assert answer["spare_bytes"] == found.spare_bytes
    second = client.get("/duplicates?radius=4&similarity=0.5&first=1&n=1").json()
    assert second["groups"] == answer["groups"][1:2]
    assert second["total"] == answer["total"]


def test_they_are_looked_for_once_a_commit(
    client: TestClient, doubled: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    plain = type(doubled).duplicates

    def counted(self: Collection, *words: Any, **more: Any) -> Any:
        calls.append(words)
        return plain(self, *words, **more)

    monkeypatch.setattr(type(doubled), "duplicates", counted)
    first = client.get("/duplicates").json()
    assert client.get("/duplicates?n=1").json()["total"] == first["total"]
    assert len(calls) == 1
    client.delete(f"/items/{first['groups'][0]['items'][0]['id']}")
    again = client.get("/duplicates").json()
    assert again["revision"] > first["revision"]
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("words", "status", "field"),
    [
        ("tier=other", 422, "tier"),
        ("radius=17", 422, "radius"),
        ("similarity=2", 422, "similarity"),
        ("n=0", 422, "n"),
        ("tier=identical&radius=1", 409, "radius"),
        ("where=1", 422, "where"),
    ],
)
def test_wrong_requests_are_refused(
    client: TestClient, words: str, status: int, field: str
) -> None:
    response = client.get(f"/duplicates?{words}")
    assert (response.status_code, response.json()["field"]) == (status, field)
