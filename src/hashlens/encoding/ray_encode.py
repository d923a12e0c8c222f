"""Encoding on a Ray cluster: a task a shard, tried again where a worker or a node is lost."""

import os
import socket
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from hashlens import __version__
from hashlens.checks import refuse, words
from hashlens.cpus import available_cpus
from hashlens.encoding.job import EncodeJob, EncodeReport
from hashlens.encoding.ray_worker import Sent, encode_sent, read_files, sees_a_file
from hashlens.encoding.shard_header import shard_name
from hashlens.errors import HashlensError, MissingExtraError
from hashlens.model_store import MODEL_FILE, WEIGHTS_FILE
from hashlens.watcher import Watcher

RETRIES = 5
"""How often a shard is tried again after its worker, or the node it was on, was lost."""

_AHEAD = 2  # shards sent out for each that the cluster has room for: none waits for the next
_LOOK_SECONDS = 1.0
_KNOCK_SECONDS = 10.0
_HERE = "local"
_GO_ON = "Shards that are finished stay; the same command goes on from there."


def encode_on_ray(job: EncodeJob, address: str, watcher: Watcher | None = None) -> EncodeReport:
    """Encode all shards that are not done yet on a Ray cluster.

    hashlens must be installed on every node, in one version; the folder of the shards and the
    files of the images must be on disks that every node sees, under the same paths. The model is
    sent to the nodes. A node with a GPU takes a shard a GPU, another as many as it has processors.
    Code and features are the same as those of `encode_local` on machines of one kind.

    Parameters
    ----------
    job : EncodeJob
    address : str
        ``host:port`` of a cluster; ``auto``: the one that this machine is a node of; ``local``:
        start Ray on this machine, for this job alone. Where the process is connected to a cluster
        already, that one is used.
    watcher : Watcher, optional

    Returns
    -------
    report : EncodeReport

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    InputError
        If the folder holds shards of another job, or there is no such cluster.
    HashlensError
        If a shard is lost more than `RETRIES` times.
    """
    check_address(address)
    ray = _ray()
    watcher = watcher or Watcher()
    began = time.monotonic()
    todo = job.unfinished(watcher)
    if todo:
        with _connected(ray, address):
            _Run(ray, job, watcher).encode(todo)
    return job.report(job.n_images(todo), began)


def check_address(address: str) -> str:
    """Return what can be the address of a cluster, or raise InputError.

    Examples
    --------
    >>> check_address("node7:6379"), check_address("local")
    ('node7:6379', 'local')
    """
    host, colon, port = address.rpartition(":")
    if address in (_HERE, "auto") or (host and colon and port.isdigit()):
        return address
    raise refuse("ray", "local, auto or the host:port of a cluster", address)


class _Run:
    """Sends shards out, and takes note of what comes back."""

    def __init__(self, ray: ModuleType, job: EncodeJob, watcher: Watcher) -> None:
        self._ray = ray
        self._job = job
        self._watcher = watcher
        self._cpus = max(1, job.settings.workers)
        self._gpus = 1 if ray.cluster_resources().get("GPU", 0) >= 1 else 0
        self._model = ray.put(read_files(job.model_folder, (MODEL_FILE, WEIGHTS_FILE)))
        self._running: dict[Any, int] = {}
        self._encode = ray.remote(
            num_cpus=self._cpus,
            num_gpus=self._gpus,
            max_retries=RETRIES,
            retry_exceptions=[OSError],
            scheduling_strategy="SPREAD",
        )(_on_worker)

    def encode(self, shards: list[int]) -> None:
        """Encode these shards; at an error, or Ctrl-C, nothing of them runs on."""
        self._check_room()
        waiting = deque(shards)
        done, total = 0, self._job.n_images(shards)
        self._watcher.stage("encoding", total)
        try:
            while waiting or self._running:
                self._send(waiting)
                ready, _ = self._ray.wait(list(self._running), timeout=_LOOK_SECONDS)
                for answer in ready:
                    done += self._result(answer, self._running.pop(answer))
                self._watcher.advance(done, total)
        finally:
            for answer in self._running:
                with suppress(self._ray.exceptions.RayError):
                    self._ray.cancel(answer, force=True)

    def _send(self, waiting: deque[int]) -> None:
        """Send out as many as the cluster, which may grow, has room for, and some more."""
        most = _AHEAD * max(1, sum(map(self._room, self._ray.nodes())))
        while waiting and len(self._running) < most:
            shard = waiting.popleft()
            task = self._job.task(shard)
            sent = Sent(task, MODEL_FILE, __version__, sees_a_file(task))
            # In a list the model stays where it is until a worker asks for it.
            self._running[self._encode.remote(sent, [self._model])] = shard

    def _room(self, node: dict[str, Any]) -> int:
        """Count the shards that a node can encode at a time."""
        if not node["Alive"]:
            return 0
        has = node["Resources"]
        by_cpus = int(has.get("CPU", 0) // self._cpus)
        return min(by_cpus, int(has.get("GPU", 0))) if self._gpus else by_cpus

    def _check_room(self) -> None:
        """Refuse what no node can take: Ray would wait for one for ever."""
        if not any(map(self._room, self._ray.nodes())):
            with_gpu = " beside its GPU" if self._gpus else ""
            wanted = f"at most the processors of a node{with_gpu}"
            raise refuse("workers", wanted, self._job.settings.workers)

    def _result(self, answer: Any, shard: int) -> int:
        errors = self._ray.exceptions
        name = shard_name(shard, self._job.plan.n_shards)
        try:
            return int(self._ray.get(answer))
        except errors.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, HashlensError):
                raise cause from None
            raise HashlensError(f"{name} could not be encoded. Got {cause!r}. {_GO_ON}") from error
        except errors.RayError as error:
            why = str(error).strip().splitlines()[0].rstrip(".")
            raise HashlensError(
                f"{name} was lost {RETRIES + 1} times, so it is given up. Got {why}. {_GO_ON}"
            ) from error


def _on_worker(sent: Sent, model: list[Any]) -> int:
    import ray

    return encode_sent(sent, lambda: ray.get(model[0]))


def _ray() -> ModuleType:
    # Ray would report its use to its makers; who wants that says so.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray") from error
    module: ModuleType = ray
    return module


@contextmanager
def _connected(ray: ModuleType, address: str) -> Iterator[None]:
    """Connect to a cluster, or start one here that ends with the block."""
    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    # Ray's sockets lie there, and their paths must be short: not in a long folder of the user.
    short = "/tmp" if Path("/tmp").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="ray", dir=short, ignore_cleanup_errors=True) as place:
        if address == _HERE:
            options |= {
                "num_cpus": available_cpus(),
                "include_dashboard": False,
                "_temp_dir": place,
            }
        elif _is_own(address):
            # Ray would take any node of this machine; the first is the one that must live.
            options["_node_ip_address"] = address.rpartition(":")[0]
        try:
            _knock(address)
            ray.init(address=address, **options)
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            wanted = "the address of a Ray cluster that can be reached"
            raise refuse("ray", wanted, words(f"{address} ({error})")) from error
        try:
            yield
        finally:
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError where nothing listens; Ray would try for minutes."""
    host, colon, port = address.rpartition(":")
    if colon:
        socket.create_connection((host, int(port)), _KNOCK_SECONDS).close()


def _is_own(address: str) -> bool:
    """Say whether an address is one of this machine's, given in numbers."""
    host = address.rpartition(":")[0]
    if host == "127.0.0.1" or not host.replace(".", "").isdigit():
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True
