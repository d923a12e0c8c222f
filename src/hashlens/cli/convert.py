"""``hashlens convert``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hashlens.checks import MAX_BITS, refuse
from hashlens.cli.options import Json


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="File of codes.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write.")],
    source_format: Annotated[
        str | None,
        typer.Option("--from", help="Format of IN, if neither its ending nor its start tells."),
    ] = None,
    out_format: Annotated[
        str | None, typer.Option("--to", help="Format of OUT, if its ending does not tell.")
    ] = None,
    bits: Annotated[
        int | None,
        typer.Option(
            "--bits", min=1, max=MAX_BITS, help="Code length, where IN tells it in bytes alone."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT.")] = False,
    as_json: Json = False,
) -> None:
    """Turn a file of codes into one that another program reads, or back.

    The formats are npy, npz, hex, parquet, faiss, hashlens (an index file), pgvector and
    elasticsearch. Not a bit and not an id is lost: what a format has no room for is refused.

    Example: hashlens convert codes.npz codes.faiss
    """
    from hashlens.cli.output import note, print_json, watching
    from hashlens.search.exchange.formats import FORMATS, format_of, read_codes, write_codes

    written_as = format_of(out, out_format, reading=False)
    if out.exists() and not (overwrite and out.is_file()):
        raise refuse("OUT", "a file that is not there (or give --overwrite)", str(out))
    read_as = format_of(source, source_format, reading=True)
    with watching() as watcher:
        codes = read_codes(source, n_bits=bits, format=read_as, watcher=watcher)
        write_codes(out, codes, format=written_as, watcher=watcher)
    if codes.n_bits % 8 and not FORMATS[written_as].keeps_length:
        note(f"{out} does not tell the length of the codes: read it with --bits {codes.n_bits}")
    result: dict[str, Any] = {
        "in": {"file": str(source), "format": read_as},
        "out": {"file": str(out), "format": written_as},
        "n_codes": len(codes),
        "n_bits": codes.n_bits,
        "ids": codes.ids is not None,
    }
    if as_json:
        print_json(result)
    else:
        ids = "with ids" if result["ids"] else "without ids"
        print(f"{len(codes):,} codes of {codes.n_bits} bits, {ids}: {out} ({written_as})")
