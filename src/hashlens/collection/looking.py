"""Looking at what a collection holds: items, their pictures, the counts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int
from hashlens.codes import Codes
from hashlens.collection.folder.records import live_labels
from hashlens.collection.items import Item, check_item_id, no_item
from hashlens.collection.opened import OpenCollection
from hashlens.collection.stats import Stats


class Looking(OpenCollection):
    """The verbs that show items; `Collection` has them."""

    def stored_codes(self) -> tuple[Codes, NDArray[np.object_]]:
        """Give the code and the label of each item, by ascending id.

        Returns
        -------
        codes : uint8 (n_items, ceil(n_bits / 8))
        labels : array of str or None, (n_items,)
        """
        with self._in_folder("reading all codes").seen() as (db, snapshot):
            return snapshot.codes[snapshot.rows], np.array(live_labels(db), object)

    def sample_codes(self, n: int = 200_000) -> Codes:
        """Give the codes of all items; or of n of them, drawn at random, where there are more.

        Returns
        -------
        codes : uint8 (at most n, ceil(n_bits / 8))
        """
        return self._store.sample_codes(n)

    def item(self, item_id: int) -> Item:
        """Look up an item; InputError if there is none of that id."""
        for item in self._store.look_up([check_item_id(item_id)]):
            return item
        raise no_item(item_id)

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
        return self._store.look_up(self._store.select(where, first, n).tolist())

    def look_up(self, ids: Sequence[int]) -> list[Item]:
        """Look up several items in the order asked; what is no item is left out."""
        return self._store.look_up(ids)

    def with_content(self, content_hash: str) -> list[Item]:
        """Find the items whose bytes have this SHA-256 (hex digits), by ascending id."""
        return self._store.with_content(bytes.fromhex(content_hash))

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
        return self._store.picture(check_item_id(item_id))

    def stats(self) -> Stats:
        """Count what the collection holds."""
        return self._store.stats()
