"""The page of duplicates: groups of pictures side by side, the one that is kept first."""

from collections.abc import Sequence
from dataclasses import dataclass

from hashlens.pages.frame import rendered
from hashlens.pages.pictures import Picture


@dataclass(frozen=True)
class GroupRow:
    """Pictures that are duplicates of one.

    Attributes
    ----------
    kept : Picture
    others : sequence of Picture
    note : str
        A line above them.
    """

    kept: Picture
    others: Sequence[Picture]
    note: str = ""


@dataclass(frozen=True)
class Part:
    """Groups of one kind.

    Attributes
    ----------
    title : str
    text : str
        What the kind means.
    groups : sequence of GroupRow
    rest : str
        A line below, such as how many groups are not shown.
    """

    title: str
    text: str
    groups: Sequence[GroupRow]
    rest: str = ""


def duplicates_page(title: str, parts: Sequence[Part], *, subtitle: str = "") -> str:
    """Write one page of duplicates as HTML that needs nothing outside itself.

    It looks and behaves as the page of results does.

    Parameters
    ----------
    title : str
    parts : sequence of Part
    subtitle : str
        A line under the title.

    Returns
    -------
    page : str

    Examples
    --------
    >>> group = GroupRow(Picture("kept", "owl.jpg"), [Picture("2 bits", "owl (1).jpg")])
    >>> page = duplicates_page("Duplicates", [Part("The same picture", "", [group])])
    >>> page.count("<figure"), page.count('class="kept"'), "://" in page
    (2, 1, False)
    """
    return rendered("duplicates.html", title=title, subtitle=subtitle, parts=parts)
