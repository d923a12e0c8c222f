"""What a Milvus of one process and one of many share."""

import json
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from server_parts import settings
from server_parts.children import Children, free_ports
from server_parts.files import unpacked_server
from server_parts.settings import Settings, merged

START_SECONDS = 120.0  # it takes about 3 on a quiet machine


class Server(ABC):
    """Processes of Milvus, by name.

    Parameters
    ----------
    folder
        Where they store, work and log; created.
    small_segments
        Whether segments are of 1 MB, so that few rows already lie in several of them.
    overrides
        Settings over the kit's own, as in ``milvus.yaml``.
    """

    def __init__(
        self, folder: Path | str, *, small_segments: bool, overrides: Settings | None
    ) -> None:
        self.folder = Path(folder).absolute()
        self.port = 0
        self._children = Children(self.folder)
        self._roles: dict[str, tuple[list[str], dict[str, str]]] = {}
        self._overrides = merged(settings.SMALL_SEGMENTS if small_segments else {}, overrides or {})

    @property
    def uri(self) -> str:
        """Where it is, as pymilvus takes it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where it is, as hashlens takes it, less the name of a collection."""
        return f"milvus://127.0.0.1:{self.port}"

    @property
    def names(self) -> list[str]:
        """The names of the processes that were started and not killed."""
        return self._children.names

    def pid(self, name: str) -> int:
        """The process id of one of `names`."""
        return self._children.pid(name)

    def configuration(self, name: str) -> Path:
        """The file with the settings of a process."""
        return self.folder / "configuration" / name / "milvus.yaml"

    def start(self) -> Self:
        """Starts the processes, and returns when all serve.

        Raises
        ------
        ImportError
            If a wheel is missing; the message says how to install it.
        DiedError
            If a process ended; the message has the end of its log.
        TimeoutError
            If one does not serve in two minutes.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
            self._wait(*self._roles)
        except BaseException:
            self.stop()
            raise
        return self

    @abstractmethod
    def _start(self) -> None:
        """Starts the processes; need not wait for them."""

    def kill(self, name: str) -> None:
        """Ends one process as kill -9 does, and waits until it is gone."""
        self._children.kill(name)

    def revive(self, name: str) -> None:
        """Starts a killed process with its old settings and ports, and waits until it serves."""
        command, environment = self._roles[name]
        self._children.start(name, command, environment)
        self._wait(name)

    def stop(self) -> None:
        """Ends every process as kill -9 does; a graceful end takes minutes and saves no more."""
        self._children.kill_all()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_role(self, name: str, role: str, own: Settings, *options: str) -> None:
        """Starts one process of the server, with settings of its own; does not wait."""
        binaries = unpacked_server()
        whole = merged(settings.SHARED, own, self._overrides)
        configuration = self.configuration(name)
        configuration.parent.mkdir(parents=True, exist_ok=True)
        configuration.write_text(json.dumps(whole, indent=1))  # JSON is YAML
        configuration.with_name("glog.conf").write_text("--logtostderr=true\n--minloglevel=1\n")
        command = [str(binaries / "milvus"), "run", role, *options]
        environment = {
            "LD_LIBRARY_PATH": str(binaries),
            "MILVUSCONF": str(configuration.parent),
            "METRICS_PORT": str(free_ports(1)[0]),
            "DEPLOY_MODE": "STANDALONE" if role == "standalone" else "DISTRIBUTED",
            "MILVUS_RUN_DIR": str(self.folder / "run" / name),
        }
        self._roles[name] = command, environment
        self._children.start(name, command, environment)

    def _wait(self, *names: str) -> None:
        """Waits until the named roles say that they are healthy."""
        for name in names:
            port = self._roles[name][1]["METRICS_PORT"]
            self._children.wait(name, partial(_healthy, port), START_SECONDS)


def _healthy(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            text: bytes = answer.read()
    except urllib.error.HTTPError as error:  # a status that says: not yet
        error.close()
        return False
    return b"OK" in text
