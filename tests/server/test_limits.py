"""What a request must be: for this server, from this server, small and quick."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from hashlens.errors import InputError
from hashlens.server import Settings
from hashlens.server.errors import ApiError
from hashlens.server.forms import MAX_IMAGES
from hashlens.server.limits import Limits
from hashlens.server.metrics import Metrics

Serve = Callable[..., TestClient]
MEGABYTE = 1 << 20


def refused(response: Any, status: int, field: str | None = None) -> None:
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error", "field"}
    assert response.json()["field"] == field


def test_a_large_body_is_refused_by_its_length(serve: Serve) -> None:
    client = serve(max_upload_mb=1)
    refused(client.post("/search", files={"image": bytes(MEGABYTE + 1)}), 413)


async def receive_all(limits: Settings, chunk: bytes, pause: float = 0.0) -> int:
    """Send a body without an end to an application that reads it; give how much it read."""
    n_bytes = 0

    async def reading(_scope: Any, receive: Any, _send: Any) -> None:
        while True:
            await receive()

    async def receive() -> Any:
        nonlocal n_bytes
        await asyncio.sleep(pause)
        n_bytes += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": True}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "headers": [(b"host", b"localhost")]}
    with pytest.raises(ApiError) as caught:
        await Limits(reading, limits, Metrics())(scope, receive, send)
    assert caught.value.status == (408 if pause else 413)
    return n_bytes


def test_a_large_body_is_refused_as_it_comes() -> None:
    chunk = bytes(64 * 1024)
    assert asyncio.run(receive_all(Settings(max_upload_mb=1), chunk)) == MEGABYTE + len(chunk)


@pytest.mark.parametrize("pause", [0.01, 10.0])
def test_a_body_that_trickles_in_is_refused(pause: float) -> None:
    assert asyncio.run(receive_all(Settings(body_seconds=0.1), b"x", pause)) < 50


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b",
        b"--b\r\n\r\n",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b"--b\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\nx",
        b"no form at all",
        bytes(range(256)) * 20,
        b"--b\r\n" + b"X-Long: " + b"y" * 100_000 + b"\r\n\r\n\r\n--b--\r\n",
    ],
)
@pytest.mark.parametrize("path", ["/search", "/items"])
def test_malformed_forms_are_refused(client: TestClient, path: str, body: bytes) -> None:
    for kind in ("multipart/form-data; boundary=b", "multipart/form-data"):
        response = client.post(path, content=body, headers={"Content-Type": kind})
        assert response.status_code in (400, 422), response.text
        assert set(response.json()) == {"error", "field"}


def test_the_parts_of_a_form_are_counted(client: TestClient, picture: Callable[..., bytes]) -> None:
    images = [("image", (f"{i}.png", picture(i))) for i in range(MAX_IMAGES)]
    assert client.post("/search", files=images).status_code == 200
    refused(client.post("/search", files=[*images, images[0]]), 400)
    fields = {f"f{i}": "x" for i in range(100)}
    refused(client.post("/search", files=images[:1], data=fields), 400)
    refused(client.post("/search", files=images[:1], data={"where": "x" * MEGABYTE}), 400)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("LOCALHOST", 200),
        ("photos.home:80", 200),
        ("evil.example", 400),
        ("localhost.evil.example:8000", 400),
        ("127.0.0.1.evil.example", 400),
        ("evil.example#localhost", 400),
        ("", 400),
    ],
)
def test_the_host_must_be_this_server(serve: Serve, host: str, status: int) -> None:
    client = serve(allow_hosts=("photos.home",))
    response = client.get("/healthz", headers={"Host": host})
    assert response.status_code == status
    if status == 400:
        refused(response, 400, "Host")


def test_on_other_addresses_the_names_are_those_that_are_given(serve: Serve) -> None:
    anyone = serve(host="0.0.0.0")
    assert anyone.get("/healthz", headers={"Host": "photos.example"}).status_code == 200
    named = serve(host="0.0.0.0", allow_hosts=("photos.example",))
    assert named.get("/healthz", headers={"Host": "photos.example:80"}).status_code == 200
    refused(named.get("/healthz", headers={"Host": "other.example"}), 400, "Host")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": "http://localhost"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://localhost:9999"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://[evil"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
    ],
)
def test_no_other_site_changes_anything(
    client: TestClient, headers: dict[str, str], allowed: bool
) -> None:
    response = client.delete("/items/4", headers=headers)
    if allowed:
        assert response.status_code == 204
    else:
        refused(response, 403, "Origin")
        assert client.get("/items/4", headers=headers).status_code == 200
    assert not any("access-control" in name for name in response.headers)


def test_every_answer_has_the_headers_of_caution(client: TestClient) -> None:
    for path in ("/healthz", "/nothing", "/items/1/thumbnail", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"port": 65536}, "port must be an int from 0 to 65535. Got 65536."),
        ({"queue": 0}, "queue must be an int from 1 to 4096"),
        ({"token": ""}, "token must be at least one character"),
        ({"token": "é"}, "token must be printable ASCII"),
        ({"threads": 0}, "threads must be an int >= 1"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Settings(**settings)
