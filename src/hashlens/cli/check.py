"""``hashlens check``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashlens.cli.options import AnyCollection, Json

if TYPE_CHECKING:
    from hashlens.collection import CheckReport

_SHOWN = 20


def check(
    collection: AnyCollection,
    files: Annotated[
        bool,
        typer.Option("--files", help="Check also that the images' own files are as they were."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check every checksum and every count of a collection, and name what is damaged.

    Exit 0: whole. Exit 1: something is damaged; with --files also if the file of an image is gone
    or has other bytes, which `hashlens index --prune` brings up to date. Others may search and
    change the collection meanwhile.

    Example: hashlens check photos.hl
    """
    from hashlens.cli.output import print_json, watching
    from hashlens.collection.folder.verifying import verify

    folder = _open(collection)
    with watching() as watcher:
        report = verify(folder, files=files, watcher=watcher)
    if as_json:
        print_json(_result(collection, report))
    else:
        _tell(collection, report)
    if report.problems or report.changed or report.gone:
        raise typer.Exit(1)


def _open(collection: str) -> Path:
    """Refuse what is no folder, and bring an older collection up to date; damage is seen later."""
    from hashlens.collection import Collection
    from hashlens.errors import FormatError

    folder = Path(collection)
    try:
        return Collection.open(collection).path
    except FormatError:
        if not (folder / "catalogue.db").exists() and not (folder / "model").exists():
            raise  # another folder, not a damaged collection
        return folder


def _result(collection: str, report: "CheckReport") -> dict[str, Any]:
    return {
        "collection": collection,
        "whole": not report.problems,
        "problems": [problem._asdict() for problem in report.problems],
        "items": report.n_items,
        "rows": report.n_rows,
        "bytes_read": report.bytes_read,
        "seconds": round(report.seconds, 3),
        "parts": [part._asdict() for part in report.parts],
        "notes": list(report.notes),
        "changed": [picture._asdict() for picture in report.changed],
        "gone": [picture._asdict() for picture in report.gone],
    }


def _tell(collection: str, report: "CheckReport") -> None:
    from hashlens.cli.output import note, print_table

    rows = [
        {
            "file": part.file,
            "holds": part.holds,
            "bytes read": f"{part.bytes_read:,}",
            "problems": sum(problem.file == part.file for problem in report.problems),
        }
        for part in report.parts
    ]
    print_table(collection, rows)
    for problem in report.problems[:_SHOWN]:
        hit = f" Items hit: {_ids(problem.items)}." if problem.items else ""
        note(f"{problem.file}: {problem.what}{hit}")
    for picture in (*report.changed, *report.gone)[:_SHOWN]:
        note(f"{picture.path} (id {picture.id}) {picture.reason}")
    if max(len(report.problems), len(report.changed) + len(report.gone)) > _SHOWN:
        note("... and more; --json names them all")
    for text in report.notes[:_SHOWN]:
        note(f"note: {text}")
    note(_last_line(collection, report))


def _ids(items: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, items[:10]))
    return shown if len(items) <= 10 else f"{shown}, ... ({len(items)} in all)"


def _last_line(collection: str, report: "CheckReport") -> str:
    counts = f"{report.bytes_read:,} bytes read in {report.seconds:.1f} s"
    if report.problems:
        return f"{collection} is damaged: {len(report.problems)} problems; {counts}"
    files = len(report.changed) + len(report.gone)
    more = f", but {files} of its images' files are not as they were" if files else ""
    return f"{collection} is whole{more}; {counts}"
