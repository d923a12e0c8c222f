"""A protocol whose patience with slow clients ends."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from hashlens.server.settings import Settings


class Patient(H11Protocol):
    """Drops clients that send no headers, or take no answer, for too long.

    uvicorn's own limit holds only between two requests.
    """

    header_seconds: float
    send_seconds: float
    _waiting: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the headers of the first request."""
        super().connection_made(transport)
        self._wait_for_headers()

    def handle_events(self) -> None:
        """Stop waiting once headers are there."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before and not self.cycle.response_complete:
            _stop(self._waiting)

    def on_response_complete(self) -> None:
        """Wait for the headers of the next request, or for the rest of a body nobody wants."""
        self._wait_for_headers()  # before the next request is looked at
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait for the client to take what is sent."""
        super().pause_writing()
        self._stuck = self.loop.call_later(self.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop waiting: it has taken it."""
        super().resume_writing()
        _stop(self._stuck)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        _stop(self._waiting)
        _stop(self._stuck)
        super().connection_lost(exc)

    def _wait_for_headers(self) -> None:
        _stop(self._waiting)
        self._waiting = self.loop.call_later(self.header_seconds, self.transport.abort)


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def patient(settings: Settings) -> type[Patient]:
    """Make the protocol of one server."""
    seconds = {
        "header_seconds": settings.header_seconds,
        "send_seconds": settings.send_seconds,
    }
    return type("PatientAsSet", (Patient,), seconds)
