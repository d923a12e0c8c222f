"""The comparison: works chosen by name, measured one after another."""

from dataclasses import replace
from typing import Any

from hashlens.bench.bench import Bench, Row
from hashlens.bench.made_codes import DATA, SEED
from hashlens.bench.peers import PEERS, check_names, not_installed
from hashlens.bench.plan import Plan
from hashlens.bench.works import DEFAULT, WORKS
from hashlens.checks import check_choice, refuse, words
from hashlens.provenance import environment
from hashlens.watcher import Watcher

TITLE = "Search: this project and its peers on the same codes"
MORE_PACKAGES = ("torchmetrics",)


def bench_search(plan: Plan, watcher: Watcher | None = None) -> dict[str, Any]:
    """Measure search.

    Every answer is compared with a brute-force scan, by distance. Engines are timed in turn.

    Parameters
    ----------
    plan : Plan
    watcher : Watcher, optional
        Told what is measured.

    Returns
    -------
    result : dict, ready for JSON
        ``rows`` hold, for each case, the seconds of each engine: of one query, or of the whole
        where ``n_queries`` is null.

    Raises
    ------
    InputError
        If a name is unknown, an answer is wrong, or nothing could be measured.
    MissingExtraError
        If a peer that is named is not installed.

    Examples
    --------
    >>> plan = Plan(works=("ranking",), n_codes=(1000,), peers=("numpy",), quick=True)
    >>> [row] = bench_search(plan)["rows"]
    >>> row["work"], sorted(row["engines"])
    ('ranking', ['hashlens', 'numpy'])
    """
    works = _works(plan)
    watcher = watcher or Watcher()
    bench = Bench(_with_data(plan), watcher)
    if plan.peers is None and not_installed():
        missing = ", ".join(not_installed())
        watcher.note(f"not installed, so left out: {missing} (pip install 'hashlens[bench]')")
    rows: list[Row] = []
    watcher.stage("measuring", len(works))
    for done, name in enumerate(works):
        rows += WORKS[name].measure(bench, name, WORKS[name].cases)
        watcher.advance(done + 1, len(works))
    if not rows:
        raise refuse("a case", "possible here", words("; ".join(bench.left_out) or "none"))
    record = environment(tuple(dict.fromkeys(_packages())))
    return {
        "title": TITLE,
        "command": record["command"],
        "environment": record,
        "seed": SEED,
        "works": {name: WORKS[name].about for name in works},
        "left_out": bench.left_out,
        "rows": rows,
    }


def _works(plan: Plan) -> tuple[str, ...]:
    names = plan.works or DEFAULT
    for name in names:
        check_choice("works", name, [*WORKS, "all"])
    return tuple(WORKS) if "all" in names else tuple(dict.fromkeys(names))


def _with_data(plan: Plan) -> Plan:
    """Name the kinds of codes in full."""
    return replace(plan, data=check_names("data", plan.data, list(DATA)))


def _packages() -> list[str]:
    return [*(peer.package for peer in PEERS.values() if peer.package), *MORE_PACKAGES]
