"""The server as a process of its own: it says where it is, answers, and stops as it should."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from calling import call
from hashlens.collection import Collection
from hashlens.errors import InputError
from hashlens.server import Settings, serve

Started = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def start(photos: Collection) -> Iterator[Started]:
    """Start ``hashlens serve`` at a free port; give the process and its address."""
    processes: list[subprocess.Popen[str]] = []

    def started(*words: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "hashlens", "serve", str(photos.path)]
        process = subprocess.Popen(
            [*command, "--port", "0", "--json", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"HASHLENS_TOKEN": "s3cret"},
        )
        processes.append(process)
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            text += line
        said = json.loads(text)
        assert said["pid"] == process.pid
        assert said["items"] == 40
        return process, said["address"]

    yield started
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


def add_until_it_ends(address: str, pictures: Iterator[bytes], added: list[int]) -> None:
    headers = {"Authorization": "Bearer s3cret"}
    with httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        for image in pictures:
            try:
                response = client.post("/items", files={"image": image})
            except httpx.TransportError:
                return
            assert response.status_code == 201
            added.append(response.json()["items"][0]["id"])


def test_a_stop_under_load_loses_nothing(
    start: Started, photos: Collection, picture: Callable[..., bytes]
) -> None:
    process, address = start()
    found = httpx.post(f"{address}/search", files={"image": picture(3)}, timeout=30).json()
    assert found["hits"][0]["distance"] == 0
    assert httpx.delete(f"{address}/items/1").status_code == 401
    added: list[int] = []
    pictures = (picture(seed) for seed in range(1000, 100_000))
    load = threading.Thread(target=add_until_it_ends, args=(address, pictures, added))
    load.start()
    while len(added) < 5:
        time.sleep(0.01)
        assert load.is_alive()
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=30)
    load.join()
    assert process.returncode == 0, stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    assert "POST /items 201" in stderr
    after = Collection.open(photos.path)
    assert set(added) <= set(after.select("id > 40").tolist())
    assert len(after.select("id > 40")) <= len(added) + 1


def connected(address: str) -> socket.socket:
    parts = urlsplit(address)
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=20)


def test_clients_that_dawdle_are_dropped(photos: Collection) -> None:
    found: dict[str, Any] = {}

    def dawdle(address: str) -> None:
        host = b"Host: 127.0.0.1\r\n"
        for name, sent in {
            "nothing": b"",
            "half a header": b"GET /healthz HTTP/1.1\r\n" + host,
            "half a body": b"POST /search HTTP/1.1\r\n" + host + b"Content-Length: 99\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b",
        }.items():
            with connected(address) as client:
                client.sendall(sent)
                started = time.monotonic()
                answer = b"".join(iter(lambda: client.recv(4096), b""))
                found[name] = answer[:12], time.monotonic() - started
        with connected(address) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\n" + host + b"\r\n")
            found["a good client"] = client.recv(4096)[:12], 0.0
        os.kill(os.getpid(), signal.SIGTERM)

    def ready(address: str) -> None:
        threading.Thread(target=dawdle, args=(address,), daemon=True).start()

    settings = Settings(port=0, header_seconds=0.3, body_seconds=0.3)
    serve(photos, settings, ready=ready)
    assert {name: answer for name, (answer, _) in found.items()} == {
        "nothing": b"",
        "half a header": b"",
        "half a body": b"HTTP/1.1 408",
        "a good client": b"HTTP/1.1 200",
    }
    assert max(seconds for _, seconds in found.values()) < 10


def test_a_port_that_is_taken_is_an_error(photos: Collection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"host and port must be .* 127.0.0.1, port {port}"):
            serve(photos, Settings(port=port))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--token", "a"], Settings(token="a")),
        (["--read-only", "--max-upload-mb", "5"], Settings(read_only=True, max_upload_mb=5)),
        (["--host", "::1", "--port", "0"], Settings(host="::1", port=0)),
        (["--allow-host", "a", "--allow-host", "b"], Settings(allow_hosts=("a", "b"))),
        (
            ["--max-pixels", "9", "--queue", "3", "--threads", "1"],
            Settings(max_pixels=9, queue=3, threads=1),
        ),
    ],
)
def test_words_become_settings(
    photos: Collection, monkeypatch: pytest.MonkeyPatch, words: list[str], wanted: Settings
) -> None:
    asked: list[Settings] = []
    monkeypatch.setattr("hashlens.server.serve", lambda _, settings, **__: asked.append(settings))
    assert call("serve", photos.path, *words).exit_code == 0
    assert asked == [wanted]


def test_the_token_comes_from_a_file_or_the_environment(
    photos: Collection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Settings] = []
    monkeypatch.setattr("hashlens.server.serve", lambda _, settings, **__: asked.append(settings))
    monkeypatch.setenv("HASHLENS_TOKEN", "of the environment")
    (tmp_path / "token").write_text("of the file\n")
    (tmp_path / "empty").write_text("\n")
    call("serve", photos.path, "--token-file", tmp_path / "token")
    call("serve", photos.path)
    assert [settings.token for settings in asked] == ["of the file", "of the environment"]
    both = call("serve", photos.path, "--token", "a", "--token-file", tmp_path / "token")
    assert both.exit_code == 2
    empty = call("serve", photos.path, "--token-file", tmp_path / "empty")
    assert "--token-file must be a file with a token" in str(empty.exception)
