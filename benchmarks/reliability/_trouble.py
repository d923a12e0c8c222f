"""Clients that a server must withstand: they send what is wrong, and they are slow."""

import socket
import time
from typing import Any
from urllib.parse import urlencode

from benchmarks.reliability._bombs import png
from benchmarks.reliability._load import MAX_UPLOAD_MB, TOKEN, Client, form


class Troublemaker(Client):
    """Sends what no server should take: each kind has the answers that are right for it."""

    def __init__(self, photo: bytes, *rest: Any) -> None:
        super().__init__(*rest)
        bomb = png(60_000, 60_000)
        search = "POST", "/search"
        self.uploads = [
            ("malformed", *search, [("a.jpg", b"no image at all")], {422}),
            ("malformed", *search, [("a.jpg", photo[: len(photo) // 2])], {422}),
            ("malformed", *search, [("a.png", bomb)], {422}),
            ("malformed", *search, [("a.jpg", b"")], {422}),
            ("malformed", *search, [], {422}),
            ("oversized", *search, [("a.jpg", bytes(MAX_UPLOAD_MB + 1 << 20))], {413}),
            ("oversized", *search, [("a.jpg", photo)] * 20, {400, 413, 422}),
            ("wrong token", "POST", "/items", [("a.jpg", photo)], {401}),
            ("malformed", "PUT", "/search", [("a.jpg", photo)], {405}),
        ]
        self.paths = [
            ("path trick", path, {400, 404, 405, 422})
            for path in (
                "/static/../app.py",
                "/static/..%2fapp.py",
                "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
                "/static//etc/passwd",
                "/..%2f..%2f..%2f..%2fetc%2fpasswd",
                "//etc/passwd",
                "/items/..%2f..%2fetc%2fpasswd/image",
                "/items/1%00/image",
                "/items/1/image?path=/etc/passwd",
                "/items/1/image/../../../etc/passwd",
                "/items/-1/image",
                "/items/99999999999999999999/thumbnail",
            )
        ]
        self.paths += [
            ("malformed", "/search?" + urlencode(query), {404, 409, 422})
            for query in (
                {"id": 999_999},
                {"id": "one"},
                {"id": 1, "k": 0},
                {"id": 1, "k": 10**9},
                {"id": 1, "radius": -1},
                {"id": 1, "where": "1; DROP TABLE items"},
                {"id": 1, "where": "(SELECT 1 FROM meta)"},
                {"id": 1, "where": "path LIKE '/etc%'"},
                {"id": 1, "where": "label = 'a' OR " * 3000 + "1"},
                {"code": "xyz"},
                {"code": "ff" * 4000},
                {},
            )
        ]

    def act(self) -> None:
        self.stop.wait(0.02)
        if self.random.random() < 0.4:
            kind, method, path, images, right = self.random.choice(self.uploads)
            body, content_type = form({}, images)
            headers = {"Content_Type": content_type}
            if kind == "wrong token":
                headers["Authorization"] = "Bearer " + self.random.choice(
                    ["x", TOKEN[:-1], "é"[:0]]
                )
            try:
                status, found = self.ask(kind, method, path, body, **headers)
            except (BrokenPipeError, ConnectionResetError):
                if kind != "oversized":  # such a client is cut off while it sends
                    raise
                return
        else:
            kind, path, right = self.random.choice(self.paths)
            method = "GET"
            status, found = self.ask(kind, method, path)
        if status not in {*right, 503}:
            self.log.failed(f"{kind}, {method} {path[:80]}: {status} {found[:200]!r}")
        if b"root:" in found or b"import " in found:
            self.log.failed(f"{kind}, {method} {path}: gave a file of the disk")


class SlowClient(Client):
    """Opens connections and sends a byte now and then, or nothing, or never reads the answer."""

    def act(self) -> None:
        starts = [b"GET /items HTT", b"POST /search HTTP/1.1\r\nHost: localhost\r\n", b""]
        starts += [
            b"\x16\x03\x01\x02\x00 no HTTP at all",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
        ]
        head = "POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        starts.append(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n--x".encode())
        started = time.perf_counter()
        sockets = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(6)]
        for each, start in zip(sockets, starts, strict=True):
            each.sendall(start)
        for _ in range(self.random.randrange(2, 12)):
            if self.stop.wait(0.4):
                break
            for each in sockets:
                try:
                    each.sendall(b"a")
                except OSError:
                    continue  # the server has had enough of it
        for each in sockets:
            each.close()
        self.log.done("slow client", 0, time.perf_counter() - started)
