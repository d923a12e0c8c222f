"""A Ray cluster of several nodes on this machine, each with an address of its own.

    python examples/ray_here.py --nodes 2          # prints the address; Ctrl-C ends it

Nodes listen on the loopback addresses 127.0.0.2, 127.0.0.3, ...; the first is the head. Whoever
joins needs the token that this module draws and puts into the environment. Nothing outlives the
process that started it: not at its end, not where it is killed.
"""

import argparse
import os
import secrets
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from server_parts.children import Children, free_ports

START_SECONDS = 180.0
_STARTED = "Ray runtime started"
# Where the parent is killed, ``ray start`` is to end its node itself: killed with the parent, it
# would leave agents that notice after a minute.
_GENTLY = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def ray_environment() -> dict[str, str]:
    """Set what a process needs in its environment to join; give it too."""
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    return {name: os.environ[name] for name in os.environ if name.startswith("RAY_")}


class RayNode:
    """A node: a raylet, its agents and its workers; the head has the cluster's tables beside it.

    Parameters
    ----------
    children : Children
        Among which it starts.
    ip : str
        A loopback address that no other node has.
    where : list of str
        Words that tell ``ray start`` to be the head, or whom to join.
    n_cpus : int
        Tasks that it takes at a time.
    """

    def __init__(self, children: Children, ip: str, where: list[str], n_cpus: int) -> None:
        self.ip = ip
        self._children = children
        command = [sys.executable, "-I", "-S", "-c", _GENTLY, sys.executable]
        command += ["-m", "ray.scripts.scripts", "start", "--block", *where]
        command += ["--node-ip-address", ip, "--num-cpus", str(n_cpus), "--num-gpus", "0"]
        # Any port for a worker: those that Ray takes by default may be others' of this machine.
        command += ["--min-worker-port", "0", "--max-worker-port", "0"]
        command += ["--dashboard-agent-listen-port", str(free_ports(1)[0])]
        command += ["--object-store-memory", str(100 << 20), "--disable-usage-stats"]
        children.start(ip, command, ray_environment())
        log = children.log(ip)
        children.wait(
            f"Ray on {ip}", lambda: _STARTED in log.read_text("utf-8", "replace"), START_SECONDS
        )

    def workers(self) -> list[int]:
        """Give the process ids of its workers, idle ones too."""
        titles = {pid: title_of(pid) for pid in below(self._children.pid(self.ip))}
        return [
            pid
            for pid, title in titles.items()
            if title.startswith("ray::") and not title.endswith("Agent")
        ]

    def kill(self) -> None:
        """Kill all of it at once, as a power cut does."""
        pids = below(self._children.pid(self.ip))
        for number in (signal.SIGSTOP, signal.SIGKILL):  # none sees another one go
            for pid in pids:
                _signal(pid, number)
        self._children.kill(self.ip)


class RayHere:
    """A cluster; use it in a ``with`` block.

    Parameters
    ----------
    n_nodes : int
    n_cpus : int
        Tasks that a node takes at a time.

    Attributes
    ----------
    address : str
        What joins it: ``host:port``.
    nodes : list of RayNode
        The head first.
    """

    def __init__(self, n_nodes: int = 2, n_cpus: int = 1) -> None:
        # A short folder: paths of sockets may have 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
        self._children = Children(self.folder)
        self.nodes: list[RayNode] = []
        port, client_port = free_ports(2)
        self.address = f"127.0.0.2:{port}"
        where = ["--head", "--port", str(port), "--ray-client-server-port", str(client_port)]
        where += ["--include-dashboard=false", "--temp-dir", str(self.folder)]
        try:
            for i in range(n_nodes):
                ip = f"127.0.0.{i + 2}"
                self.nodes.append(RayNode(self._children, ip, where, n_cpus))
                where = ["--address", self.address]
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all nodes."""
        for node in self.nodes:
            if node.ip in self._children.names:
                node.kill()
        self._children.kill_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> "RayHere":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def below(pid: int) -> list[int]:
    """Give the processes that a process has started, and those that they have, and so on."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended meanwhile
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found = list(children.get(pid, []))
    for child in found:  # grows while it is walked through
        found += children.get(child, [])
    return found


def title_of(pid: int) -> str:
    """Give the command line of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").strip("\0 ")
    except OSError:
        return ""


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it has ended meanwhile
        os.kill(pid, number)


def main() -> None:
    """Run a cluster until Ctrl-C."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--cpus", type=int, default=1, help="Tasks that a node takes at a time.")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with RayHere(options.nodes, options.cpus) as cluster:
        token = ray_environment()["RAY_AUTH_TOKEN"]
        print(f"export RAY_AUTH_MODE=token RAY_AUTH_TOKEN={token}")
        print(f"hashlens encode MODEL IMAGES --out codes/ --ray {cluster.address}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)


if __name__ == "__main__":
    main()
