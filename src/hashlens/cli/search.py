"""``hashlens search``."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashlens.checks import printable
from hashlens.cli.found_page import Found, write_page
from hashlens.cli.meaning import bits, in_words, percent, promise
from hashlens.cli.options import AnyCollection, Html, Json, OpenPage
from hashlens.cli.page import show_page
from hashlens.cli.query import read_queries

if TYPE_CHECKING:
    from hashlens.collection import Collection, Hits


PARTIAL = (
    "partial: a part of the collection is out of reach of its engine, and there may be nearer items"
)


def search(
    collection: AnyCollection,
    query: Annotated[
        list[str],
        typer.Argument(help="Images (- for one on stdin), items such as id:17, or code:HEX."),
    ],
    k: Annotated[int, typer.Option("-k", min=1, help="Most items to find.")] = 20,
    radius: Annotated[
        int | None, typer.Option("--radius", min=0, help="Only items within so many bits.")
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(
            "--precision",
            min=0,
            max=1,
            help="In place of --radius: as far as this share is promised to be the query's class.",
        ),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            "--share",
            min=0,
            max=1,
            help="How much of the collection a query's class is, if not as in the training data.",
        ),
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--where", help="Only items for which this is true, such as \"label = 'owl'\"."
        ),
    ] = None,
    rerank: Annotated[
        bool | None,
        typer.Option(
            "--rerank/--no-rerank",
            help="Order the nearest codes by their features; where these are stored.",
        ),
    ] = None,
    together: Annotated[
        bool,
        typer.Option("--together", help="The queries are one question: what is like any of them?"),
    ] = False,
    html: Html = None,
    open_page: OpenPage = False,
    as_json: Json = False,
) -> None:
    """Find the images of a collection that are most like one image, or several.

    Where the model was trained on labels, a hit says how many of the images at its distance are
    of the query's class, as measured on images that the training kept out.

    Example: hashlens search photos.hl query.jpg -k 20 --html out.html
    """
    from hashlens.cli.output import note, print_json
    from hashlens.collection import Collection
    from hashlens.collection.promise import meaning_for

    if radius is not None and precision is not None:
        raise typer.BadParameter("is given, so --radius follows from it.", param_hint="--precision")
    photos = Collection.open(collection)
    queries = read_queries(query, photos.n_bits)
    asked = {"radius": radius, "precision": precision, "share": share}
    wish: dict[str, Any] = {**asked, "where": where, "rerank": rerank}
    values = [query.value for query in queries]
    started = time.monotonic()
    if together:
        found = [Found(queries, photos.search_together(values, k, **wish))]
    else:
        hits = photos.search_many(values, k, **wish)
        found = [Found([query], each) for query, each in zip(queries, hits, strict=True)]
    seconds = time.monotonic() - started
    if any(each.hits.partial for each in found):
        note(PARTIAL)
    meaning = meaning_for(photos.distance_meaning, share)
    within = found[0].hits.radius
    sentence = "" if meaning is None else in_words(meaning, within)
    if as_json:
        result = _result(photos, found, where, seconds)
        print_json(result | {"promise": meaning and promise(meaning, within)})
    else:
        for each in found:
            _print_hits(photos, each, where)
        if sentence:
            print(sentence)
    if html is not None or open_page:
        page = write_page(html, photos, found, where=where, sentence=sentence)
        show_page(page, in_browser=open_page)


def _print_hits(photos: "Collection", found: Found, where: str | None) -> None:
    from hashlens.cli.output import note, print_table

    hits = found.hits
    if len(hits) == 0:
        note(f"{found.name}: nothing found{_bounds(photos, hits, where)}")
        return
    folder = _common_folder(list(hits.paths))
    shown = _shown_columns(hits)
    print_table(
        printable(f"{found.name}, nearest in {folder or 'the collection'}"),
        [
            {name: value for name, value in row.items() if name in shown}
            for row in _table(hits, folder)
        ],
    )


def _bounds(photos: "Collection", hits: "Hits", where: str | None) -> str:
    """Say among what nothing was found."""
    if len(photos) == 0:
        return f", {photos.place} has no items"
    within = "" if hits.radius is None else f" within {bits(hits.radius)}"
    return within + ("" if where is None else f" where {where}")


def _table(hits: "Hits", folder: str) -> list[dict[str, Any]]:
    return [
        {
            "rank": rank,
            "bits": hit.distance,
            "same class": None if hit.same_class is None else percent(hit.same_class),
            "similarity": hit.similarity,
            "id": hit.id,
            "label": printable(hit.label or ""),
            "metadata": printable(", ".join(f"{k}={v}" for k, v in hit.metadata.items())),
            "path": printable(hit.path.removeprefix(folder)),
        }
        for rank, hit in enumerate(hits, 1)
    ]


def _shown_columns(hits: "Hits") -> list[str]:
    """Columns of the table; without those that say nothing here."""
    known = ["same class"] if hits.same_class is not None else []
    said = ["metadata"] if any(hits.metadata) else []
    return ["rank", "bits", *known, "similarity", "id", "label", *said, "path"]


def _result(
    photos: "Collection", found: Sequence[Found], where: str | None, seconds: float
) -> dict[str, Any]:
    queries = [
        {
            "query": each.name,
            "reranked": each.hits.reranked,
            "partial": each.hits.partial,
            "hits": [{"rank": rank, **hit._asdict()} for rank, hit in enumerate(each.hits, 1)],
        }
        for each in found
    ]
    return {
        "collection": photos.place,
        "n_bits": photos.n_bits,
        "items": len(photos),
        "where": where,
        "reranked": all(each.hits.reranked for each in found),
        "partial": any(each.hits.partial for each in found),
        "seconds": round(seconds, 4),
        "queries": queries,
    }


def _common_folder(paths: Sequence[str]) -> str:
    """Find the folder that all paths are below, with its slash; "" if there is none.

    Examples
    --------
    >>> _common_folder([os.sep + "a/b/1.jpg", os.sep + "a/c/2.jpg"]), _common_folder(["d[3]"])
    ('/a/', '')
    """
    parents = [str(Path(path).parent) for path in paths if Path(path).is_absolute()]
    if len(parents) < len(paths):
        return ""
    return os.path.join(os.path.commonpath(parents), "")  # noqa: PTH118 - ends with a slash
