"""Pages of pictures that need nothing but a browser: no server, no network, one file."""

from hashlens.pages.pictures import Picture, picture_of
from hashlens.pages.results import QueryRow, results_page

__all__ = ["Picture", "QueryRow", "picture_of", "results_page"]
