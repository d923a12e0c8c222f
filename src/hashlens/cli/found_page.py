"""A page of what a search found."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hashlens.checks import printable
from hashlens.cli.meaning import caption
from hashlens.cli.page import save_page
from hashlens.cli.query import Query, item_picture, query_picture

if TYPE_CHECKING:
    from hashlens.collection import Collection, Hits
    from hashlens.pages import Picture


class Found(NamedTuple):
    """A question, of one query or of several, and what was found for it."""

    queries: Sequence[Query]
    hits: "Hits"

    @property
    def name(self) -> str:
        """The words of the question."""
        return " + ".join(query.word for query in self.queries)


def write_page(
    html: Path | None,
    photos: "Collection",
    found: Sequence[Found],
    *,
    where: str | None,
    sentence: str,
) -> Path:
    """Write the page; to a new file of its own where no name is given."""
    from hashlens.pages import QueryRow, results_page

    rows = []
    for each in found:
        asking, *others = (query_picture(photos, query) for query in each.queries)
        results = _hit_pictures(photos, each.hits)
        rows.append(QueryRow(asking, results, sentence, others))
    order = "features" if found[0].hits.reranked else "distance"
    subtitle = f"{len(photos):,} images · codes of {photos.n_bits} bits · nearest by {order} first"
    subtitle += "" if where is None else f" · where {printable(where)}"
    page = results_page(f"Search in {printable(photos.name)}", rows, subtitle=subtitle)
    return save_page(page, html, "results.html")


def _hit_pictures(photos: "Collection", hits: "Hits") -> list["Picture"]:
    """A picture for each hit; its bar is full at distance 0, and empty at half of the bits."""
    return [
        item_picture(
            photos,
            hit.id,
            caption(hit),
            detail=hit.label or Path(hit.path).name,
            title=f"id:{hit.id}  {hit.path}",
            share=max(0.0, 1 - 2 * hit.distance / photos.n_bits),
        )
        for hit in hits
    ]
