"""The page of queries and what was found for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from hashlens.pages.frame import rendered
from hashlens.pages.pictures import Picture


@dataclass(frozen=True)
class QueryRow:
    """A query and its results, best first.

    Attributes
    ----------
    query : Picture
    results : sequence of Picture
    note : str
        A line above the results.
    others : sequence of Picture
        Further pictures of the same query, where several are one question.
    """

    query: Picture
    results: Sequence[Picture]
    note: str = ""
    others: Sequence[Picture] = ()


def results_page(title: str, queries: Sequence[QueryRow], *, subtitle: str = "") -> str:
    """Write one page of queries and results as HTML that needs nothing outside itself.

    It follows the reader's light or dark setting, can be walked with the arrow keys, and prints.

    Parameters
    ----------
    title : str
    queries : sequence of QueryRow
    subtitle : str
        A line under the title.

    Returns
    -------
    page : str

    Examples
    --------
    >>> row = QueryRow(Picture("query.jpg"), [Picture("3 bits", detail="owl", right=True)])
    >>> page = results_page("Owls & others", [row])
    >>> "Owls &amp; others" in page, "://" in page
    (True, False)
    """
    return rendered("results.html", title=title, subtitle=subtitle, queries=queries)
