"""A query as a word of a command: an image, an item, a code."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from hashlens.checks import printable

if TYPE_CHECKING:
    from hashlens.collection import Collection
    from hashlens.pages import Picture

STDIN = "-"


class Query(NamedTuple):
    """A query as it was written, and as a search takes it."""

    word: str
    value: Any


def read_queries(words: Sequence[str], n_bits: int) -> list[Query]:
    r"""Read queries: ``owl.jpg``, ``id:17``, ``code:ff03a2`` and ``-``, an image on stdin.

    A file of such a name is written ``./id:17``.

    Examples
    --------
    >>> [query.value for query in read_queries(["id:17", "code:ff0a"], 12)]
    [17, Code(n_bits=12, packed=b'\xff\n')]
    """
    if words.count(STDIN) > 1:
        raise typer.BadParameter("- must be given once: it is read to its end.", param_hint="QUERY")
    return [Query(word, _value(word, n_bits)) for word in words]


def _value(word: str, n_bits: int) -> object:
    from hashlens.codes import Code

    kind, colon, text = word.partition(":")
    if word == STDIN:
        from hashlens.data import BytesImages

        return BytesImages([sys.stdin.buffer.read()], ["stdin"])
    if colon and kind == "code":
        return Code.from_hex(text, n_bits)
    if colon and kind == "id":
        if not (text.isascii() and text.isdecimal()):
            raise typer.BadParameter(
                f"must be an image, or an item such as id:17. Got {word!r}.", param_hint="QUERY"
            )
        return int(text)
    return Path(word)


def query_picture(photos: "Collection", query: Query) -> "Picture":
    """Make a picture of a query; a code has none."""
    from hashlens.pages import Picture, picture_of

    value = query.value
    if isinstance(value, int):
        item = photos.item(value)
        name = f"id:{item.id} {Path(item.path).name}"
        return item_picture(photos, item.id, printable(name), detail=item.label, title=item.path)
    if isinstance(value, Path):
        return picture_of(value, printable(value.name), title=printable(str(value)))
    if query.word == STDIN:
        return picture_of(value.sources[0], "stdin")
    return Picture(printable(query.word))


def item_picture(
    photos: "Collection",
    item_id: int,
    caption: str,
    *,
    detail: str | None = "",
    title: str = "",
    share: float | None = None,
) -> "Picture":
    """Make a picture of an item: of its file, or of the bytes that are kept."""
    from hashlens.errors import ImageError
    from hashlens.pages import Picture, picture_of

    detail, title = printable(detail or ""), printable(title)
    try:
        image = photos.picture(item_id)
    except ImageError as error:
        return Picture(caption, detail, f"{title}: {error.reason}", share=share)
    return picture_of(image, caption, detail=detail, title=title, share=share)
