"""Feature vectors as collections store them."""

from hashlens.vectors import as_stored_vectors as as_stored_vectors
from hashlens.vectors import unit_rows as unit_rows
