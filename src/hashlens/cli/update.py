"""``hashlens update``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashlens.cli.options import AnyCollection, Json, settings

if TYPE_CHECKING:
    from hashlens.collection import Metadata, UpdateReport

_SHOWN = 20  # rows of unknown items that are named on the terminal; all of them are in the JSON


def update(
    collection: AnyCollection,
    table: Annotated[
        Path | None,
        typer.Argument(help="CSV, JSON or JSON lines: a column id or path, label, anything else."),
    ] = None,
    assign: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Without a table: KEY=VALUE, null to take away; repeatable, with --where."
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", help="The items that --set is for, such as \"label = 'owl'\"."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write labels and metadata of items, from a table or for all items of a filter.

    Searches can ask for them in --where. What a table does not say stays as it is; rows of items
    that are not there are named. Of everything, or of nothing, is there a commit.

    Example: hashlens update photos.hl labels.csv
    """
    from hashlens.cli.output import print_json
    from hashlens.collection import Collection, Metadata

    if (table is None) == (assign is None):
        raise typer.BadParameter("must be given, or else --set.", param_hint="TABLE")
    if (assign is None) != (where is None):
        raise typer.BadParameter("goes together with --set.", param_hint="--where")
    photos = Collection.open(collection)
    if table is not None:
        said = Metadata.read(table)
    else:
        values = settings(assign)
        said = Metadata.of({**values, "id": int(i)} for i in photos.select(where or ""))
    report = photos.update(said)
    if as_json:
        print_json({"collection": photos.place, **updated(report)})
    else:
        tell(report)


def updated(report: "UpdateReport") -> dict[str, Any]:
    """Give a report as JSON."""
    return {
        "updated": report.updated,
        "unchanged": report.unchanged,
        "unknown": list(report.unknown),
    }


def tell(report: "UpdateReport") -> None:
    """Say on stderr what became of a table."""
    from hashlens.cli.output import note

    for row in report.unknown[:_SHOWN]:
        note(f"no such item: {row}")
    if len(report.unknown) > _SHOWN:
        note(f"... and {len(report.unknown) - _SHOWN} more; --json names them all")
    note(
        f"{report.updated} items updated, {report.unchanged} unchanged, "
        f"{len(report.unknown)} rows of unknown items"
    )


def read_table(path: Path | None, source: str | None) -> "Metadata | None":
    """Read the table of ``--metadata``, whose paths start from the source where it is a folder."""
    if path is None:
        return None
    from hashlens.collection import Metadata

    return Metadata.read(path, source if source and Path(source).is_dir() else None)
