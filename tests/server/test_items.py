"""Items over HTTP: lists, facts, images and thumbnails."""

import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from hashlens.collection import Collection
from hashlens.data import decode_image


def test_a_list_is_a_part_of_what_matches(client: TestClient) -> None:
    page = client.get("/items", params={"where": "label = 'cat'", "first": 5, "n": 3}).json()
    assert (page["total"], page["first"], page["n"], len(page["items"])) == (20, 5, 3, 3)
    everything = client.get("/items").json()["items"]
    assert [item["id"] for item in everything] == list(range(1, 41))
    assert page["items"] == [item for item in everything if item["label"] == "cat"][5:8]
    assert client.get("/items?first=99").json()["items"] == []


def test_an_item_shows_its_name_and_no_path(client: TestClient, original: Path) -> None:
    item = client.get("/items/3").json()
    assert set(item) == {
        *("id", "name", "label", "metadata", "added", "content_hash", "thumbnail", "image")
    }
    assert (item["id"], item["metadata"]) == (3, {})
    assert re.fullmatch(r"\d\d\.png", item["name"])
    for address in ("/items", "/items/3", "/stats", "/search?id=3", "/items/99", "/metrics"):
        assert str(original) not in client.get(address).text
        assert os.sep + "photos" not in client.get(address).text


def test_an_image_comes_back_byte_for_byte(client: TestClient, photos: Collection) -> None:
    item = client.get("/items/3").json()
    response = client.get(item["image"])
    assert response.content == Path(photos.item(3).path).read_bytes()
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-disposition"] == f'inline; filename="{item["name"]}"'
    assert "sandbox" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/items/..%2f..%2fetc/passwd/image",
        "/items/../../etc/passwd/image",
        "/items/%2e%2e/image",
        "/items/1%00/image",
        "/items/1/image/../../../../etc/passwd",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2fapp.py",
        "/static/../app.py",
        "/static//etc/passwd",
    ],
)
def test_no_path_of_the_disk_is_taken_from_a_request(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code in (404, 422)
    assert set(response.json()) == {"error", "field"}


def added(photos: Collection, file: Path, content: bytes) -> int:
    """Add an image and give the id of its item."""
    file.write_bytes(content)
    photos.add(file)
    return int(photos.select(f"name = '{file.name}'")[0])


def test_what_is_no_image_any_more_is_not_served(
    client: TestClient, photos: Collection, tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    file = tmp_path / "a.png"
    item = added(photos, file, picture(77))
    assert client.get(f"/items/{item}/image").status_code == 200
    secret = tmp_path / "secret.txt"
    secret.write_text("<script>alert('secret')</script>")

    def refused() -> None:
        for what in ("image", "thumbnail"):
            response = client.get(f"/items/{item}/{what}")
            assert response.status_code == 410
            assert response.json()["field"] == "id"
            assert "secret" not in response.text
            assert str(tmp_path) not in response.text

    file.unlink()
    refused()
    file.symlink_to(secret)
    refused()
    file.unlink()
    os.mkfifo(file)
    refused()


def test_the_type_is_that_of_the_bytes(
    client: TestClient, photos: Collection, tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    for kind in ("jpeg", "webp", "gif", "bmp", "tiff", "ppm"):
        item = added(photos, tmp_path / f"{kind}.png", picture(60, 8, kind.upper()))
        expected = {"ppm": "x-portable-anymap"}.get(kind, kind)
        assert client.get(f"/items/{item}/image").headers["content-type"] == f"image/{expected}"


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned() -> bytes:
    """A picture that is red above once it is upright, stored lying on its side."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :30] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.fromarray(pixels), "JPEG", exif=exif)


KINDS = {
    "turned.jpg": turned,
    "cmyk.jpg": lambda: saved(Image.new("CMYK", (400, 200), (9, 80, 7, 0)), "JPEG"),
    "palette.png": lambda: saved(Image.new("P", (300, 30), 3), "PNG"),
    "grey16.png": lambda: saved(Image.fromarray(np.full((50, 9), 40000, np.uint16)), "PNG"),
    "alpha.png": lambda: saved(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "PNG"),
    "animated.gif": lambda: saved(
        Image.new("P", (20, 20), 1),
        "GIF",
        save_all=True,
        append_images=[Image.new("P", (20, 20), 2)],
    ),
    "thin.png": lambda: saved(Image.new("RGB", (2000, 1), "blue"), "PNG"),
}


@pytest.mark.parametrize("name", KINDS)
def test_thumbnails_of_every_kind(
    client: TestClient, photos: Collection, tmp_path: Path, name: str
) -> None:
    item = added(photos, tmp_path / name, KINDS[name]())
    whole = decode_image(tmp_path / name)
    for size in (160, 320):
        response = client.get(f"/items/{item}/thumbnail", params={"size": size})
        assert response.headers["content-type"] == "image/jpeg"
        small = Image.open(io.BytesIO(response.content))
        assert max(small.size) == min(size, max(whole.shape[:2]))
        pixels = np.asarray(small.convert("RGB")).mean(axis=(0, 1))
        assert np.abs(pixels - whole.mean(axis=(0, 1))).max() < 12
    if name == "turned.jpg":
        upright = np.asarray(small.convert("RGB"))
        assert upright.shape == (60, 40, 3)
        assert upright[5].mean(axis=0)[0] > 200 > 50 > upright[-5].mean(axis=0)[0]


def test_a_thumbnail_is_sent_once(client: TestClient) -> None:
    item = client.get("/items/3").json()
    first = client.get(item["thumbnail"])
    assert "immutable" in first.headers["cache-control"]
    tag = {"If-None-Match": first.headers["etag"]}
    again = client.get(item["thumbnail"], headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(item["thumbnail"] + "&size=320", headers=tag).status_code == 200
    assert client.get("/items/3/thumbnail").headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/items/99", 404, "id"),
        ("/items/x", 422, "id"),
        ("/items/-1", 422, "id"),
        ("/items/99/image", 404, "id"),
        ("/items/99/thumbnail", 404, "id"),
        ("/items/1/thumbnail?size=161", 422, "size"),
        ("/items?n=0", 422, "n"),
        ("/items?n=1001", 422, "n"),
        ("/items?first=-1", 422, "first"),
        ("/items?where=1%3B%20drop%20table%20items", 422, "where"),
        ("/items?where=path%20like%20'%25'", 422, "where"),
        ("/nothing", 404, None),
    ],
)
def test_wrong_requests_are_refused(
    client: TestClient, path: str, status: int, field: str | None
) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["field"]) == (status, field)
