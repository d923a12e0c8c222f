"""``hashlens bench``."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from hashlens.cli.options import Json, lengths

if TYPE_CHECKING:
    from hashlens.search.exchange.code_set import CodeSet
    from hashlens.watcher import Watcher

# What hashlens.bench names too: importing it would slow down the start of every command.
WORK_NAMES = (
    "one-query",
    "small",
    "batch",
    "large",
    "multi-index",
    "choice",
    "precision",
    "ranking",
    "storing",
    "join",
)
PEER_NAMES = ("faiss", "usearch", "pynear", "numpy")
_UNITS = {"k": 1_000, "m": 1_000_000}
Value = TypeVar("Value")

app = typer.Typer(
    help="Measure hashlens beside others, on this machine.",
    epilog="Example: hashlens bench search --quick",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def bench() -> None:
    """Measure hashlens beside others, on this machine."""


@app.command()
def search(
    works: Annotated[
        str | None,
        typer.Option(
            "--works",
            help=f"What to measure, separated by commas: {', '.join(WORK_NAMES)}; or all, which "
            "takes hours. Default: a look at the scan, some minutes.",
        ),
    ] = None,
    codes: Annotated[
        Path | None,
        typer.Option("--codes", help="File of codes to measure on, in place of made ones."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            help="Codes to make: random, clustered (all three), or clustered-05, -10, -15, where "
            "a code differs from its centre in that percentage of bits.",
        ),
    ] = None,
    n: Annotated[str | None, typer.Option("--n", help="How many codes: 60k or 1m,10m.")] = None,
    bits: Annotated[str | None, typer.Option("--bits", help="Code lengths: 64 or 64,128.")] = None,
    k: Annotated[str | None, typer.Option("-k", help="How many neighbours: 10 or 10,100.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Default: 1.")] = None,
    peers: Annotated[
        str | None,
        typer.Option(
            "--peers",
            help=f"Beside whom: {', '.join(PEER_NAMES)}, separated by commas; none for nobody. "
            "Default: all that are installed.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="At most 20,000 codes and few runs: does all work?")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="JSON file to write.")] = None,
    as_json: Json = False,
) -> None:
    """Measure search beside other engines: same codes, same threads, this machine.

    Engines are timed in turn, after each has given the answers of a brute-force scan: an exact
    one that gives another answer ends the comparison, an approximate one is shown with its recall.
    Times are medians of one query, or of the whole where there are no queries, with the distance
    of the quartiles. The limit is what this machine needs to read the codes once, or to compare
    them with a batch in its registers.

    Example: hashlens bench search --works one-query,batch --n 1m --bits 64,128 --out search.json
    """
    from hashlens.bench import Plan, bench_search
    from hashlens.cli.output import note, print_json, watching
    from hashlens.provenance import write_result

    with watching() as watcher:
        given = None if codes is None else _codes(codes, bits, watcher)
        plan = Plan(
            works=_names(works),
            data=_names(data),
            n_codes=_several(n, _count),
            n_bits=() if bits is None else lengths(bits),
            k=_several(k, _count),
            threads=threads,
            peers=None if peers is None else _names("" if peers == "none" else peers),
            codes=given,
            name="" if codes is None else codes.name,
            quick=quick,
        )
        if given is not None and (data is not None or n is not None):
            raise typer.BadParameter("tells what is searched.", param_hint="--codes")
        result = bench_search(plan, watcher)
    if out is not None:
        write_result(out, result)
        note(f"result: {out}")
    if as_json:
        print_json(result)
    else:
        show(result)


def show(result: dict[str, object]) -> None:
    """Print a result: a table for each work, and what was left out."""
    from hashlens.bench import tables_of
    from hashlens.cli.output import print_table

    for title, lines in tables_of(result):
        print_table(title, lines)
    for text in result["left_out"] if isinstance(result["left_out"], list) else ():
        print(text)


def _codes(path: Path, bits: str | None, watcher: "Watcher") -> "CodeSet":
    from hashlens.search.exchange.formats import read_codes

    length = None if bits is None else lengths(bits)
    if length is not None and len(length) > 1:
        raise typer.BadParameter("is one length with --codes.", param_hint="--bits")
    return read_codes(path, n_bits=None if length is None else length[0], watcher=watcher)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name for name in (text or "").split(",") if name)


def _several(text: str | None, read: Callable[[str], Value]) -> tuple[Value, ...]:
    return tuple(read(part) for part in _names(text))


def _count(text: str) -> int:
    """Read a number such as ``2000``, ``60k`` or ``1m``.

    Examples
    --------
    >>> _count("2000"), _count("60k"), _count("1.5m")
    (2000, 60000, 1500000)
    """
    unit = _UNITS.get(text[-1:].lower(), 0)
    try:
        found = round(float(text[:-1]) * unit) if unit else int(text)
    except (ValueError, OverflowError):
        found = 0
    if found < 1:
        raise typer.BadParameter(f"must be like 2000, 60k or 1m. Got {text!r}.")
    return found
