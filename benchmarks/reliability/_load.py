"""Clients that load a server: they search and they write."""

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

TOKEN = "a-token-of-the-load"
MAX_UPLOAD_MB = 2
_BOUNDARY = "----------------boundary-of-the-load"
_WHERE = (None, "label = 'even'", "label = 'odd' AND id > 40", "id % 3 = 0")


@dataclass
class Answer:
    """What a search was and what came, to be checked once all codes are known."""

    asked: dict[str, Any]
    image: bytes | None
    found: dict[str, Any]


@dataclass
class Log:
    """What all clients write down."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    statuses: dict[str, dict[int, int]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    commits: list[tuple[int, int, str, bytes]] = field(default_factory=list)
    unsure: list[tuple[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def done(self, kind: str, status: int, seconds: float) -> None:
        with self.lock:
            self.seconds.setdefault(kind, []).append(seconds)
            counts = self.statuses.setdefault(kind, {})
            counts[status] = counts.get(status, 0) + 1

    def failed(self, what: str) -> None:
        with self.lock:
            if len(self.failures) < 50:
                self.failures.append(what)


class Client:
    """Asks one server, on one connection that it opens again when it has to."""

    def __init__(self, port: int, log: Log, stop: threading.Event, seed: int) -> None:
        self.port = port
        self.log = log
        self.stop = stop
        self.random = random.Random(seed)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(
        self, kind: str, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Send a request; give status and body."""
        started = time.perf_counter()
        try:
            self.connection.request(
                method, path, body, {k.replace("_", "-"): v for k, v in headers.items()}
            )
            answer = self.connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            raise
        self.log.done(kind, answer.status, time.perf_counter() - started)
        if answer.status >= 500 and answer.status != 503:
            self.log.failed(f"{method} {path}: {answer.status} {content[:200]!r}")
        return answer.status, content

    def run(self) -> None:
        """Work until it is time to stop, or the server has stopped."""
        while not self.stop.is_set():
            try:
                self.act()
            except (OSError, http.client.HTTPException) as error:
                if not self.stop.wait(0.5):  # the end may be under way
                    self.log.failed(f"{type(self).__name__}: {error!r}")
        self.connection.close()

    def act(self) -> None:
        raise NotImplementedError


def form(fields: dict[str, str], images: list[tuple[str, bytes]]) -> tuple[bytes, str]:
    """Encode a form with files."""
    start = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; "
    parts = [f'{start}name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    for name, content in images:
        head = f'name="image"; filename="{name}"\r\nContent-Type: application/octet-stream'
        parts.append(f"{start}{head}\r\n\r\n".encode() + content + b"\r\n")
    parts.append(f"--{_BOUNDARY}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={_BOUNDARY}"


class Searcher(Client):
    """Searches by upload, by item and by code, with and without filters, radius and re-ranking."""

    def __init__(self, images: list[bytes], n_bits: int, *rest: Any) -> None:
        super().__init__(*rest)
        self.images = images
        self.n_bits = n_bits

    def act(self) -> None:
        choose = self.random
        asked: dict[str, Any] = {"k": choose.choice([1, 5, 20])}
        asked["rerank"] = choose.choice(["true", "false", None])
        asked["radius"] = choose.choice([None, None, self.n_bits // 3, self.n_bits // 2])
        asked["where"] = choose.choice(_WHERE)
        kind = choose.choice(["upload", "id", "code", "list"])
        if kind == "code" and asked["rerank"] == "true":
            asked["rerank"] = None
        given = {name: str(value) for name, value in asked.items() if value is not None}
        image = None
        if kind == "upload":
            image = choose.choice(self.images)
            body, content_type = form(given, [("query.jpg", image)])
            status, found = self.ask(kind, "POST", "/search", body, Content_Type=content_type)
        elif kind == "list":
            asked = {"where": asked["where"], "first": choose.randrange(0, 40), "n": asked["k"]}
            given = {name: str(value) for name, value in asked.items() if value is not None}
            status, found = self.ask(kind, "GET", "/items?" + urlencode(given))
        else:
            value = choose.randrange(1, 300) if kind == "id" else self._code()
            status, found = self.ask(kind, "GET", "/search?" + urlencode({**given, kind: value}))
        if status == 200:
            self.log.answers.append(Answer(asked | {"kind": kind}, image, json.loads(found)))
        elif not (status == 503 or (status == 404 and kind == "id")):
            self.log.failed(f"{kind} {given}: {status} {found[:200]!r}")

    def _code(self) -> str:
        return self.random.getrandbits(self.n_bits).to_bytes(-(-self.n_bits // 8), "big").hex()


class Writer(Client):
    """The only one that writes: adds an image, removes one, and knows what there is after each."""

    def __init__(self, images: list[bytes], revision: int, *rest: Any) -> None:
        super().__init__(*rest)
        self.fresh = images
        self.revision = revision
        self.live: list[int] = []

    def act(self) -> None:
        self.stop.wait(0.05)
        if len(self.live) < 20 or (self.random.random() < 0.5 and len(self.live) < 60):
            self._add()
        else:
            self._remove()

    def _add(self) -> None:
        if not self.fresh:
            self.stop.wait(1)
            return
        image = self.fresh[-1]
        label = self.random.choice(["even", "odd"])
        body, content_type = form({"label": label}, [("new.jpg", image)])
        self.log.unsure.append(("add", image))
        status, found = self.ask(
            "add",
            "POST",
            "/items",
            body,
            Content_Type=content_type,
            Authorization=f"Bearer {TOKEN}",
        )
        if status == 201:
            answer = json.loads(found)
            item = answer["items"][0]["id"]
            self._committed(answer["revision"], item, label, image)
            self.live.append(item)
            self.fresh.pop()
        elif status != 503:
            self.log.failed(f"add: {status} {found[:200]!r}")
        self.log.unsure.pop()

    def _remove(self) -> None:
        item = self.random.choice(self.live)
        self.log.unsure.append(("remove", item))
        path, token = f"/items/{item}", f"Bearer {TOKEN}"
        status, found = self.ask("remove", "DELETE", path, Authorization=token)
        if status == 204:
            self._committed(self.revision + 1, item, "", b"")
            self.live.remove(item)
        elif status != 503:
            self.log.failed(f"remove: {status} {found[:200]!r}")
        self.log.unsure.pop()

    def _committed(self, revision: int, item: int, label: str, image: bytes) -> None:
        if revision != self.revision + 1:
            self.log.failed(f"commit {revision} came after {self.revision}")
        self.revision = revision
        self.log.commits.append((revision, item, label, image))


def vital_signs(pid: int) -> tuple[int, int, int]:
    """Resident bytes, open handles and threads of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident = int(status.split("VmRSS:")[1].split()[0]) * 1024
    threads = int(status.split("Threads:")[1].split()[0])
    return resident, len(list(Path(f"/proc/{pid}/fd").iterdir())), threads
