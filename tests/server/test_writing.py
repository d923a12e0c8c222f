"""Adding and removing over HTTP, and who may."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from hashlens.collection import Collection
from hashlens.collection.folder.lock import writer_lock

Serve = Callable[..., TestClient]


def add(client: TestClient, *images: bytes, **fields: str) -> Any:
    files = [("image", (f"owl {i}.png", image)) for i, image in enumerate(images)]
    return client.post("/items", files=files, data=fields)


def test_an_upload_becomes_an_item(
    client: TestClient, photos: Collection, picture: Callable[..., bytes]
) -> None:
    image = picture(300)
    response = add(client, image, label="owl", metadata=json.dumps({"year": 2020, "at": "lake"}))
    assert response.status_code == 201, response.text
    answer = response.json()
    (item,) = answer["items"]
    assert (answer["added"], answer["already"], item["already"]) == (1, 0, False)
    assert (item["label"], item["metadata"]) == ("owl", {"year": 2020, "at": "lake"})
    assert item["name"].endswith("-owl 0.png")
    assert client.get(item["image"]).content == image
    assert client.get(item["thumbnail"]).status_code == 200
    found = client.post("/search", files={"image": image}).json()
    assert found["hits"][0]["id"] == item["id"]
    assert found["n_items"] == 41
    assert [int(i) for i in photos.select("year = 2020 AND at = 'lake'")] == [item["id"]]
    assert photos.item(item["id"]).path.startswith(item["content_hash"][:16])


def test_what_is_there_is_not_added_again(
    client: TestClient, picture: Callable[..., bytes]
) -> None:
    known, new = picture(0), picture(301)
    answer = add(client, known, new, new).json()
    assert [item["already"] for item in answer["items"]] == [True, False, True]
    assert answer["items"][1]["id"] == answer["items"][2]["id"]
    assert (answer["added"], answer["already"]) == (1, 2)
    again = add(client, known, new)
    assert again.status_code == 200
    assert (again.json()["added"], again.json()["revision"]) == (0, answer["revision"])


def test_a_removed_item_is_gone(client: TestClient, picture: Callable[..., bytes]) -> None:
    assert client.delete("/items/7").status_code == 204
    assert client.delete("/items/7").status_code == 404
    assert client.get("/items/7").status_code == 404
    assert client.get("/search?id=7").status_code == 404
    assert 7 not in [hit["id"] for hit in client.get("/search?id=1&k=40").json()["hits"]]
    answer = add(client, picture(50)).json()
    client.delete(f"/items/{answer['items'][0]['id']}")
    assert add(client, picture(50)).json()["added"] == 1


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../../etc/passwd", "passwd"),
        ("C:\\photos\\x.png", "x.png"),
        ("a\r\nSet-Cookie: x.png", "a_0D_0ASet-Cookie_ x.png"),
        ("..", "image"),
        ("Eule 'am' See.png", "Eule _am_ See.png"),
        ("x" * 300 + ".png", "x" * 76 + ".png"),
    ],
)
def test_a_clients_name_is_made_harmless(
    client: TestClient, picture: Callable[..., bytes], name: str, kept: str
) -> None:
    response = client.post("/items", files={"image": (name, picture(302))})
    item = response.json()["items"][0]
    assert item["name"] == f"{item['content_hash'][:16]}-{kept}"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "x" * 201}, "label"),
        ({"label": "a\nb"}, "label"),
        ({"metadata": "[1]"}, "metadata"),
        ({"metadata": "{"}, "metadata"),
        ({"metadata": "[" * 5000}, "metadata"),
        ({"metadata": '{"path": "/x"}'}, "metadata"),
        ({"metadata": '{"ID": 1}'}, "metadata"),
        ({"metadata": '{"label": "x"}'}, "metadata"),
        ({"metadata": '{"a\\"b": 1}'}, "metadata"),
        ({"metadata": '{"a": NaN}'}, "metadata"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_fields_are_refused(
    client: TestClient, picture: Callable[..., bytes], fields: dict[str, str], field: str
) -> None:
    response = add(client, picture(303), **fields)
    assert (response.status_code, response.json()["field"]) == (422, field), response.text
    assert client.get("/healthz").json()["n_items"] == 40


def test_one_bad_image_and_nothing_is_added(
    client: TestClient, picture: Callable[..., bytes]
) -> None:
    response = add(client, picture(304), b"no image")
    assert (response.status_code, response.json()["field"]) == (422, "image")
    assert "owl 1.png" in response.json()["error"]
    truncated = add(client, picture(304)[:-60])
    assert "damaged or truncated" in truncated.json()["error"]
    assert client.get("/healthz").json()["n_items"] == 40


def may_write(client: TestClient, image: bytes, **headers: str) -> tuple[int, int]:
    adding = client.post("/items", files={"image": image}, headers=headers)
    return adding.status_code, client.delete("/items/2", headers=headers).status_code


def test_writing_needs_the_token(serve: Serve, picture: Callable[..., bytes]) -> None:
    client = serve(token="s3cret", host="0.0.0.0")
    image = picture(305)
    for wrong in ({}, {"Authorization": "Bearer s3cre"}, {"Authorization": "Basic s3cret"}):
        assert may_write(client, image, **wrong) == (401, 401)
    refused = client.delete("/items/2")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.json()["field"] == "Authorization"
    assert client.get("/stats").json()["writing"] == {"allowed": True, "token": True}
    assert may_write(client, image, Authorization="Bearer s3cret") == (201, 204)
    assert client.get("/search?id=1").status_code == 200


@pytest.mark.parametrize("settings", [{"read_only": True}, {"host": "0.0.0.0"}])
def test_without_leave_nobody_writes(
    serve: Serve, picture: Callable[..., bytes], settings: dict[str, Any]
) -> None:
    client = serve(**settings)
    assert may_write(client, picture(306)) == (403, 403)
    assert client.get("/stats").json()["writing"] == {"allowed": False, "token": False}
    readonly = serve(token="t", read_only=True)
    assert may_write(readonly, picture(306), Authorization="Bearer t") == (403, 403)


def test_another_writer_makes_it_busy(
    client: TestClient, photos: Collection, picture: Callable[..., bytes]
) -> None:
    with writer_lock(photos.path):
        assert may_write(client, picture(307)) == (503, 503)
        refused = client.delete("/items/2")
        assert refused.headers["retry-after"] == "1"
        assert str(photos.path) not in refused.text
        assert client.get("/search?id=2").status_code == 200
    assert may_write(client, picture(307)) == (201, 204)


def test_commits_of_others_are_seen(client: TestClient, photos: Collection) -> None:
    before = client.get("/healthz").json()
    other = Collection.open(photos.path)
    other.remove([3])
    after = client.get("/healthz").json()
    assert (before["n_items"], after["n_items"]) == (40, 39)
    assert after["revision"] > before["revision"]
    assert client.get("/stats").json()["n_items"] == 39
    assert client.get("/search?id=3").status_code == 404
