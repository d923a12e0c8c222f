"""``hashlens copy``."""

from typing import Annotated

import typer

from hashlens.cli.options import AnyCollection, Json


def copy(
    source: AnyCollection,
    destination: Annotated[
        str,
        typer.Argument(help="Where the copy is, or will be made: a folder, or milvus://..."),
    ],
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove the copy's items that the collection has not."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy a collection to another folder, to Milvus, or from there.

    Items keep their ids. What the copy has already stays, so the same words again go on after an
    interruption, and bring a copy up to date. At the end all items are read again and compared.

    Example: hashlens copy photos.hl milvus://localhost:19530/photos
    """
    from dataclasses import asdict

    from hashlens.cli.output import note, print_json, watching
    from hashlens.collection import Collection

    photos = Collection.open(source)
    try:
        with watching() as watcher:
            report = photos.copy_to(destination, prune=prune, watcher=watcher)
    except KeyboardInterrupt:
        note("stopped; the same command goes on")
        raise
    if as_json:
        said = asdict(report) | {"seconds": round(report.seconds, 3)}
        print_json({"source": photos.place, "destination": said.pop("place"), **said})
        return
    note(
        f"{report.written} items copied, {report.changed} brought up to date, "
        f"{report.already} already there, {report.pruned} removed in {report.seconds:.1f} s"
    )
    note(f"{report.place}: {report.n_items} items, the same as {photos.place}")
