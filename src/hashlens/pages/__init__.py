"""Pages of pictures that need nothing but a browser: no server, no network, one file."""

from hashlens.pages.duplicates import GroupRow, Part, duplicates_page
from hashlens.pages.pictures import Picture, picture_of
from hashlens.pages.results import QueryRow, results_page

__all__ = [
    "GroupRow",
    "Part",
    "Picture",
    "QueryRow",
    "duplicates_page",
    "picture_of",
    "results_page",
]
