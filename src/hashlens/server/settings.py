"""What a server may do, and how much of it at once."""

import ipaddress
from dataclasses import dataclass

from hashlens.checks import check_float, check_int, refuse, words
from hashlens.data import MAX_PIXELS

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
MAX_IMAGES = 8
"""Images in one request."""

_MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Settings:
    """Settings of a server; the defaults are those of ``hashlens serve``.

    Attributes
    ----------
    host : str
        Address to listen at. Only this machine reaches a loopback address.
    port : int, 0 to 65535
        0: any that is free.
    token : str, optional
        Whoever writes must show it. Without one, writing is possible on loopback addresses only.
    read_only : bool
        Refuse to write in any case.
    allow_hosts : tuple of str
        Names under which the server is called, beside those of loopback. On another address any
        name will do if none is given here.
    max_upload_mb : int, 1 to 4096
        Of the body of one request.
    max_pixels : int, >= 1
        Of one uploaded image.
    queue : int, 1 to 4096
        Images that are decoded, wait and are encoded at the same time; more are refused.
    batch : int, 1 to 256
        Images that are encoded together, at most.
    gather_seconds : float, 0 to 1
        How long a batch waits for images that are being decoded.
    threads : int, optional
        Of the network; default: the available processors.
    body_seconds, header_seconds, send_seconds : float
        How long a client may take to send a body, to send the headers, and to take a part of an
        answer.
    stop_seconds : int
        How long a stop waits for what is accepted.
    connections : int
        Open connections; more are refused.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    read_only: bool = False
    allow_hosts: tuple[str, ...] = ()
    max_upload_mb: int = 32
    max_pixels: int = MAX_PIXELS
    queue: int = 64
    batch: int = 16
    gather_seconds: float = 0.004
    threads: int | None = None
    body_seconds: float = 60.0
    header_seconds: float = 10.0
    send_seconds: float = 60.0
    stop_seconds: int = 20
    connections: int = 512

    def __post_init__(self) -> None:
        check_int("port", self.port, 0, 65535)
        check_int("max_upload_mb", self.max_upload_mb, 1, 4096)
        check_int("max_pixels", self.max_pixels, 1)
        check_int("queue", self.queue, 1, 4096)
        check_int("batch", self.batch, 1, 256)
        check_int("connections", self.connections, 2)
        check_int("stop_seconds", self.stop_seconds, 1)
        check_float("gather_seconds", self.gather_seconds, 0, 1)
        for name in ("body_seconds", "header_seconds", "send_seconds"):
            check_float(name, getattr(self, name), 0.01)
        if self.threads is not None:
            check_int("threads", self.threads, 1)
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise refuse("token", "printable ASCII characters", words("others"))
        if self.token == "":
            raise refuse("token", "at least one character", self.token)

    @property
    def max_upload_bytes(self) -> int:
        """The limit on a request's body, in bytes."""
        return self.max_upload_mb * _MEGABYTE

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the address.

        Examples
        --------
        >>> Settings(host="127.0.0.2").on_loopback, Settings(host="0.0.0.0").on_loopback
        (True, False)
        """
        return is_loopback(self.host)

    @property
    def writable(self) -> bool:
        """Whether items may be added and removed, by those who have the token if there is one."""
        return not self.read_only and (self.token is not None or self.on_loopback)

    @property
    def known_hosts(self) -> frozenset[str] | None:
        """Names of the server, lower case and without a port; None where any name will do."""
        if self.on_loopback:
            return frozenset((*LOOPBACK_NAMES, bracketed(self.host), *_lower(self.allow_hosts)))
        return frozenset(_lower(self.allow_hosts)) or None


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """Write an address as it stands in a URL.

    Examples
    --------
    >>> bracketed("::1"), bracketed("Photos.example")
    ('[::1]', 'photos.example')
    """
    return f"[{host}]" if ":" in host and not host.startswith("[") else host.lower()


def _lower(names: tuple[str, ...]) -> list[str]:
    return [bracketed(name) for name in names]
