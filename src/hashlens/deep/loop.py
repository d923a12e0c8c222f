"""The one training loop: schedule, forward, loss, backward, log, validate, checkpoint."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from hashlens.deep.augment import AlternatingFlip, cutout, random_crop_and_flip
from hashlens.deep.base import DeepMethod, HashNetwork, Outputs, Targets, make_targets
from hashlens.deep.batches import Batches, epoch_order
from hashlens.deep.checkpoint import read_checkpoint, restore, save_checkpoint
from hashlens.deep.optimizer import build_optimizer
from hashlens.deep.recipe import Recipe
from hashlens.deep.share import Share, whole_batch
from hashlens.errors import HashlensError

WATCH_SECONDS = 0.2


@dataclass(frozen=True)
class Step:
    """What the loop tells whoever watches, after every step."""

    step: int
    n_steps: int
    epoch: int
    loss: float
    images_per_second: float


@dataclass
class Run:
    """One training: what is trained, on what, how, and where it is written down.

    Attributes
    ----------
    checkpoint : Path, optional
        Where an interrupted training is kept and looked for.
    settings : dict
        What must be the same for a checkpoint to be taken up.
    lengths : tuple of int
        Prefixes of the code that are to be codes themselves, the whole code last.
    validate : callable, optional
        Called after each epoch, the network in evaluation mode; its figures join the history.
    report : callable, optional
        Called with each epoch's row of figures.
    watch : callable, optional
        Called with a `Step` after every step.
    """

    method: DeepMethod
    network: HashNetwork
    normalize: nn.Module
    data: Batches
    recipe: Recipe
    n_classes: int
    seed: int = 0
    lengths: tuple[int, ...] = ()
    checkpoint: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    checkpoint_seconds: float = 60.0
    validate: Callable[[], dict[str, float]] | None = None
    report: Callable[[dict[str, float]], None] | None = None
    watch: Callable[[Step], None] | None = None


def fit(run: Run, fabric: Fabric, last_step: int | None = None) -> list[dict[str, float]]:
    """Train `run.network` in place; return one row of figures an epoch.

    Every step's randomness comes from (seed, step), so a run that was killed and taken up from its
    checkpoint ends with the same weights as one that was not. With `last_step`, it stops there, as
    one that was killed. Of several processes, each runs its part of every batch and sees the
    outputs of all: their number changes nothing but the rounding, and what dropout draws.

    Raises
    ------
    HashlensError
        If the loss is no longer finite.
    """
    recipe, n_images = run.recipe, len(run.data)
    n_steps, per_epoch = recipe.n_steps(n_images), recipe.steps_per_epoch(n_images)
    optimizer = build_optimizer(run.network, recipe, run.method.rate_factor)
    start, history, losses, clock = _take_up(run, optimizer, fabric)
    share = Share.of(min(recipe.batch_size, n_images), fabric.global_rank, fabric.world_size)
    network, optimizer = fabric.setup(whole_batch(run.network, share), optimizer)
    network.train()
    flip = AlternatingFlip(n_images, run.seed) if recipe.flip else None
    steps = range(start, last_step or n_steps)
    # The order twice: the stream may read ahead in its own.
    orders = [epoch_order(run.data.classes, recipe, run.seed, steps) for _ in range(2)]
    batches = zip(steps, orders[0], run.data.stream(orders[1], share), strict=True)
    for step, ids, (pixels, labels) in batches:
        torch.manual_seed(run.seed * 1_000_003 + step)
        for group in optimizer.param_groups:
            group["lr"] = group["rate_factor"] * recipe.rate((step + 1) / (n_steps + 1))
        mirrored = flip.mirrored(ids[share.rows], step // per_epoch) if flip else False
        outputs = network(augment(run.normalize(pixels), recipe, mirrored, share))
        targets = make_targets(labels, run.n_classes, recipe.label_smoothing)
        loss = nested_loss(run, outputs, targets, step / n_steps)
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        losses.append(loss.detach())
        done = step + 1
        if done % per_epoch == 0:
            history.append(_close_epoch(run, losses, done // per_epoch, clock.seconds))
            losses = []
            network.train()
        if run.watch and (clock.is_time("watch", WATCH_SECONDS) or done == n_steps):
            speed = clock.steps_per_second(done) * len(ids)
            run.watch(Step(done, n_steps, step // per_epoch, loss.item(), speed))
        if run.checkpoint and clock.is_time("save", run.checkpoint_seconds):
            state = {"step": done, "history": history, "seconds": clock.seconds}
            _save(run, optimizer, losses, state)
    run.network.eval()
    return history


def nested_loss(run: Run, outputs: Outputs, targets: Targets, progress: float) -> Tensor:
    """The method's loss, averaged over the prefixes of the code that are to be codes themselves.

    References
    ----------
    A. Kusupati et al., Matryoshka representation learning, NeurIPS 2022, eq. 1.
    """
    if len(run.lengths) < 2:
        return run.method.loss(outputs, targets, progress)
    prefixes = [run.network.prefix(outputs, n_bits) for n_bits in run.lengths]
    losses = [run.method.loss(prefix, targets, progress) for prefix in prefixes]
    return torch.stack(losses).mean()


def augment(
    images: Tensor, recipe: Recipe, mirrored: bool | Tensor, share: Share | None = None
) -> Tensor:
    """Apply the recipe's augmentation, its sizes scaled from 32 pixels to the shorter side."""
    scale = min(images.shape[2:]) / 32
    padding = round(recipe.crop_padding * scale)
    moved = random_crop_and_flip(images, padding, mirrored, share)
    cut = cutout(moved, round(recipe.cutout * scale), share)
    return cut.contiguous(memory_format=torch.channels_last)


