"""``hashlens dedup``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashlens.checks import printable
from hashlens.cli.dedup_page import in_words, write_page
from hashlens.cli.options import AnyCollection, Html, Json, OpenPage, one_of
from hashlens.cli.page import show_page

if TYPE_CHECKING:
    from hashlens.collection import Collection
    from hashlens.collection.dedup import Acted, Duplicate, Duplicates
    from hashlens.watcher import Watcher

# What hashlens.collection.dedup names too: importing it would slow down the start of each command.
TIER_NAMES = ("identical", "same", "similar")
KEEP_NAMES = ("largest", "oldest", "first")
_SHOWN = 50  # groups that are listed on the terminal; all of them are in the JSON


def dedup(
    collection: AnyCollection,
    tier: Annotated[
        str | None,
        typer.Option(
            "--tier",
            callback=one_of("--tier", TIER_NAMES),
            help="How far to look: identical (bytes), same (picture), similar (scene). "
            "To list: same; to move: identical, unless given.",
        ),
    ] = None,
    similar: Annotated[bool, typer.Option("--similar", help="The same as --tier similar.")] = False,
    radius: Annotated[
        int | None, typer.Option("--radius", min=0, help="Of the tier: most bits that differ.")
    ] = None,
    similarity: Annotated[
        float | None,
        typer.Option("--similarity", min=-1, max=1, help="Of the tier: least cosine of features."),
    ] = None,
    mirrored: Annotated[
        bool,
        typer.Option("--mirrored", help="Find mirrored copies too: encodes each picture again."),
    ] = False,
    rotated: Annotated[
        bool,
        typer.Option("--rotated", help="Find rotated copies too: encodes each picture 3 times."),
    ] = False,
    where: Annotated[
        str | None, typer.Option("--where", help="Only items for which this is true.")
    ] = None,
    keep: Annotated[
        str,
        typer.Option(
            "--keep", callback=one_of("--keep", KEEP_NAMES), help=f"One of {', '.join(KEEP_NAMES)}."
        ),
    ] = "largest",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; so it is without --move or --link.")
    ] = False,
    move: Annotated[
        Path | None, typer.Option("--move", help="Move superfluous files below this folder.")
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Make identical copies hard links of one file.")
    ] = False,
    undo: Annotated[
        Path | None, typer.Option("--undo", help="Move files back that --move moved to a folder.")
    ] = None,
    html: Html = None,
    open_page: OpenPage = False,
    as_json: Json = False,
) -> None:
    """Find duplicates in a collection. It lists them; nothing is ever deleted.

    Pictures that lie near one another by code and features are decoded, and their pixels compared.

    Of each group one is kept: the one with the most pixels, then bytes, then the one added first.
    --move and --link touch a file only if it, and the one that is kept, have the bytes that were
    indexed; --move can be undone, and goes on where it was stopped.

    Example: hashlens dedup photos.hl --html duplicates.html
    """
    from hashlens.cli.output import print_json, watching
    from hashlens.collection import Collection

    _check_words(tier, similar, move, link, undo)
    photos = Collection.open(collection)
    with watching() as watcher:
        if undo is not None:
            _tell_undone(_undone(photos, undo, watcher), as_json)
            return
        acts = (move is not None or link) and not dry_run
        wanted = tier or ("similar" if similar else "identical" if move or link else "same")
        found = photos.duplicates(
            wanted,
            radius=radius,
            similarity=similarity,
            where=where,
            keep=keep,
            mirrored=mirrored,
            rotated=rotated,
            watcher=watcher,
        )
        page = write_page(html, photos, found, watcher) if html or open_page else None
        acted = _act(photos, found, move, watcher) if acts else None
    _tell_unread(found)
    if as_json:
        done = None if acted is None else _as_dict(acted)
        print_json({"collection": photos.place, **found.as_dict(), "acted": done})
    else:
        _tell(photos, found, acted, link)
    if page is not None:
        show_page(page, in_browser=open_page)


def _check_words(
    tier: str | None, similar: bool, move: Path | None, link: bool, undo: Path | None
) -> None:
    if similar and tier not in (None, "similar"):
        raise typer.BadParameter("is --tier similar.", param_hint="--similar")
    if sum((move is not None, link, undo is not None)) > 1:
        raise typer.BadParameter("are given one at a time.", param_hint="--move, --link and --undo")
    if link and (similar or tier not in (None, "identical")):
        raise typer.BadParameter("is for --tier identical alone.", param_hint="--link")


def _undone(photos: "Collection", folder: Path, watcher: "Watcher") -> "Acted":
    from hashlens.collection.dedup import move_back

    return move_back(photos.path, folder, watcher)


def _act(
    photos: "Collection", found: "Duplicates", move: Path | None, watcher: "Watcher"
) -> "Acted":
    from hashlens.collection.dedup import link_copies, move_away

    if move is None:
        return link_copies(photos.path, found, watcher)
    return move_away(photos.path, found, move, found.tier, watcher)


def _tell(photos: "Collection", found: "Duplicates", acted: "Acted | None", link: bool) -> None:
    from hashlens.cli.output import note, print_table

    rows = _rows(found)
    if rows:
        print_table(f"Duplicates in {printable(photos.place)}", rows)
    if len(found.groups) > _SHOWN:
        note(f"... and {len(found.groups) - _SHOWN} more groups; --json names them all")
    note(in_words(found))
    if acted is None:
        if found.groups:
            note("nothing was changed; --move DIR moves, --link links what is identical")
        return
    _tell_left(acted)
    done = "linked" if link else "moved"
    note(f"{len(acted.done)} files {done}, {acted.size_bytes / 1e6:.1f} MB")


def _tell_unread(found: "Duplicates") -> None:
    from hashlens.cli.output import note

    for word, names in (("not turned", found.not_turned), ("not read", found.not_read)):
        for bad in names[:_SHOWN]:
            note(f"{word}: {printable(bad)}")
        if len(names) > _SHOWN:
            note(f"... and {len(names) - _SHOWN} more; --json names them all")
    if found.n_unread:
        note(f"pixels of {found.n_unread:,} images were not compared: fewer copies are found")
    if found.n_unread > len(found.not_read):
        note("too many lie near another one: lower --radius, or look part by part with --where")


def _tell_undone(acted: "Acted", as_json: bool) -> None:
    from hashlens.cli.output import note, print_json

    if as_json:
        print_json(_as_dict(acted))
        return
    _tell_left(acted)
    note(f"{len(acted.done)} files moved back")


def _tell_left(acted: "Acted") -> None:
    from hashlens.cli.output import note

    for name, reason in acted.left[:_SHOWN]:
        note(f"left alone: {printable(name)}: {printable(reason)}")
    if len(acted.left) > _SHOWN:
        note(f"... and {len(acted.left) - _SHOWN} more; --json names them all")


def _as_dict(acted: "Acted") -> dict[str, Any]:
    return {
        "done": [{"path": path, "now": now} for path, now in acted.done],
        "left": [{"path": path, "reason": reason} for path, reason in acted.left],
        "size_bytes": acted.size_bytes,
    }


def _rows(found: "Duplicates") -> list[dict[str, Any]]:
    """Rows of a table: the one that is kept first, in each group."""
    rows = []
    for number, group in enumerate(found.groups[:_SHOWN], 1):
        for each in (group.kept, *group.others):
            is_kept = each is group.kept
            rows.append(
                {
                    "group": str(number) if is_kept else "",
                    "tier": group.tier if is_kept else "",
                    "": "keep" if is_kept else "",
                    "bits": "" if is_kept else str(each.distance),
                    "similarity": _cosine(each, is_kept),
                    "turned": each.turned,
                    "pixels": _pixels(each),
                    "kB": ""
                    if each.facts.size_bytes is None
                    else f"{each.facts.size_bytes / 1e3:.1f}",
                    "id": each.id,
                    "path": printable(each.path),
                }
            )
    return _without_empty(rows, ("turned", "similarity"))


def _cosine(each: "Duplicate", is_kept: bool) -> str:
    return "" if is_kept or each.similarity is None else f"{each.similarity:.4f}"


def _pixels(each: "Duplicate") -> str:
    if not each.facts.there:
        return "gone"
    return "" if each.facts.pixels is None else "{} x {}".format(*each.facts.pixels)


def _without_empty(rows: list[dict[str, Any]], columns: Sequence[str]) -> list[dict[str, Any]]:
    """Leave out those of the columns that say nothing in any row."""
    empty = {name for name in columns if not any(row[name] for row in rows)}
    return [{name: row[name] for name in row if name not in empty} for row in rows]
