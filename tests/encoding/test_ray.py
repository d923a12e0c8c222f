"""On a real Ray cluster the shards are those of one machine, whatever is killed on the way."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from calling import answer
from hashlens.data import Dataset, Images
from hashlens.encoding import (
    EncodeJob,
    EncodeSettings,
    encode_local,
    encode_on_ray,
    plan_shards,
    ray_encode,
)
from hashlens.errors import HashlensError, ImageError, InputError
from hashlens.watcher import Watcher
from ray_here import RayHere, below, ray_environment, title_of
from small_collections import write_photos

# Ray itself is imported where a cluster is up: it reads the token once, when it is imported.
pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(not find_spec("ray"), reason="needs: pip install 'hashlens[ray]'"),
    pytest.mark.skipif(sys.platform != "linux", reason="nodes need Linux's loopback addresses"),
]

IN_THREADS = EncodeSettings(workers=0)
N_SHARDS = 40


@pytest.fixture(scope="module", autouse=True)
def token() -> None:
    ray_environment()


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayHere]:
    """Two nodes; a test may kill the second."""
    with RayHere(2) as here:
        yield here


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_photos(tmp_path_factory.mktemp("many"), 3 * N_SHARDS)
    (folder / "owl" / "0010.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def wanted(many: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files that encoding here writes."""
    out = tmp_path_factory.mktemp("here")
    encode_local(EncodeJob(model, plan_shards(many, shard_size=3), out, IN_THREADS))
    return contents(out)


@pytest.fixture
def job(many: Path, model: Path, tmp_path: Path) -> EncodeJob:
    return EncodeJob(model, plan_shards(many, shard_size=3), tmp_path / "codes", IN_THREADS)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Once(Watcher):
    """Does something once so many images are done, and some are not."""

    def __init__(self, after: int, what: Callable[[], None]) -> None:
        self.after = after
        self.what = what
        self.at: int | None = None

    def stage(self, name: str, total: int | None = None) -> None:
        del total
        self.name = name

    def advance(self, done: int, total: int, note: str = "") -> None:
        del note
        if self.at is None and self.name == "encoding" and self.after <= done < total:
            self.at = done
            self.what()


def test_the_bytes_are_those_of_this_machine(
    cluster: RayHere, job: EncodeJob, wanted: dict[str, bytes]
) -> None:
    decoding = EncodeJob(job.model_folder, job.plan, job.out)
    report = encode_on_ray(decoding, cluster.address)
    assert contents(job.out) == wanted
    assert (report.n_codes, report.n_images, len(report.skipped)) == (119, 120, 1)
    assert encode_on_ray(job, cluster.address).n_images == 0
    assert not sys.modules["ray"].is_initialized()


def test_a_killed_worker_costs_a_retry(
    cluster: RayHere, job: EncodeJob, wanted: dict[str, bytes]
) -> None:
    killed = []

    def kill() -> None:
        for pid in cluster.nodes[0].workers():
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    watcher = Once(9, kill)
    encode_on_ray(job, cluster.address, watcher)
    assert killed
    assert contents(job.out) == wanted


def test_ctrl_c_ends_it_and_the_same_command_goes_on(
    cluster: RayHere, job: EncodeJob, many: Path, wanted: dict[str, bytes]
) -> None:
    words = ["encode", job.model_folder, many, "--out", job.out, "--shard-size", 3]
    words += ["--ray", cluster.address, "--workers", 0]
    command = [sys.executable, "-m", "hashlens", *map(str, words)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 120
        while not list(job.out.glob("*.parquet")) and time.monotonic() < end:
            time.sleep(0.01)
        for pid in [pid for node in cluster.nodes for pid in node.workers()]:
            os.kill(pid, signal.SIGSTOP)  # so that it does not end before the signal comes
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=120)[1]
    assert process.returncode == 130, said
    assert f"finished shards stay in {job.out}; the same command goes on from there" in said
    assert "Traceback" not in said
    done = contents(job.out)
    assert 1 <= len(done) < N_SHARDS
    result = answer(*words)
    assert (result["n_codes"], result["n_shards"], result["n_skipped"]) == (119, N_SHARDS, 1)
    assert contents(job.out) == wanted


class Deadly(Images):
    """Images that end the process which reads them."""

    def __len__(self) -> int:
        return 2

    def read(self, i: int) -> Any:
        del i
        os.kill(os.getpid(), signal.SIGKILL)

    def name(self, i: int) -> str:
        return f"deadly[{i}]"

    def subset(self, ids: object) -> "Deadly":
        del ids
        return self

    def fingerprint(self) -> bytes:
        return bytes(32)


def test_a_shard_that_is_lost_each_time_is_given_up(
    cluster: RayHere, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray import cloudpickle

    monkeypatch.setattr(ray_encode, "RETRIES", 1)
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    plan = plan_shards(Dataset("deadly", Deadly(), None, ()), shard_size=2)
    job = EncodeJob(model, plan, tmp_path / "codes", IN_THREADS)
    with pytest.raises(HashlensError, match=r"codes-00000-of-00001.parquet was lost 2 times, so"):
        encode_on_ray(job, cluster.address)


def test_errors_of_a_worker_are_those_of_this_machine(
    cluster: RayHere, job: EncodeJob, tmp_path: Path
) -> None:
    strict = EncodeSettings(strict=True, workers=0)
    with pytest.raises(ImageError, match=r"0010.png: is not an image of a known format"):
        encode_on_ray(
            EncodeJob(job.model_folder, job.plan, tmp_path / "s", strict), cluster.address
        )
    many = EncodeSettings(workers=5)
    with pytest.raises(
        InputError, match=r"workers must be at most the processors of a node. Got 5"
    ):
        encode_on_ray(EncodeJob(job.model_folder, job.plan, job.out, many), cluster.address)


def test_a_killed_node_costs_a_retry(
    cluster: RayHere, job: EncodeJob, wanted: dict[str, bytes]
) -> None:
    watcher = Once(9, cluster.nodes[1].kill)
    encode_on_ray(job, cluster.address, watcher)
    assert watcher.at
    assert contents(job.out) == wanted


def test_local_starts_ray_on_this_machine(
    job: EncodeJob, many: Path, wanted: dict[str, bytes]
) -> None:
    words = ("--shard-size", 3, "--workers", 0, "--ray", "local")
    result = answer("encode", job.model_folder, many, "--out", job.out, *words)
    assert result["n_codes"] == 119
    assert contents(job.out) == wanted
    assert not sys.modules["ray"].is_initialized()


def test_nothing_at_the_address_is_said_at_once(job: EncodeJob) -> None:
    with pytest.raises(InputError, match="ray must be the address of a Ray cluster that can be re"):
        encode_on_ray(job, "127.0.0.9:1")


def test_nothing_outlives_the_one_who_started_it() -> None:
    here = Path(sys.modules[RayHere.__module__].__file__ or "")
    with subprocess.Popen(
        [sys.executable, str(here), "--nodes", "1"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "RAY_AUTH_TOKEN" in process.stdout.readline()
        assert "--ray 127.0.0.2:" in process.stdout.readline()
        pids = below(process.pid)
        titles = " ".join(map(title_of, pids))
        process.kill()
    end = time.monotonic() + 30
    while (alive := list(filter(None, map(title_of, pids)))) and time.monotonic() < end:
        time.sleep(0.1)
    assert not alive
    assert "raylet" in titles
    left = re.search(r"--temp-dir=(/tmp/ray\w+)", titles)
    assert left
    shutil.rmtree(left[1])
