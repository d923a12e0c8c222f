"""Start the processes of a training, listen to them, and say what became of them."""

import atexit
import multiprocessing
import os
import pickle
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from hashlens.errors import HashlensError
from hashlens.model import Model
from hashlens.training.crew import Crew, Made, build_fabric
from hashlens.training.plan import Plan
from hashlens.training.relay import Listener, Relay
from hashlens.watcher import Watcher

Work = Callable[[Crew, Watcher], Model]


class LostError(HashlensError):
    """A process found that another one of the same training has ended."""


def run_crew(plan: Plan, precision: str, work: Work, watcher: Watcher) -> Model:
    """Let the processes of a plan do `work`, and give the model that all of them end with.

    `work` can be pickled, is given a `Crew`, and a watcher that speaks in the first process only.
    """
    fabric = build_fabric(plan, precision)
    threads = torch.get_num_threads()
    if plan.n_processes == 1:
        return work(Crew(fabric, 1, threads), watcher)
    if plan.started:
        with _others_may_end():
            _join(fabric)
            return work(Crew(fabric, plan.devices, threads), watcher)
    with (
        tempfile.TemporaryDirectory(prefix="hashlens-") as folder,
        _environment(plan),
        _no_child_left(),
        Listener(plan.devices, watcher) as listener,
    ):
        model = Path(folder) / "model"
        try:
            fabric.launch(_Child(plan.devices, threads, work, listener.writers, model))
        except (ProcessExitedException, ProcessRaisedException) as error:
            listener.stop()
            raise _explained(error, listener) from error
        return Model.load(model)


def in_turn(plan: Plan, make: Callable[[], Made]) -> Made:
    """Make something in each process, in torchrun's first before the others: one download."""
    with _others_may_end():
        fabric = build_fabric(plan, "32-true")
        _join(fabric)
        made = make() if plan.is_first else None
        fabric.barrier()
        return make() if made is None else made


def agreed(plan: Plan, choose: Callable[[], Made]) -> Made:
    """Choose something once, before the processes are at work."""
    if not plan.started or plan.n_processes == 1:
        return choose()
    with _others_may_end():
        fabric = build_fabric(plan, "32-true")
        _join(fabric)
        return Crew(fabric, plan.devices, torch.get_num_threads()).by_first(choose)


def _join(fabric: Fabric) -> None:
    """Join the processes that torchrun started, until this one ends.

    A thread of the group that still runs when the interpreter is gone would abort the process.
    """
    fabric.launch()
    atexit.register(_leave)


def _leave() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@dataclass(frozen=True)
class _Child:
    """What a process that was started for it does: work, and hand the model over in a folder."""

    n_here: int
    threads: int
    work: Work
    writers: list[Connection]
    folder: Path

    def __call__(self, fabric: Fabric) -> None:
        writer = self.writers[fabric.local_rank]
        crew = Crew(fabric, self.n_here, self.threads)
        try:
            with _others_may_end():
                model = self.work(crew, Relay(writer) if crew.is_first else Watcher())
                if fabric.local_rank == 0:
                    model.save(self.folder)
        except (HashlensError, OSError) as error:
            writer.send(_picklable(error))
            sys.exit(1)


def _picklable(error: Exception) -> Exception:
    """Give an exception that arrives: some take other arguments than they keep."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return HashlensError(str(error))
    return error


def _explained(
    error: ProcessExitedException | ProcessRaisedException, listener: Listener
) -> Exception:
    """Choose what to tell: what a process says of itself is nearer to the cause than its end."""
    said = [told for told in listener.errors if not isinstance(told, LostError)]
    if said:
        return said[0]
    if isinstance(error, ProcessExitedException) and error.signal_name:
        return _ended(f"process {error.error_index} was killed by {error.signal_name}")
    if listener.errors:
        return listener.errors[0]
    if isinstance(error, ProcessExitedException):
        return _ended(f"process {error.error_index} ended with exit code {error.exit_code}")
    return error


def _ended(what: str) -> LostError:
    return LostError(
        f"All processes of a training must live until its end. Got an end too early: {what}. "
        f"The same command goes on from its last checkpoint, if it has --out."
    )


@contextmanager
def _others_may_end() -> Iterator[None]:
    """Turn what PyTorch says when another process has ended into words."""
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if isinstance(error, torch.distributed.DistError) or "gloo" in text:
            raise _ended(f"another process has ended ({text.splitlines()[0]})") from error
        raise


@contextmanager
def _no_child_left() -> Iterator[None]:
    """End the processes that were started since, whatever ends this one."""
    before = multiprocessing.active_children()
    try:
        yield
    finally:
        for child in multiprocessing.active_children():
            if child not in before:
                child.kill()
                child.join()


@contextmanager
def _environment(plan: Plan) -> Iterator[None]:
    """Set what the processes are to find, and take it away again."""
    before = dict(os.environ)
    # Gloo would look for the address of the machine's name, which need not have one.
    if plan.nodes == 1 and "lo" in (name for _, name in socket.if_nameindex()):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
