"""Protocols as values: what asks, what is searched, and how the figure is made."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_choice
from hashlens.errors import LeakError

Digests = NDArray[np.uint64]


@dataclass(frozen=True)
class Protocol:
    """How a model is measured.

    Attributes
    ----------
    name : str
    source : str
        The paper that defines it.
    measure : {"retrieval", "classification"}
    parts : {"given", "drawn", "unseen"}
        Where training images, queries and database come from: from the training and the test part
        as they are; drawn at random from both together; or the test and training images of
        classes that are kept from the training.
    query, database : str
        The part of the data that asks, and the part that is searched.
    exclude_self : bool
        A query is taken out of its own database (leave-one-out).
    k : int or None
        Rank at which average precision is cut.
    denominator : {"relevant", "retrieved", "min"}
        What average precision is divided by; see :func:`average_precision`.
    training_in_database : bool
        The definition itself puts training images into the database.
    n_queries_each, n_training_each : int or None
        Queries and training images that are drawn of each class.
    n_labels : int or None
        Only images with one of so many labels, the most frequent ones, take part.
    unseen : float or None
        Share of the classes that is kept from the training.
    seed : int
        Of what is drawn.
    """

    name: str
    source: str
    measure: str = "retrieval"
    parts: str = "given"
    query: str = "test"
    database: str = "test"
    exclude_self: bool = False
    k: int | None = None
    denominator: str = "relevant"
    training_in_database: bool = False
    n_queries_each: int | None = None
    n_training_each: int | None = None
    n_labels: int | None = None
    unseen: float | None = None
    seed: int = 0

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with any field."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """The protocol and its rules in words, JSON-able: printed with every figure."""
        rules = {
            "relevance": "the same label, or one in common",
            "ties": "expectation over all orders; best and worst order beside it",
            "zero_relevant": "counts as 0",
            "digest": self.digest,
        }
        return {**{k: v for k, v in asdict(self).items() if v is not None}, **rules}


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "ritq-loo",
            "Wang et al., Image retrieval based on ResNet and ITQ, section 4",
            exclude_self=True,
        ),
        Protocol(
            "dlbh-full",
            "Lin et al., Deep learning of binary hash codes, CVPRW 2015, and its repository",
            database="train",
            k=1000,
            denominator="retrieved",
            training_in_database=True,
        ),
        Protocol(
            "dnnh-5k",
            "Lai et al., Simultaneous feature learning and hash coding, CVPR 2015, section 4.1",
            parts="drawn",
            query="100 of each class",
            database="the rest",
            training_in_database=True,
            n_queries_each=100,
            n_training_each=500,
        ),
        Protocol(
            "dnnh-nuswide",
            "Lai et al., CVPR 2015, section 4.1; the cut at 5,000 as in Xia et al., AAAI 2014",
            parts="drawn",
            query="100 of each label",
            database="the rest",
            k=5000,
            denominator="retrieved",
            training_in_database=True,
            n_queries_each=100,
            n_training_each=500,
            n_labels=21,
        ),
        Protocol(
            "unseen-classes",
            "Sablayrolles et al., How should we evaluate supervised hashing?, ICASSP 2017",
            parts="unseen",
            query="test images of the unseen classes",
            database="training images of the unseen classes",
            unseen=0.25,
        ),
        Protocol(
            "classification",
            "error of the network's classifier on the test images",
            measure="classification",
        ),
    )
}


def protocol_named(name: str) -> Protocol:
    """Return a protocol by name.

    Examples
    --------
    >>> protocol_named("dlbh-full").k
    1000
    """
    return PROTOCOLS[check_choice("protocol", name, PROTOCOLS)]


def check_leaks(
    protocol: Protocol,
    query: Digests,
    database: Digests,
    training: Digests,
    query_names: Sequence[str] | None = None,
) -> None:
    """Refuse a measurement whose answer the model, or the database, has seen.

    Parameters
    ----------
    protocol : Protocol
    query, database, training : uint64 arrays
        A digest of each image's pixels; `training` is empty for a model that learnt from none.
    query_names : sequence of str, optional
        For the message.

    Raises
    ------
    LeakError
        If a query was trained on; if a query lies in the database and the protocol does not take
        it out; or if a database image was trained on and the protocol does not say so.

    Examples
    --------
    >>> seen = np.array([1, 2], np.uint64)
    >>> check_leaks(protocol_named("ritq-loo"), seen, seen, seen[:1])
    Traceback (most recent call last):
    ...
    hashlens.errors.LeakError: The queries must not be training images (protocol ritq-loo).
    Got 1 of 2 that are.
    """
    _refuse(protocol, "queries must not be training images", np.isin(query, training), query_names)
    if protocol.measure == "classification" or protocol.exclude_self:
        return
    _refuse(protocol, "queries must not be in the database", np.isin(query, database), query_names)
    if not protocol.training_in_database:
        rule = "database must not hold training images"
        _refuse(protocol, rule, np.isin(database, training), None)


def _refuse(
    protocol: Protocol, rule: str, leaked: NDArray[np.bool_], names: Sequence[str] | None
) -> None:
    count = int(leaked.sum())
    if not count:
        return
    shown = ""
    if names is not None:
        first = [names[i] for i in np.flatnonzero(leaked)[:3]]
        shown = f": {', '.join(first)}{', ...' if count > 3 else ''}"
    raise LeakError(
        f"The {rule} (protocol {protocol.name}). Got {count} of {len(leaked)} that are{shown}."
    )
