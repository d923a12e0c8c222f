"""Several processes that train together: the same result, one voice, one end."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn

import shared_training
from hashlens.data import Splits, synthetic_images
from hashlens.deep.whole_norm import WholeBatchNorm
from hashlens.errors import HashlensError, InputError, MissingExtraError
from hashlens.model import Model
from hashlens.training import TrainOptions, train
from hashlens.training.crew import build_fabric, check_gpus
from hashlens.training.launching import _picklable
from hashlens.training.plan import Plan
from hashlens.training.relay import Listener, Relay
from hashlens.training.start import _check_shares
from hashlens.watcher import Watcher

CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children")
needs_proc = pytest.mark.skipif(not CHILDREN.exists(), reason="the system does not list children")


def test_two_processes_train_every_method_as_one_does():
    # In float64, so that nothing but rounding is left, and no threshold is crossed by it.
    found = build_fabric(Plan(2, 1, False), "64-true").launch(shared_training.differences)
    assert len(found) >= 15
    for case, (difference, movement) in found.items():
        assert difference < 1e-10 < 1e-3 < movement, case


@pytest.fixture
def one_process_group(tmp_path):
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("one_process_group")
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)])
@pytest.mark.parametrize(
    ("make", "shape"),
    [(lambda: nn.BatchNorm2d(5), (7, 5, 6, 6)), (lambda: nn.BatchNorm1d(5, affine=False), (9, 5))],
)
def test_normalisation_of_a_whole_batch_is_torchs(make, shape, dtype, close):
    torch.manual_seed(0)
    images, weights = torch.randn(shape).mul(3).add(20).to(dtype), torch.randn(shape) + 30
    layers, gradients, outputs = [make(), make()], [], []
    for layer, mode in zip(layers, (WholeBatchNorm(), torch.no_grad()), strict=True):
        pixels = images.clone().requires_grad_()
        with mode, torch.enable_grad():
            outputs.append(layer(pixels))
        (outputs[-1].float() * weights).sum().backward()
        gradients.append(pixels.grad)
    torch.testing.assert_close(*outputs, atol=close, rtol=close)
    torch.testing.assert_close(*gradients, atol=close, rtol=close)
    for name, value in layers[0].state_dict().items():
        torch.testing.assert_close(value, layers[1].state_dict()[name], atol=1e-4, rtol=1e-4)
    for a, b in zip(layers[0].parameters(), layers[1].parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=10 * close, rtol=close)


TRAINING = """
import sys
from pathlib import Path
from hashlens.data import Splits, synthetic_images
from hashlens.training import TrainOptions, train
from hashlens.watcher import Watcher
import hashlens.deep.loop as loop

loop.WATCH_SECONDS = 0.0
original = loop.Run.__init__
def init(self, *args, **kwargs):
    original(self, *args, **kwargs)
    self.checkpoint_seconds = 0.0
loop.Run.__init__ = init  # in every process: each runs these lines

class Say(Watcher):
    def advance(self, done, total, note=""):
        if note:
            print(done, flush=True)

if __name__ == "__main__":
    data = synthetic_images(100, 3, size=12, seed=0)
    options = TrainOptions(
        epochs=int(sys.argv[2]), out=Path(sys.argv[1]), precision="32-true", devices=2
    )
    settings = {"trunk": "resnet-8"}
    train(Splits(data, data), method="csq", n_bits=8, settings=settings, options=options,
          watcher=Say())
"""


def descendants(pid):
    """Numbers of the processes that a process started, and those started."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    except OSError:
        return []
    children = [int(word) for word in text.split()]
    return children + [other for child in children for other in descendants(child)]


def is_rank(pid):
    return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pids, seconds=60.0):
    deadline = time.monotonic() + seconds
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [pid for pid in pids if is_alive(pid)]


def started(tmp_path, n_epochs):
    script = tmp_path / "train.py"
    script.write_text(TRAINING)
    command = [sys.executable, str(script), str(tmp_path / "out"), str(n_epochs)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )


def trained_to(process, step):
    for line in process.stdout:
        if int(line) >= step:
            return
    raise AssertionError(process.stderr.read())


IMAGES = synthetic_images(100, 3, size=12, seed=0)


def trained(n_epochs, devices, out=None, watcher=None):
    """Train here as `TRAINING` does, with any number of processes."""
    options = TrainOptions(epochs=n_epochs, precision="32-true", devices=devices, out=out)
    splits, settings = Splits(IMAGES, IMAGES), {"trunk": "resnet-8"}
    return train(
        splits, method="csq", n_bits=8, settings=settings, options=options, watcher=watcher
    )


def assert_alike(model, other):
    """The same training, but for rounding."""
    for row, again in zip(model.card["history"], other.card["history"], strict=True):
        assert again["loss"] == pytest.approx(row["loss"], rel=1e-3)
    weights = other.encoder.state_dict()
    for name, value in model.encoder.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=1e-2, atol=2e-3)


