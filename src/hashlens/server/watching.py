"""Around every request: a line in the log, the counters, and an answer to what nobody foresaw."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hashlens.server.errors import ApiError, as_api_error
from hashlens.server.metrics import Metrics

logger = logging.getLogger("hashlens.server")


class Watching:
    """Counts and logs requests.

    Parameters
    ----------
    app : ASGI application
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self.metrics.in_flight.track_inprogress():
            try:
                await self.app(scope, receive, watched)
            except Exception as error:
                if not isinstance(error, ApiError):
                    logger.exception("%s %s failed", scope["method"], _address(scope))
                if status:  # half an answer is out: only the connection can say that it broke
                    raise
                await as_api_error(error).response()(scope, receive, watched)
            finally:
                self._count(scope, status, time.perf_counter() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "unmatched")
        self.metrics.requests.labels(method, route, str(status)).inc()
        self.metrics.seconds.labels(method, route).observe(seconds)
        client = (scope.get("client") or ("-",))[0]
        line = "%s %s %s %d %.1f ms"
        logger.info(line, client, scope["method"], _address(scope), status, 1000 * seconds)


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def _address(scope: Scope) -> str:
    """The path as it was sent: percent-encoded, so that no request forges a line of the log."""
    raw = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    return "".join(chr(b) if 32 < b < 127 else f"%{b:02X}" for b in raw[:200])