class _Clock:
    """Tells when something is due, how fast the steps go, and the seconds of all runs so far."""

    def __init__(self, start: int = 0, earlier_seconds: float = 0.0) -> None:
        self.start = start
        self.earlier_seconds = earlier_seconds
        self.began_at = time.monotonic()
        self.last: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        return self.earlier_seconds + time.monotonic() - self.began_at

    def is_time(self, what: str, every_seconds: float) -> bool:
        now = time.monotonic()
        due = now - self.last.get(what, self.began_at) >= every_seconds
        if due:
            self.last[what] = now
        return due

    def steps_per_second(self, done: int) -> float:
        return (done - self.start) / max(time.monotonic() - self.began_at, 1e-9)


def _take_up(
    run: Run, optimizer: Optimizer, fabric: Fabric
) -> tuple[int, list[dict[str, float]], list[Tensor], _Clock]:
    # Of several processes, only the first has a checkpoint.
    saved = fabric.broadcast(read_checkpoint(run.checkpoint, run.settings))
    if saved is None:
        return 0, [], [], _Clock()
    state = restore(saved, run.network, optimizer)
    losses = [torch.tensor(loss, device=fabric.device) for loss in state["losses"]]
    return state["step"], state["history"], losses, _Clock(state["step"], state["seconds"])


def _save(run: Run, optimizer: Optimizer, losses: list[Tensor], state: dict[str, Any]) -> None:
    numbers = torch.stack(losses).tolist() if losses else []
    if run.checkpoint:
        written = {**state, "losses": numbers, "settings": run.settings}
        save_checkpoint(run.checkpoint, run.network, optimizer, written)


def _close_epoch(run: Run, losses: list[Tensor], epoch: int, seconds: float) -> dict[str, float]:
    mean_loss = float(torch.stack(losses).cpu().mean())
    if not math.isfinite(mean_loss):
        raise HashlensError(
            f"The loss must stay finite. Got {mean_loss} in epoch {epoch}. "
            f"Try a lower learning rate or --precision 32-true."
        )
    row = {"epoch": epoch, "loss": mean_loss, "seconds": round(seconds, 1)}
    if run.validate:
        run.network.eval()
        row.update(run.validate())
    if run.report:
        run.report(row)
    return row