@needs_proc
def test_a_killed_process_ends_the_training_which_one_process_takes_up(tmp_path):
    process = started(tmp_path, 12)
    trained_to(process, 3)
    family = descendants(process.pid)
    ranks = [pid for pid in family if is_rank(pid)]
    assert len(ranks) == 2
    os.kill(ranks[1], signal.SIGKILL)
    _, errors = process.communicate(timeout=60)  # a moment, but for a busy machine
    assert process.returncode == 1
    assert "Got an end too early: process 1 was killed by SIGKILL" in errors
    assert not wait_until_gone(family)
    out = tmp_path / "out"
    assert [item.name for item in out.iterdir()] == ["checkpoint.safetensors"]
    said = Heard()
    assert_alike(trained(12, 1), trained(12, 1, out, said))
    assert any("taking up the interrupted training" in str(line) for line in said.lines)
    assert 1 not in said.lines  # the first epoch was not done again


@needs_proc
@pytest.mark.slow
def test_nothing_is_left_of_a_training_whose_parent_is_killed(tmp_path):
    process = started(tmp_path, 10_000)
    trained_to(process, 3)
    family = descendants(process.pid)
    process.kill()
    process.communicate(timeout=60)
    assert not wait_until_gone(family)


class Heard(Watcher):
    """Keeps what it is told; may stop a training, as Ctrl-C does."""

    def __init__(self, stop_after=None):
        self.lines = []
        self.stop_after = stop_after

    def stage(self, name, total=None):
        self.lines.append((name, total))

    def row(self, figures):
        self.lines.append(figures["epoch"])
        if figures["epoch"] == self.stop_after:
            raise KeyboardInterrupt

    def note(self, text):
        self.lines.append(text)


def test_two_processes_take_up_what_one_began_and_one_of_them_speaks(tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("hashlens.deep.loop._Clock.is_time", lambda *_: True)
        with pytest.raises(KeyboardInterrupt):
            trained(6, 1, out, Heard(stop_after=3))
    said = Heard()
    whole, shared = trained(6, 1), trained(6, 2, out, said)
    taken_up = f"taking up the interrupted training in {out}"
    stages = [("reading the data", None), ("decoding synthetic", 100), taken_up]
    assert said.lines == [*stages, ("training csq", 6), 3, 4, 5, 6]
    assert sorted(item.name for item in out.iterdir()) == ["model.json", "weights.safetensors"]
    assert (whole.card["processes"], shared.card["processes"]) == (1, 2)
    assert_alike(whole, shared)
    assert np.array_equal(Model.load(out).encode(IMAGES), shared.encode(IMAGES))


def test_torchrun_starts_the_processes_and_one_of_them_speaks(tmp_path):
    words = "train digits --method csq --bits 16 --set trunk=resnet-8 --epochs 1 --json --out"
    door = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command = [*door, "--module", "hashlens", *words.split(), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["processes"] == 2
    assert done.stderr.count("training csq") == 1
    assert Model.load(tmp_path / "out").n_bits == 16


@pytest.mark.parametrize("wrong", [{"devices": 0}, {"nodes": 0}, {"devices": 1.5}])
def test_numbers_of_processes_are_checked(wrong):
    with pytest.raises(InputError, match=r"(devices|nodes) must be an int >= 1"):
        TrainOptions(**wrong)


def test_several_machines_need_to_know_each_other(monkeypatch):
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.delenv("MASTER_PORT", raising=False)
    with pytest.raises(InputError, match=r"nodes must be 1, or .* Got 2 without MASTER_PORT"):
        Plan.of(TrainOptions(nodes=2))


def test_a_hasher_is_fitted_by_one_process():
    with pytest.raises(InputError, match=r"devices must be 1 for itq"):
        train(Splits(IMAGES, IMAGES), method="itq", options=TrainOptions(devices=2))


def test_there_is_a_gpu_for_each_process_where_there_are_gpus(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    check_gpus(Plan(2, 1, False))
    with pytest.raises(InputError, match=r"devices must be at most 2, the GPUs .* Got 3"):
        check_gpus(Plan(3, 1, False))


def test_every_process_needs_an_image_of_a_batch():
    _check_shares(4, 4)
    with pytest.raises(InputError, match=r"devices and nodes must be at most 4 processes .* Got 5"):
        _check_shares(4, 5)


def test_torchruns_numbers_hold(monkeypatch):
    names = {"TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "4", "RANK": "3"}
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    assert Plan.of(TrainOptions()) == Plan.of(TrainOptions(devices=2, nodes=2)) == (2, 2, True)
    assert not Plan.of(TrainOptions()).is_first
    with pytest.raises(InputError, match=r"devices must be left out, or the 2 of torchrun. Got 3"):
        Plan.of(TrainOptions(devices=3))


def test_a_watcher_hears_another_process_to_its_end():
    class Picky(Watcher):
        heard = ()

        def advance(self, done, total, note=""):
            self.heard += ((done, total, note),)
            if done == 3:
                raise ValueError("enough")

    watcher = Picky()
    with Listener(2, watcher) as listener:
        listener.writers[1].send(HashlensError("the second"))
        for done in (1, 2, 3):
            Relay(listener.writers[0]).advance(done, 4)
    assert watcher.heard == ((1, 4, ""), (2, 4, ""), (3, 4, ""))
    assert {str(error) for error in listener.errors} == {"the second", "enough"}


def test_errors_arrive_whatever_they_are_made_of():
    for error in (InputError("a"), MissingExtraError("ray", "ray")):
        assert str(pickle.loads(pickle.dumps(_picklable(error)))) == str(error)
