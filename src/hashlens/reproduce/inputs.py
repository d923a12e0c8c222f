"""What a comparison on one data set starts from."""

from typing import NamedTuple

from hashlens.data import Splits
from hashlens.reproduce.plan import Plan
from hashlens.reproduce.store import Store
from hashlens.watcher import Watcher


class Inputs(NamedTuple):
    """What every stage of a comparison needs, whatever the protocol.

    Attributes
    ----------
    splits : Splits
        With labels.
    plan : Plan
    store : Store
        Where the output of each stage is kept.
    watcher : Watcher
    """

    splits: Splits
    plan: Plan
    store: Store
    watcher: Watcher
