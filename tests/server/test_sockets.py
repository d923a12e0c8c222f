"""What is answered leaves at once."""

import socket

from hashlens.server import Settings
from hashlens.server.running import _listening


def test_connections_do_not_wait_for_acknowledgements() -> None:
    # asyncio switches Nagle's algorithm off where the socket's protocol says that it is TCP.
    with _listening(Settings(port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP
