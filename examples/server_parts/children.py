"""Processes that end with the one that started them, whatever ends it."""

import errno
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

# Becomes the program after it asked the kernel to be killed with its parent (Linux's
# PR_SET_PDEATHSIG = 1): even kill -9 of the parent leaves nothing behind.
_TIED = """
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(1, signal.SIGKILL, 0, 0, 0) != 0:
    sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent ended before its child began")
os.execv(sys.argv[2], sys.argv[2:])
"""

# The kernel takes the *thread* that forked for the parent, so that one thread forks them all and
# lives as long as the interpreter does.
_FORKING = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forking")


class DiedError(RuntimeError):
    """A process ended by itself; the message has the end of its log."""


class Children:
    """Named processes, each in a session of its own with a log file.

    Parameters
    ----------
    folder
        Where each process works and where its output goes: ``<name>.log``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def names(self) -> list[str]:
        """The names of the processes that were started and not killed."""
        return list(self._running)

    def pid(self, name: str) -> int:
        """The process id of a child."""
        return self._running[name].pid

    def start(
        self, name: str, command: list[str], environment: dict[str, str] | None = None
    ) -> None:
        """Starts a program under a name that no running child has."""
        if name in self._running:
            raise ValueError(f"name must be new. Got {name!r}, which is running.")
        tied = [sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *command]
        self._running[name] = _FORKING.submit(self._fork, name, tied, environment or {}).result()

    def _fork(
        self, name: str, command: list[str], environment: dict[str, str]
    ) -> "subprocess.Popen[bytes]":
        with self.log(name).open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal reaches the parent alone
            )

    def log(self, name: str) -> Path:
        """The file with the output of a child."""
        return self.folder / f"{name}.log"

    def kill(self, name: str) -> None:
        """Ends a child as kill -9 does, and waits until it is gone."""
        child = self._running.pop(name)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def kill_all(self) -> None:
        """Ends every child, the last one started first."""
        for name in reversed(self.names):
            self.kill(name)

    def check(self) -> None:
        """Raises DiedError with the end of its log if a child has ended by itself."""
        for name, child in self._running.items():
            if child.poll() is not None:
                log = self.log(name)
                tail = "\n".join(_last_lines(log))
                raise DiedError(f"{name} ended with {child.returncode}. {log} ends with:\n{tail}")

    def wait(self, what: str, ready: Callable[[], bool], seconds: float) -> None:
        """Waits until `ready`, which may raise OSError before it is, while every child runs.

        Raises
        ------
        DiedError
            If a child ends first.
        TimeoutError
            If it took longer than `seconds`.
        """
        end = time.monotonic() + seconds
        last: OSError | None = None
        while time.monotonic() < end:
            self.check()
            try:
                if ready():
                    return
            except OSError as error:
                last = error
            time.sleep(0.05)
        raise TimeoutError(f"{what} was not ready in {seconds:g} s; logs: {self.folder}") from last


def _last_lines(log: Path, n: int = 20) -> list[str]:
    """The lines of a log that say why its process ended: of Go's panic, or the last ones."""
    chatter = ("[INFO]", "[DEBUG]", '"level":"info"')
    lines = [
        line[:400]
        for line in log.read_text("utf-8", "replace").splitlines()
        if not any(word in line for word in chatter)
    ]
    panics = [i for i, line in enumerate(lines) if line.startswith(("panic:", "fatal error:"))]
    return lines[panics[-1] :][:n] if panics else lines[-n:]


def free_ports(n: int) -> list[int]:
    """`n` ports of this machine that nobody listens on, different from one another.

    They lie below those that the system gives to outgoing connections. Another process may take
    one before the program it is meant for does; that program then ends, and its log says why.
    """
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < n:
            server = held.enter_context(socket.socket())
            port = random.randrange(10_000, 32_768)
            try:
                server.bind(("", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                ports.append(port)
    return ports


def listening(port: int) -> bool:
    """Whether something on this machine listens on a port; raises OSError where nothing does."""
    socket.create_connection(("127.0.0.1", port), 1).close()
    return True
