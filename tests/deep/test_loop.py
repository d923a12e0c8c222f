"""The one loop: what it computes, that it repeats itself, and that it survives kill -9."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from hashlens.deep import DeepEncoder, Normalize, Recipe
from hashlens.deep.batches import TensorBatches, epoch_order
from hashlens.deep.checkpoint import read_checkpoint
from hashlens.deep.loop import Run, _take_up, fit
from hashlens.deep.optimizer import build_optimizer
from hashlens.deep.ritq import RITQ
from hashlens.errors import FormatError, HashlensError, InputError

CPU = torch.device("cpu")
SMALL = Recipe(epochs=3, min_steps=0, batch_size=32, learning_rate=0.05)


def small_run(tmp_path=None, seed=0, recipe=SMALL, **more):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 32)
    pixels = (rng.integers(0, 60, (128, 8, 8, 1)) + 50 * labels[:, None, None, None]).astype("u1")
    torch.manual_seed(seed)
    method = RITQ(n_bits=8, trunk="resnet-8", n_features=16)
    encoder = DeepEncoder(Normalize.fit([pixels]), method.network(4, 1))
    return Run(
        method=method,
        network=encoder.network,
        normalize=encoder.normalize,
        data=TensorBatches(pixels, labels, CPU),
        recipe=recipe,
        n_classes=4,
        seed=seed,
        checkpoint=None if tmp_path is None else tmp_path / "checkpoint.safetensors",
        settings={"seed": seed},
        checkpoint_seconds=0.0,
        **more,
    )


def fabric():
    return Fabric(accelerator="cpu", devices=1, precision="32-true")


def weights(run):
    return {k: v.clone() for k, v in run.network.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_loss_falls_and_same_seed_gives_same_weights():
    first, second, other = small_run(), small_run(), small_run(seed=1)
    history = fit(first, fabric())
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert history[-1]["loss"] < history[0]["loss"]
    fit(second, fabric())
    fit(other, fabric())
    assert same(weights(first), weights(second))
    assert not same(weights(first), weights(other))


MUON = replace(SMALL, filter_rate=0.1)


@pytest.mark.parametrize(
    ("stop", "recipe"), [(1, SMALL), (4, SMALL), (7, SMALL), (11, SMALL), (5, MUON)]
)
def test_interrupted_training_ends_with_the_same_weights_and_history(tmp_path, stop, recipe):
    whole = small_run(recipe=recipe)
    history = fit(whole, fabric())
    fit(small_run(tmp_path, recipe=recipe), fabric(), last_step=stop)
    resumed = small_run(tmp_path, recipe=recipe)
    again = fit(resumed, fabric())
    assert same(weights(whole), weights(resumed))
    assert [row["loss"] for row in again] == pytest.approx([row["loss"] for row in history])


KILLED = """
import sys
from pathlib import Path
from hashlens.data import Splits, synthetic_images
from hashlens.training import TrainOptions, train
from hashlens.watcher import Watcher
import hashlens.deep.loop as loop
loop.WATCH_SECONDS = 0.0
class Say(Watcher):
    def advance(self, done, total, note=""):
        if note:
            print(done, flush=True)
data = synthetic_images(200, 3, size=12, seed=0)
run = loop.Run
loop.Run.__dataclass_fields__["checkpoint_seconds"].default = 0.0
options = TrainOptions(epochs=6, out=Path(sys.argv[1]), precision="32-true")
original = loop.Run.__init__
def init(self, *args, **kwargs):
    original(self, *args, **kwargs)
    self.checkpoint_seconds = 0.0
loop.Run.__init__ = init
train(Splits(data, data), method="ritq", n_bits=8, settings={"trunk": "resnet-8"}, options=options,
      watcher=Say())
