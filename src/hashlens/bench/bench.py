"""What the works of one comparison share: the codes, the peers, how long, whom to tell."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from hashlens.bench.answers import distance_counts
from hashlens.bench.case import Case, asked
from hashlens.bench.made_codes import Sample, sample_from, sample_of
from hashlens.bench.memory import too_little
from hashlens.bench.peer import Peer
from hashlens.bench.peers import PEERS, chosen_peers
from hashlens.bench.plan import Plan
from hashlens.bench.timing import Timed, seconds_of, spread
from hashlens.checks import refuse
from hashlens.watcher import Watcher

Row = dict[str, Any]

_PILOT = 4  # things that tell how long one takes


@dataclass
class Bench:
    """One comparison under way.

    Attributes
    ----------
    plan : Plan
    watcher : Watcher
    left_out : list of str
        What was not measured, and why.
    """

    plan: Plan
    watcher: Watcher
    left_out: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.peers = chosen_peers(self.plan.peers)
        self.given = None if self.plan.codes is None else sample_from(self.plan.codes)
        self._made: tuple[object, Sample | None] = (None, None)

    def cases(self, cases: Sequence[Case]) -> list[Case]:
        """Cases of a work, with what was asked for in place of its own values."""
        wanted: dict[str, Sequence[Any]] = dict(self.plan.wanted)
        if self.given is not None and self.plan.codes is not None:
            wanted["data"] = (self.plan.name,)
            wanted["n_codes"] = (len(self.given.codes),)
            wanted["n_bits"] = (self.plan.codes.n_bits,)
        found = asked(cases, wanted, self.plan.quick)
        for case in found:
            if case.k is not None and case.k > case.n_codes:
                raise refuse("k", f"at most {case.n_codes}, the number of codes", case.k)
        return found

    def sample(self, case: Case) -> Sample:
        """Codes and queries of a case; those of the case before are kept."""
        if self.given is not None:
            return Sample(self.given.codes[: case.n_codes], self.given.queries)
        if self._made[0] != case.sample:
            self._made = (None, None)  # two sets at once may be too many
            self.watcher.note(f"making {case.n_codes:,} {case.data} codes of {case.n_bits} bits")
            self._made = (case.sample, sample_of(case))
        sample = self._made[1]
        return sample if sample is not None else sample_of(case)

    def groups(
        self, cases: Sequence[Case], suited: Sequence[str], own: type[Peer]
    ) -> Iterator[tuple[list[Case], list[type[Peer]]]]:
        """Go through cases with the same codes and threads, and the peers that take part.

        What does not fit into memory, or would take hours, is written into ``left_out``.
        """
        for _, group in groupby(self.cases(cases), lambda case: (case.sample, case.threads)):
            some = list(group)
            names = [name for name in suited if name in self.peers]
            late = [name for name in names if some[0].n_codes > PEERS[name].most_codes]
            for name in late:
                self.leave_out(some[0], f"{name} would take hours to build", name)
            peers = [PEERS[name] for name in names if name not in late]
            per_code = sum(peer.bytes_per_code(some[0].n_bits) for peer in (own, *peers))
            if self.fits(some[0], per_code):
                yield some, peers

    def fits(self, case: Case, bytes_per_code: int) -> bool:
        """Tell whether a case fits into memory: the codes, what is read, and what is built."""
        needed = case.n_codes * (bytes_per_code + 3 * (case.n_bits // 8 + 1))
        lack = too_little(needed)
        if lack is not None:
            self.leave_out(case, lack)
        return lack is None

    def leave_out(self, case: Case, why: str, name: str = "") -> None:
        """Write down what is not measured."""
        what = f"{case.n_codes:,} x {case.n_bits} bits, {case.data}"
        text = f"left out: {what}{', ' + name if name else ''}: {why}"
        if text not in self.left_out:
            self.left_out.append(text)
            self.watcher.note(text)

    def some_of(self, task: Callable[[int], object], n_whole: int) -> Timed:
        """Time ``task(n)`` with as many of `n_whole` things as there is time for."""
        each = seconds_of(lambda: task(_PILOT)) / _PILOT
        runs = self.plan.batch_runs
        n = min(n_whole, max(_PILOT, int(self.plan.seconds_each / runs / each)))
        return Timed(lambda: task(n), runs, n)

    def n_checked(self, case: Case, n_queries: int) -> int:
        """How many queries the brute-force scan can answer in a reasonable time."""
        words = case.n_codes * -(-case.n_bits // 64)
        return max(1, min(n_queries, max(8, self.plan.most_compared // words)))

    def counts(self, case: Case, sample: Sample) -> Any:
        """Count codes at each distance of the queries that are checked, by brute force."""
        n = self.n_checked(case, len(sample.queries))
        return distance_counts(sample.codes, sample.queries[:n], case.n_bits)


def row_of(work: str, case: Case, engines: dict[str, Row], **more: Any) -> Row:
    """One row of the result."""
    fields = ("data", "n_codes", "n_bits", "k", "n_queries", "threads")
    case_fields = {name: getattr(case, name) for name in fields}
    return {"work": work, **case_fields, "engines": engines, **more}


def figures(seconds: list[float], n_timed: int | None = None, note: str = "") -> Row:
    """What a row says of an engine: seconds of one query, or of the whole where there are none."""
    found: Row = dict(spread(seconds))
    if n_timed is not None:
        found["n_timed"] = n_timed
    return found | ({"note": note} if note else {})
