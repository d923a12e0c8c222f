"""Looking at what a collection holds: items, their pictures, the counts."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int
from hashlens.codes import Codes
from hashlens.collection.catalogue import in_last_generation, read_meta
from hashlens.collection.filters import select_ids
from hashlens.collection.items import Item, picture_of_item, read_item, read_items
from hashlens.collection.opened import OpenCollection
from hashlens.collection.records import ids_of_content, live_labels
from hashlens.collection.stats import Stats, count


class Looking(OpenCollection):
    """The verbs that show items; `Collection` has them."""

    def stored_codes(self) -> tuple[Codes, NDArray[np.object_]]:
        """Give the code and the label of each item, by ascending id.

        Returns
        -------
        codes : uint8 (n_items, ceil(n_bits / 8))
        labels : array of str or None, (n_items,)
        """
        with self._seen() as (db, snapshot):
            return snapshot.codes[snapshot.rows], np.array(live_labels(db), object)

    def item(self, item_id: int) -> Item:
        """Look up an item; InputError if there is none of that id."""
        with self._catalogue.reading() as db:
            return read_item(db, item_id)

    def items(self, where: str | None = None, *, first: int = 0, n: int = 100) -> list[Item]:
        """List items by ascending id.

        Parameters
        ----------
        where : str, optional
            Only items for which this is true; see `select`.
        first : int, >= 0
            How many of them are left out before the list begins.
        n : int, >= 0
            At most so many are listed.

        Returns
        -------
        items : list of Item

        Raises
        ------
        InputError
            If an argument is not as above.
        """
        check_int("first", first, 0)
        check_int("n", n, 0)
        with self._seen() as (db, snapshot):
            ids = snapshot.ids if where is None else select_ids(db, where)
            return list(read_items(db, ids[first : first + n].tolist()))

    def look_up(self, ids: Sequence[int]) -> list[Item]:
        """Look up several items in the order asked; what is no item is left out."""
        with self._catalogue.reading() as db:
            return list(read_items(db, ids))

    def with_content(self, content_hash: str) -> list[Item]:
        """Find the items whose bytes have this SHA-256 (hex digits), by ascending id."""
        with self._catalogue.reading() as db:
            return list(read_items(db, ids_of_content(db, bytes.fromhex(content_hash))))

    def picture(self, item_id: int) -> Path | bytes:
        """Find the picture of an item.

        Parameters
        ----------
        item_id : int

        Returns
        -------
        picture : Path or bytes
            The item's file as it is now; or, where the image had none, the bytes of the image
            (PNG where it was an array).

        Raises
        ------
        InputError
            If there is no item of that id.
        ImageError
            If the file is gone, or the collection keeps no pictures.
        FormatError
            If a byte of what is kept has changed.
        """
        with self._catalogue.reading() as db:
            find = partial(picture_of_item, self.path, db, item_id)
            return in_last_generation(db, self._catalogue.path, find)

    def stats(self) -> Stats:
        """Count what the collection holds."""
        with self._catalogue.reading() as db:
            return count(db, self.path, read_meta(db, self._catalogue.path))