"""


@pytest.mark.slow
def test_kill_9_costs_nothing_but_time(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(KILLED)
    folders = [tmp_path / "whole", tmp_path / "killed"]
    subprocess.run([sys.executable, str(script), str(folders[0])], check=True, timeout=120)
    command = [sys.executable, str(script), str(folders[1])]
    for stop_at in (2, 5):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if int(line) >= stop_at:
                time.sleep(0.02)
                os.kill(process.pid, signal.SIGKILL)
                break
        process.wait()
        process.stdout.close()
    assert (folders[1] / "checkpoint.safetensors").exists()
    subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)
    contents = [(folder / "weights.safetensors").read_bytes() for folder in folders]
    assert contents[0] == contents[1]
    assert not (folders[1] / "checkpoint.safetensors").exists()


def test_what_an_epoch_lost_before_a_kill_is_taken_up_on_the_device(tmp_path):
    fit(small_run(tmp_path), fabric(), last_step=2)
    run = small_run(tmp_path)
    optimizer = build_optimizer(run.network, run.recipe, run.method.rate_factor)
    # Losses of two devices cannot be stacked to be saved again; "meta" stands for a GPU.
    gpu = SimpleNamespace(device=torch.device("meta"), broadcast=lambda read: read)
    losses = _take_up(run, optimizer, gpu)[2]
    assert [loss.device.type for loss in losses] == ["meta"] * 2


def test_checkpoint_of_other_settings_is_refused(tmp_path):
    fit(small_run(tmp_path), fabric(), last_step=2)
    other = small_run(tmp_path)
    other.settings = {"seed": 5}
    with pytest.raises(InputError, match=r"seed must be that of the interrupted training"):
        fit(other, fabric())


def test_damaged_checkpoint_is_refused(tmp_path):
    run = small_run(tmp_path)
    fit(run, fabric(), last_step=2)
    content = run.checkpoint.read_bytes()
    run.checkpoint.write_bytes(content[: len(content) // 2])
    with pytest.raises(FormatError, match=r"must be a hashlens checkpoint"):
        read_checkpoint(run.checkpoint, run.settings)


def test_diverging_training_says_so():
    run = small_run(recipe=Recipe(epochs=3, min_steps=0, batch_size=32, learning_rate=1e30))
    with pytest.raises(HashlensError, match=r"The loss must stay finite"):
        fit(run, fabric())


def test_the_loop_mirrors_in_turn_and_only_where_it_may():
    mirrored = {True: 0, False: 0}
    for flip in mirrored:
        run = small_run(recipe=replace(SMALL, epochs=2, crop_padding=0, flip=flip))
        run.normalize = torch.nn.Identity()
        still = run.data.pixels.float()
        shown = []
        run.data.pixels = still.permute(0, 3, 1, 2)
        run.network.register_forward_pre_hook(lambda _, inputs, to=shown: to.append(inputs[0]))
        fit(run, fabric())
        ids = np.concatenate([*epoch_order(run.data.classes, run.recipe, 0, range(8))])
        before, after = run.data.pixels[torch.from_numpy(ids)], torch.cat(shown)
        same_way = (before == after).all((1, 2, 3))
        assert ((before.flip(3) == after).all((1, 2, 3)) | same_way).all()
        mirrored[flip] = int((~same_way).sum())
    assert mirrored == {True: 128, False: 0}


class Counting(RITQ):
    """Says which prefixes its loss was asked for."""

    def loss(self, outputs, targets, progress):
        self.seen = [*vars(self).get("seen", []), outputs.projection.shape[1]]
        return super().loss(outputs, targets, progress) * outputs.projection.shape[1]

    def rate_factor(self, name):
        return 0.0 if name.startswith("trunk.") else 1.0


def test_nested_loss_is_the_mean_over_the_prefixes_and_rate_factors_hold():
    run = small_run()
    run.method = Counting(n_bits=8, trunk="resnet-8", n_features=16)
    run.lengths = (2, 4, 8)
    before = weights(run)
    fit(run, fabric(), last_step=1)
    assert run.method.seen == [2, 4, 8]
    after = weights(run)
    trunk = [n for n in before if n.startswith("trunk.") and n.endswith("weight")]
    assert all(torch.equal(before[name], after[name]) for name in trunk)
    assert not torch.equal(before["classifier.weight"], after["classifier.weight"])
