"""What a request must be before anything is done for it: for us, from us, small and quick."""

import asyncio
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hashlens.server.errors import ApiError
from hashlens.server.metrics import Metrics
from hashlens.server.settings import Settings, bracketed

_SAFE = {"GET", "HEAD", "OPTIONS"}
_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Limits:
    """Refuses requests that are too large, too slow, or that another site makes a browser send.

    The Host header is checked because a name of another site may point to this machine (DNS
    rebinding); then the browser takes that site's pages to be ours.

    Parameters
    ----------
    app : ASGI application
    settings : Settings
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self.hosts = settings.known_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = _with_headers(send)
        refused = self._refused(scope)
        if refused is not None:
            await refused.response()(scope, receive, send)
            return
        await self.app(scope, self._bounded(receive), send)

    def _refused(self, scope: Scope) -> ApiError | None:
        headers = {name.decode("latin-1"): value for name, value in scope["headers"]}
        host = headers.get("host", b"").decode("latin-1").lower()
        if self.hosts is not None and without_port(host) not in self.hosts:
            self.metrics.rejected.labels("host").inc()
            return ApiError(400, "Host must be a name of this server (see --allow-host).", "Host")
        if scope["method"] not in _SAFE and self._is_foreign(headers, host):
            self.metrics.rejected.labels("origin").inc()
            return ApiError(403, "Origin must be this server: no other site may ask.", "Origin")
        length = headers.get("content-length", b"0")
        if length.isdigit() and int(length[:20]) > self.settings.max_upload_bytes:
            return self._too_large()
        return None

    def _is_foreign(self, headers: dict[str, bytes], host: str) -> bool:
        if headers.get("sec-fetch-site") in (b"cross-site", b"same-site"):
            return True
        origin = headers.get("origin")
        if origin is None:  # not a browser
            return False
        try:
            theirs = urlsplit(origin.decode("latin-1").lower()).netloc
        except ValueError:
            return True
        allowed = {bracketed(name) for name in self.settings.allow_hosts}
        return theirs != host and without_port(theirs) not in allowed

    def _too_large(self) -> ApiError:
        self.metrics.rejected.labels("size").inc()
        limit = f"{self.settings.max_upload_mb} MB"
        close = {"Connection": "close"}
        return ApiError(413, f"the request must be at most {limit}. Got more.", None, close)

    def _too_slow(self) -> ApiError:
        self.metrics.rejected.labels("time").inc()
        limit = f"{self.settings.body_seconds:g} s"
        close = {"Connection": "close"}
        return ApiError(408, f"the request must arrive within {limit}.", None, close)

    def _bounded(self, receive: Receive) -> Receive:
        """Count the bytes of the body as they come, and stop at the limits."""
        left = self.settings.max_upload_bytes
        deadline = asyncio.get_running_loop().time() + self.settings.body_seconds
        whole = False

        async def bounded() -> Message:
            nonlocal left, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise self._too_slow() from None
            left -= len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if left < 0:
                raise self._too_large()
            return message

        return bounded


def without_port(host: str) -> str:
    """Cut the port off a Host header.

    Examples
    --------
    >>> without_port("localhost:8000"), without_port("[::1]:80"), without_port("[::1]")
    ('localhost', '[::1]', '[::1]')
    """
    name, colon, port = host.rpartition(":")
    return name if colon and (port.isdigit() or not port) and not name.endswith(":") else host


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_missing(message)]
        await send(message)

    return sending


def _missing(message: Message) -> Iterable[tuple[bytes, bytes]]:
    there = {bytes(name).lower() for name, _ in message.get("headers", ())}
    for name, value in _HEADERS.items():
        if name.encode() not in there:
            yield name.encode(), value.encode()
