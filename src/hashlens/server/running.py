"""The server's process: it listens, answers, and stops when it is told to."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn

from hashlens.checks import refuse, words
from hashlens.collection import Collection
from hashlens.server.app import make_app
from hashlens.server.patience import patient
from hashlens.server.settings import Settings, bracketed

_KEEP_ALIVE_SECONDS = 5
_HEADER_BYTES = 32 * 1024
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(
    collection: Collection, settings: Settings, *, ready: Callable[[str], None] | None = None
) -> None:
    """Answer requests until SIGTERM or SIGINT; what is accepted by then is finished.

    Parameters
    ----------
    collection : Collection
    settings : Settings
    ready : callable, optional
        Called with the address once requests are answered.

    Raises
    ------
    InputError
        If nothing can listen at the address.
    """
    with _listening(settings) as listener:
        config = uvicorn.Config(
            make_app(collection, settings),
            http=patient(settings),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=settings.connections,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=settings.stop_seconds,
            h11_max_incomplete_event_size=_HEADER_BYTES,
        )
        address = f"http://{bracketed(settings.host)}:{listener.getsockname()[1]}"
        server = _Server(config, lambda: None if ready is None else ready(address))
        asyncio.run(server.serve(sockets=[listener]))


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """Open the socket here, so that a port that is taken is an error like any other."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # By its protocol asyncio knows that this is TCP, and sends what it has at once: without it,
    # each answer waits some 40 ms for the client's acknowledgement of its first part.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            got = words(f"{settings.host}, port {settings.port}: {error.strerror}")
            raise refuse("host and port", "an address that is free here", got) from error
        listener.setblocking(False)
        yield listener


class _Server(uvicorn.Server):
    """Says when it is ready, and ends with exit code 0 when a signal stops it."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread hears signals
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
