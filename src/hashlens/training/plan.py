"""How many processes train together, and who starts them."""

import os
from typing import NamedTuple

from hashlens.checks import refuse, words
from hashlens.training.options import TrainOptions

NEEDED = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")


class Plan(NamedTuple):
    """How many processes train, and who starts them.

    Attributes
    ----------
    devices : int
        Processes on each machine.
    nodes : int
        Machines.
    started : bool
        Whether torchrun has started the processes, and this is one of them.
    """

    devices: int
    nodes: int
    started: bool

    @classmethod
    def of(cls, options: TrainOptions) -> "Plan":
        """Take what torchrun says, where it has started this, else what the options say.

        Raises
        ------
        InputError
            If the two differ, or what several machines need is not in the environment.

        Examples
        --------
        >>> Plan.of(TrainOptions(devices=2)).n_processes
        2
        """
        if "TORCHELASTIC_RUN_ID" in os.environ:
            return _of_torchrun(options)
        missing = [name for name in NEEDED if not os.environ.get(name)]
        if options.nodes > 1 and missing:
            wanted = f"1, or the environment must hold {', '.join(NEEDED)}"
            raise refuse("nodes", wanted, words(f"{options.nodes} without {missing[0]}"))
        return cls(options.devices, options.nodes, False)

    @property
    def n_processes(self) -> int:
        """All processes of all machines."""
        return self.devices * self.nodes

    @property
    def is_first(self) -> bool:
        """Whether this process, or this machine's, is the one that writes and speaks."""
        if self.started:
            return os.environ["RANK"] == "0"
        return self.nodes == 1 or os.environ["NODE_RANK"] == "0"


def _of_torchrun(options: TrainOptions) -> Plan:
    devices = int(os.environ["LOCAL_WORLD_SIZE"])
    nodes = int(os.environ["WORLD_SIZE"]) // devices
    given = {"devices": (options.devices, devices), "nodes": (options.nodes, nodes)}
    for name, (wanted, there) in given.items():
        if wanted not in (1, there):
            raise refuse(name, f"left out, or the {there} of torchrun", wanted)
    return Plan(devices, nodes, True)


def check_one_process(plan: Plan, method: str) -> None:
    """Raise InputError where several processes are to fit what one fits."""
    for name, number in (("devices", plan.devices), ("nodes", plan.nodes)):
        if number > 1:
            raise refuse(name, f"1 for {method}: one process fits it, without gradients", number)
