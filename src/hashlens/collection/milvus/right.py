"""One writer at a time, over all machines: each one holds a ticket that the others can read."""

import json
import os
import platform
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from hashlens.errors import BusyError, HashlensError

LEASE_SECONDS = 60.0
"""So long a ticket counts that nobody renews."""

_RENEW_SECONDS = 15.0
_MARGIN_SECONDS = 10.0  # for a write that has begun, and for clocks that differ
_TRIES = 3
_PREFIX = "ticket/"


class Board(Protocol):
    """Where the tickets are; what one has written, all others read from then on."""

    def put(self, texts: Mapping[str, str]) -> None:
        """Write texts by key."""

    def below(self, prefix: str) -> Mapping[str, str]:
        """Read all texts whose keys begin so."""

    def drop(self, keys: Sequence[str]) -> None:
        """Delete texts."""


@dataclass(frozen=True)
class Ticket:
    """What a writer says of itself.

    Attributes
    ----------
    machine : str
        Where its process is one that can be looked for.
    host : str
        The name of the machine.
    pid : int
    expires : float
        Seconds since 1970, by its own clock.
    """

    machine: str
    host: str
    pid: int
    expires: float

    def counts(self, now: float) -> bool:
        """Tell whether its writer may still write."""
        return self.expires > now and not (self.machine == _machine() and _is_dead(self.pid))


class Right:
    """The right to write, for as long as its ticket is renewed; a thread does that.

    Two writers that come at the same time may both be turned away: each writes its ticket first
    and then reads all of them, so that one of the two, at least, sees the other.

    Parameters
    ----------
    board : Board
    place : str
        The collection, as it is shown.
    """

    def __init__(self, board: Board, place: str) -> None:
        self._board = board
        self._place = place
        self._key = f"{_PREFIX}{token_hex(16)}"
        self._expires = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="right to write", daemon=True)

    def take(self) -> None:
        """Take the right; BusyError if someone else has it."""
        for tries_left in reversed(range(_TRIES)):
            self._renew()
            other = self._other()
            if other is None:
                self._thread.start()
                return
            self._board.drop([self._key])
            if not tries_left:
                raise self._busy(other)
            time.sleep(random.uniform(0.05, 0.3))

    def check(self) -> None:
        """Raise BusyError unless the right is still held; to be asked before each write."""
        if self._is_over():
            raise BusyError(
                f"{self._place} must be written by one process at a time. Got no word from the "
                f"server for {LEASE_SECONDS:g} s, after which another may write. What is written "
                f"so far stays; the same command goes on."
            )

    def give_back(self) -> None:
        """Give the right back; where the server is away, it falls free by itself."""
        self._ended.set()
        self._thread.join()
        with suppress(HashlensError):
            self._board.drop([self._key])

    def _keep(self) -> None:
        # Once it is over, another may have written: it is not to be taken up again.
        while not self._ended.wait(_RENEW_SECONDS) and not self._is_over():
            with suppress(HashlensError):
                self._renew()

    def _is_over(self) -> bool:
        # By the clock that the others go by; the monotonic one stands still in a sleeping machine.
        return time.time() > self._expires - _MARGIN_SECONDS

    def _renew(self) -> None:
        expires = time.time() + LEASE_SECONDS
        ticket = Ticket(_machine(), platform.node(), os.getpid(), expires)
        self._board.put({self._key: json.dumps(asdict(ticket))})
        self._expires = expires

    def _other(self) -> Ticket | None:
        """Find another writer; tickets that count no more are cleared away."""
        tickets = {
            key: Ticket(**json.loads(text)) for key, text in self._board.below(_PREFIX).items()
        }
        now = time.time()
        dead = [key for key, ticket in tickets.items() if not ticket.counts(now)]
        if dead:
            self._board.drop(dead)
        others = (t for key, t in tickets.items() if key not in dead and key != self._key)
        return next(others, None)

    def _busy(self, other: Ticket) -> BusyError:
        return BusyError(
            f"{self._place} must be written by one process at a time. Got a writer already: "
            f"process {other.pid} on {other.host}. Try again once it is done."
        )


@contextmanager
def right_to_write(board: Board, place: str) -> Iterator[Right]:
    """Hold the right to write; BusyError if someone else has it."""
    right = Right(board, place)
    right.take()
    try:
        yield right
    finally:
        right.give_back()


def _machine() -> str:
    """Name where the number of a process means that process: a machine, a start, a container."""
    parts = [platform.node()]
    for source in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        path = Path(source)
        try:
            parts.append(str(path.readlink()) if path.is_symlink() else path.read_text().strip())
        except OSError:
            parts.append("")
    return " ".join(parts)


def _is_dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
