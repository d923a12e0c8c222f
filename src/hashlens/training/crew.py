"""The processes that train together, and what each of them does with the others."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy

from hashlens.checks import refuse
from hashlens.cpus import available_cpus
from hashlens.training.plan import Plan

# How long processes wait for one of them: it may have to decode a million images by itself.
PATIENCE = timedelta(hours=2)

Made = TypeVar("Made")


def check_gpus(plan: Plan) -> None:
    """Raise InputError where a machine with GPUs has fewer than processes are wanted."""
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if n_gpus and plan.devices > n_gpus:
        raise refuse("devices", f"at most {n_gpus}, the GPUs of this machine", plan.devices)


def build_fabric(plan: Plan, precision: Any) -> Fabric:
    """Set up Fabric for the processes of a plan: one a GPU where there are GPUs, else on CPUs."""
    if plan.n_processes == 1:
        return Fabric(accelerator="auto", devices=1, precision=precision)
    # Children, and not this script again in each: what stands before and after a call of `train`
    # is then run once, and this process is left to tell how the others ended.
    start_method: Any = "popen" if plan.started else "spawn"
    strategy = _QuietStrategy(start_method=start_method, timeout=PATIENCE)
    return Fabric(
        accelerator="cuda" if torch.cuda.is_available() else "cpu",
        devices=plan.devices,
        num_nodes=plan.nodes,
        strategy=strategy,
        precision=precision,
        plugins=[TorchElasticEnvironment() if plan.started else LightningEnvironment()],
    )


class _QuietStrategy(DDPStrategy):
    """Data-parallel training that does not announce each of its processes."""

    def setup_environment(self) -> None:
        """Join the other processes."""
        logger = logging.getLogger("lightning_fabric")
        level = logger.level
        logger.setLevel(logging.WARNING)
        super().setup_environment()
        logger.setLevel(level)


@dataclass(frozen=True)
class Crew:
    """One of the processes of a training, and what it does with the others.

    Attributes
    ----------
    fabric : Fabric
        Launched.
    n_here : int
        Processes on this machine.
    threads : int
        Of PyTorch, while this process works and the others on its machine wait.
    """

    fabric: Fabric
    n_here: int
    threads: int

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.fabric.global_rank == 0

    def by_first(self, make: Callable[[], Made]) -> Made:
        """Let the first process make something while the others wait, and give it to all."""
        if self.fabric.world_size == 1:
            return make()
        made = None
        if self.is_first:
            with _threads(self.threads):
                made = make()
        given: Made = self.fabric.broadcast(made)  # type: ignore[assignment]
        return given

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """While all processes work, each has its share of the machine's processors."""
        if self.n_here == 1:
            yield
            return
        with _threads(max(1, min(self.threads, available_cpus() // self.n_here))):
            yield


@contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
