"""Scores of codes that any program wrote, by the rules of every other figure here."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from hashlens.checks import check_choice, check_int, refuse, words
from hashlens.evaluation.average_precision import DENOMINATORS
from hashlens.evaluation.protocols import Protocol
from hashlens.neighbors import DistanceHistograms, Relevance
from hashlens.provenance import provenance
from hashlens.reproduce.code_files import LabelledCodes
from hashlens.reproduce.counting import counts_by_grade, relevance_grades
from hashlens.reproduce.figures import Row, table_of
from hashlens.reproduce.label_files import matched
from hashlens.reproduce.tally import Tally
from hashlens.search import HammingIndex
from hashlens.watcher import Watcher

BLOCK = 4096  # queries whose histograms are held at a time


@dataclass(frozen=True)
class CodeScores:
    """What codes score.

    Attributes
    ----------
    row : Row
        The figures, as in the table of a model.
    rules : dict
        k, denominator, leave_one_out, ties, zero_relevant, and the protocol's name if one was
        asked for.
    n_queries, n_database : int
        Codes that ask, and codes searched by each.
    n_without_relevant : int
        Queries without any relevant item: their average precision counts as 0.
    curve : dict
        Precision and recall by radius, pooled over the queries.
    taken : dict
        What each file was taken to be.
    doubts : tuple of str
        What may not be as it was meant.
    seconds : float
    """

    row: Row
    rules: dict[str, Any]
    n_queries: int
    n_database: int
    n_without_relevant: int
    curve: dict[str, list[float]]
    taken: dict[str, Any] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def title(self) -> str:
        """One line that says what was measured."""
        named = self.rules["protocol"]
        rule = "leave-one-out" if self.rules["leave_one_out"] else "queries beside the database"
        return (
            f"{'' if named is None else f'{named}, '}{rule}: {self.n_queries:,} queries, "
            f"{self.n_database:,} codes searched"
        )

    def table(self) -> list[dict[str, Any]]:
        """The figures for people, in one line."""
        return table_of((self.row,), self.rules["k"])

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values, with machine, versions and command."""
        environment = provenance()
        return {
            "title": self.title,
            "command": environment["command"],
            "rules": self.rules,
            "taken": self.taken,
            "n_queries": self.n_queries,
            "n_database": self.n_database,
            "n_without_relevant": self.n_without_relevant,
            "rows": [asdict(self.row)],
            "curve": self.curve,
            "warnings": list(self.doubts),
            "seconds": self.seconds,
            "environment": environment,
        }


def score_codes(
    database: LabelledCodes,
    queries: LabelledCodes | None = None,
    *,
    k: int | None = None,
    denominator: str | None = None,
    protocol: Protocol | None = None,
    watcher: Watcher | None = None,
) -> CodeScores:
    """Score codes, whoever made them: exact over ties, in memory of one block of queries.

    Parameters
    ----------
    database : LabelledCodes
        See :func:`hashlens.reproduce.code_files.read_codes`.
    queries : LabelledCodes, optional
        Where None, every item of the database asks and is taken out of what it searches.
    k : int, >= 1, optional
        Rank at which average precision is cut.
    denominator : {"relevant", "retrieved", "min"}, optional
        See :func:`hashlens.evaluation.average_precision`; "relevant" where None.
    protocol : Protocol, optional
        Gives k and the denominator in place of those two, and whether there must be queries.
    watcher : Watcher, optional

    Returns
    -------
    scores : CodeScores

    Raises
    ------
    InputError
        If the codes differ in length, the labels in kind, or an argument is not as above.
    """
    rules = _rules(k, denominator, protocol, queries is None)
    asking = database if queries is None else queries
    if asking.n_bits != database.n_bits:
        raise refuse(asking.name, f"codes of {database.n_bits} bits", words(f"{asking.n_bits}"))
    if queries is None and len(database) < 2:
        raise refuse(
            database.name, "two codes or more, where each is left out of its own search", 1
        )
    began = time.monotonic()
    labels = matched(database.labels, asking.labels)
    grades = relevance_grades(labels[1], labels[0])
    tally = Tally(rules["k"], rules["denominator"], database.n_bits)
    for blocks in _blocks(database, asking, grades, queries is None, watcher or Watcher()):
        tally.add(blocks[0], blocks if labels[0].ndim == 2 else ())
    return CodeScores(
        row=tally.row(database.name),
        rules=rules,
        n_queries=len(asking),
        n_database=len(database) - (queries is None),
        n_without_relevant=tally.n_without_relevant,
        curve=tally.curve(),
        taken=_taken(database, queries),
        doubts=(*database.doubts, *(() if queries is None else _doubts(database, queries))),
        seconds=round(time.monotonic() - began, 3),
    )


def _rules(
    k: int | None, denominator: str | None, protocol: Protocol | None, leave_one_out: bool
) -> dict[str, Any]:
    if protocol is not None:
        if k is not None or denominator is not None:
            raise refuse("k and denominator", "left out with a protocol", (k, denominator))
        if protocol.measure != "retrieval":
            raise refuse("the protocol of codes", "one that ranks", protocol.name)
        if protocol.exclude_self != leave_one_out:
            wanted = "left out" if protocol.exclude_self else "given"
            got = words("none" if leave_one_out else "some")
            raise refuse(f"the queries of {protocol.name}", wanted, got)
        k, denominator = protocol.k, protocol.denominator
    return {
        "protocol": None if protocol is None else protocol.name,
        "k": None if k is None else check_int("k", k, 1),
        "denominator": check_choice("denominator", denominator or "relevant", DENOMINATORS),
        "leave_one_out": leave_one_out,
        "ties": "expectation over all orders; best and worst order beside it",
        "zero_relevant": "counts as 0, and in the mean",
    }


def _taken(database: LabelledCodes, queries: LabelledCodes | None) -> dict[str, Any]:
    sides = (
        {"database": database} if queries is None else {"database": database, "queries": queries}
    )
    return {
        name: {"codes": side.taken, "labels": side.labels.taken, "words": side.words}
        for name, side in sides.items()
    }


def _doubts(database: LabelledCodes, queries: LabelledCodes) -> tuple[str, ...]:
    same = [database.taken.get(key) == queries.taken.get(key) for key in ("sha256", "variable")]
    if all(same) or np.array_equal(database.codes, queries.codes):
        leaked = (
            f"{queries.name} holds the codes of {database.name}: every query finds itself. "
            "Leave the queries out for leave-one-out"
        )
        return (*queries.doubts, leaked)
    return queries.doubts


def _blocks(
    database: LabelledCodes,
    asking: LabelledCodes,
    grades: Sequence[Relevance],
    leave_one_out: bool,
    watcher: Watcher,
) -> Iterator[list[DistanceHistograms]]:
    """Histograms of blocks of consecutive queries, one for each grade of relevance."""
    index = HammingIndex(database.codes, database.n_bits)
    watcher.stage("ranking", len(asking))
    for start in range(0, len(asking), BLOCK):
        codes = asking.codes[start : start + BLOCK]
        yield counts_by_grade(index, codes, grades, exclude_self=leave_one_out, start=start)
        watcher.advance(start + len(codes), len(asking))
