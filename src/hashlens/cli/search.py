"""``hashlens search``."""

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hashlens.cli.meaning import bits, caption, in_words, percent, promise
from hashlens.cli.options import Json

if TYPE_CHECKING:
    from hashlens.collection import Collection, Hits
    from hashlens.pages import Picture

Query = Path | int


def search(
    collection: Annotated[Path, typer.Argument(help="Folder of a collection.")],
    query: Annotated[list[str], typer.Argument(help="Images, or items of it such as id:17.")],
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
    rerank: Annotated[
        bool | None,
        typer.Option(
            "--rerank/--no-rerank",
            help="Order the nearest codes by their features; where these are stored.",
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page of pictures.")] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Show the page in the browser.")
    ] = False,
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
    queries = [_parsed(text) for text in query]
    photos = Collection.open(collection)
    started = time.monotonic()
    found = photos.search_many(
        queries, k, radius=radius, precision=precision, share=share, rerank=rerank
    )
    seconds = time.monotonic() - started
    meaning = meaning_for(photos.distance_meaning, share)
    sentence = "" if meaning is None else in_words(meaning, found[0].radius)
    if as_json:
        result = _result(photos, query, found, seconds)
        print_json(result | {"promise": meaning and promise(meaning, found[0].radius)})
    else:
        for text, hits in zip(query, found, strict=True):
            _print_hits(text, hits)
        if sentence:
            print(sentence)
    if html is not None or open_page:
        page = _write_page(html, photos, queries, found, sentence)
        note(f"pictures in {page}")
        if open_page:
            typer.launch(page.resolve().as_uri())


def _parsed(text: str) -> Query:
    """Read ``id:17`` as an item (``./id:17`` is a path), and everything else as a path.

    Examples
    --------
    >>> _parsed("id:17"), _parsed("owl.jpg").name
    (17, 'owl.jpg')
    """
    number = text.removeprefix("id:")
    if number == text:
        return Path(text)
    if not number.isdecimal():
        raise typer.BadParameter(f"QUERY must be an image, or an item such as id:17. Got {text!r}.")
    return int(number)


def _print_hits(text: str, hits: "Hits") -> None:
    from hashlens.cli.output import note, print_table

    if len(hits) == 0:
        where = "" if hits.radius is None else f" within {bits(hits.radius)}"
        note(f"{text}: nothing found{where}")
        return
    folder = _common_folder(list(hits.paths))
    print_table(
        _printable(f"{text}, nearest in {folder or 'the collection'}"),
        [
            {
                "rank": rank,
                "bits": hit.distance,
                **({} if hit.same_class is None else {"same class": percent(hit.same_class)}),
                "similarity": hit.similarity,
                "id": hit.id,
                "label": _printable(hit.label or ""),
                "path": _printable(hit.path.removeprefix(folder)),
            }
            for rank, hit in enumerate(hits, 1)
        ],
    )


def _result(
    photos: "Collection", names: Sequence[str], found: Sequence["Hits"], seconds: float
) -> dict[str, Any]:
    queries = [
        {
            "query": name,
            "hits": [{"rank": rank, **hit._asdict()} for rank, hit in enumerate(hits, 1)],
        }
        for name, hits in zip(names, found, strict=True)
    ]
    return {
        "collection": str(photos.path),
        "n_bits": photos.n_bits,
        "items": len(photos),
        "reranked": found[0].reranked,
        "seconds": round(seconds, 4),
        "queries": queries,
    }


def _write_page(
    html: Path | None,
    photos: "Collection",
    queries: Sequence[Query],
    found: Sequence["Hits"],
    sentence: str,
) -> Path:
    from hashlens.pages import QueryRow, results_page

    rows = [
        QueryRow(_query_picture(photos, query), _hit_pictures(hits, photos.n_bits), sentence)
        for query, hits in zip(queries, found, strict=True)
    ]
    order = "features" if found[0].reranked else "distance"
    subtitle = f"{len(photos):,} images · codes of {photos.n_bits} bits · nearest by {order} first"
    page = results_page(f"Search in {_printable(photos.path.name)}", rows, subtitle=subtitle)
    if html is None:
        html = Path(tempfile.mkdtemp(prefix="hashlens-")) / "results.html"
    html.write_text(page, "utf-8")
    return html


def _query_picture(photos: "Collection", query: Query) -> "Picture":
    from hashlens.pages import picture_of

    if isinstance(query, Path):
        return picture_of(query, _printable(query.name), title=_printable(str(query)))
    item = photos.item(query)
    name = f"id:{item.id} {Path(item.path).name}"
    title = _printable(item.path)
    return picture_of(item.path, _printable(name), detail=_printable(item.label or ""), title=title)


def _hit_pictures(hits: "Hits", n_bits: int) -> list["Picture"]:
    """A picture for each hit; its bar is full at distance 0, and empty at half of the bits."""
    from hashlens.pages import picture_of

    return [
        picture_of(
            hit.path,
            caption(hit),
            detail=_printable(hit.label or Path(hit.path).name),
            title=_printable(f"id:{hit.id}  {hit.path}"),
            share=max(0.0, 1 - 2 * hit.distance / n_bits),
        )
        for hit in hits
    ]


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


def _printable(text: str) -> str:
    """Replace what a file's name may hold and a terminal or a page may not."""
    return text.encode("utf-8", "replace").decode("utf-8")
