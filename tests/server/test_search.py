"""Searching over HTTP answers what a scan of all codes answers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from hashlens.collection import Collection


def scan(photos: Collection, codes: list[str], k: int) -> list[tuple[int, int]]:
    """The nearest items to any of the codes, by counting bits: (id, distance)."""
    stored, _ = photos.stored_codes()
    asked = [np.frombuffer(bytes.fromhex(code), np.uint8) for code in codes]
    apart = np.array([np.bitwise_count(stored ^ code).sum(axis=1) for code in asked]).min(axis=0)
    order = np.argsort(apart, kind="stable")[:k]
    return [(int(i) + 1, int(apart[i])) for i in order]


def found(answer: Any) -> list[tuple[int, int]]:
    return [(hit["id"], hit["distance"]) for hit in answer["hits"]]


def upload(client: TestClient, *images: bytes, **fields: object) -> Any:
    files = [("image", (f"{i}.png", image)) for i, image in enumerate(images)]
    response = client.post("/search", files=files, data={k: str(v) for k, v in fields.items()})
    assert response.status_code == 200, response.text
    return response.json()


def test_an_upload_finds_what_a_scan_finds(
    client: TestClient, photos: Collection, picture: Callable[..., bytes]
) -> None:
    for seed in range(100, 110):
        answer = upload(client, picture(seed), k=7, rerank=False)
        codes = [part["code"] for part in answer["query"]["parts"]]
        assert found(answer) == scan(photos, codes, 7)
        assert not answer["reranked"]


def test_an_items_own_bytes_are_the_item(client: TestClient, picture: Callable[..., bytes]) -> None:
    answer = upload(client, picture(4), k=3)
    (part,) = answer["query"]["parts"]
    first = answer["hits"][0]
    assert (part["kind"], part["name"], part["id"]) == ("image", "0.png", first["id"])
    assert (first["rank"], first["distance"], first["name"]) == (1, 0, "04.png")
    assert first["similarity"] == pytest.approx(1, abs=1e-3)
    assert answer["seconds"]["encode"] < answer["seconds"]["total"] < 60
    assert (answer["n_items"], answer["n_bits"], answer["promise"]) == (40, 16, None)


def test_several_images_are_one_question(
    client: TestClient, photos: Collection, picture: Callable[..., bytes]
) -> None:
    answer = upload(client, picture(201), picture(3), picture(202), k=12, rerank=False)
    codes = [part["code"] for part in answer["query"]["parts"]]
    assert [part["id"] is None for part in answer["query"]["parts"]] == [True, False, True]
    assert found(answer) == scan(photos, codes, 12)


def test_items_and_codes_are_questions_too(client: TestClient, photos: Collection) -> None:
    one = client.get("/search", params={"id": 5, "k": 4, "rerank": False}).json()
    assert found(one)[0] == (5, 0)
    code = one["query"]["parts"][0]["code"]
    by_code = client.get("/search", params={"code": code, "k": 4}).json()
    assert found(by_code) == found(one) == scan(photos, [code], 4)
    assert by_code["hits"][0]["similarity"] is None
    both = client.get("/search", params={"id": [5, 9], "k": 6, "rerank": False}).json()
    assert {hit["id"] for hit in both["hits"] if hit["distance"] == 0} >= {5, 9}


def test_reranked_hits_are_ordered_by_similarity(client: TestClient) -> None:
    answer = client.get("/search?id=5&k=10").json()
    similar = [hit["similarity"] for hit in answer["hits"]]
    assert answer["reranked"]
    assert similar == sorted(similar, reverse=True)


def test_filters_and_radius_hold_inside_the_search(client: TestClient) -> None:
    owls = client.get("/search", params={"id": 1, "k": 40, "where": "label = 'owl'"}).json()
    assert len(owls["hits"]) == 20
    assert {hit["label"] for hit in owls["hits"]} == {"owl"}
    near = client.get("/search", params={"id": 1, "k": 40, "radius": 5}).json()
    assert near["radius"] == 5
    assert max(hit["distance"] for hit in near["hits"]) <= 5


def test_form_fields_go_before_parameters_of_the_address(
    client: TestClient, picture: Callable[..., bytes]
) -> None:
    image = {"image": ("a.png", picture(1))}
    answer = client.post("/search?k=3&radius=9", files=image, data={"k": "2"}).json()
    assert (answer["query"]["k"], answer["query"]["radius"], len(answer["hits"])) == (2, 9, 2)


@pytest.mark.parametrize(
    ("words", "status", "field"),
    [
        ("k=0&id=1", 422, "k"),
        ("k=1001&id=1", 422, "k"),
        ("k=ten&id=1", 422, "k"),
        ("radius=17&id=1", 422, "radius"),
        ("radius=-1&id=1", 422, "radius"),
        ("radius=2&precision=0.5&id=1", 409, "precision"),
        ("id=1&where=nothing(", 422, "where"),
        ("id=1&where=label", 200, None),
        ("id=1&where=path%20like%20'%25'", 422, "where"),
        ("", 404, "id"),
        ("id=x", 422, "id"),
        ("id=99", 404, "id"),
        ("id=9223372036854775808", 422, "id"),
        ("code=ff", 422, "code"),
        ("code=xyzz", 422, "code"),
        ("id=1&kk=3", 422, "kk"),
        ("id=1&precision=0.5", 409, "precision"),
        ("id=1&share=0.5", 409, "share"),
        ("code=ffff&rerank=true", 409, "rerank"),
    ],
)
def test_wrong_questions_are_refused(
    client: TestClient, words: str, status: int, field: str | None
) -> None:
    response = client.get(f"/search?{words}")
    assert response.status_code == status, response.text
    if status != 200:
        body = response.json()
        assert set(body) == {"error", "field"}
        assert body["field"] == field
        assert body["error"]


def test_wrong_uploads_are_refused(client: TestClient, picture: Callable[..., bytes]) -> None:
    def refused(status: int, **request: Any) -> Any:
        response = client.post("/search", **request)
        assert response.status_code == status, response.text
        assert set(response.json()) == {"error", "field"}
        return response.json()

    bad = refused(422, files={"image": ("../../x.png", b"no image")})
    assert bad == {"error": "x.png: is not an image of a known format", "field": "image"}
    assert refused(422, files={"image": ("x.png", b"")})["field"] == "image"
    assert refused(422, files={"photo": ("x.png", picture(1))})["field"] == "photo"
    assert refused(422, data={"image": "text"}, files={"image": ("a", b"")})["field"] == "image"
    image = {"image": ("x.png", picture(1))}
    assert refused(422, files=image, data={"k": "-1"})["field"] == "k"
    assert refused(422, files=image, data={"kk": "1"})["field"] == "kk"
    assert refused(422, files=image, data={"k": ["1", "2"]})["field"] == "k"
    assert refused(415, data={"k": "1"})["field"] == "Content-Type"
    assert refused(415)["field"] == "Content-Type"


def test_too_many_pixels_are_refused(
    serve: Callable[..., TestClient], picture: Callable[..., bytes]
) -> None:
    client = serve(max_pixels=500)
    response = client.post("/search", files={"image": ("x.png", picture(100))})
    assert response.status_code == 422
    assert "24 x 24 pixels, more than the limit of 500" in response.json()["error"]
