"""Searching a collection: by image, by bytes, by item, by code, or by several at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.answering import Wish, answer, check_wish
from hashlens.collection.hits import Hits
from hashlens.collection.opened import OpenCollection
from hashlens.collection.queries import Queries, encode_queries


class Searching(OpenCollection):
    """The verbs that search; `Collection` has them."""

    def search(  # noqa: PLR0913 - the door to a search: each argument is a word of the command
        self,
        query: object,
        k: int = 10,
        *,
        radius: int | None = None,
        precision: float | None = None,
        share: float | None = None,
        where: str | None = None,
        rerank: bool | None = None,
        exclude_self: bool = False,
    ) -> Hits:
        """Find the items most like one image.

        Parameters
        ----------
        query : path, bytes, uint8 array of shape (h, w, c), int, or Code
            An int is the id of an item.
        k : int, >= 1
            Most items to find.
        radius : int, optional
            Only items within this distance, in bits.
        precision : float, above 0, at most 1, optional
            In place of `radius`: the largest radius for which the model promises that at least
            this share of what lies within is of the query's class (see `DistanceMeaning`). It
            holds over many queries, and where classes are as frequent here as they were among
            the images that the training kept out.
        share : float, above 0 and below 1, optional
            Share of the items here that are of a query's class, where they are not: a promise and
            ``hits.same_class`` are then of this share.
        where : str, optional
            Only items for which this is true; see `select`.
        rerank : bool, optional
            Order the nearest ``max(10 k, 100)`` items by the cosine of their features
            (hierarchical deep search). Default: if the collection stores features, and the query
            is not a code, of which features are not known.
        exclude_self : bool
            Leave out the item that the query names by its id.

        Returns
        -------
        hits : Hits
            At most k; an item that is itself the query is among them, at distance 0.

        Raises
        ------
        InputError
            If an argument is not as above, if there is no item of that id, or if the model
            knows no meaning of its distances, or does not promise so much.
        ImageError
            If the query cannot be decoded.
        """
        wish = Wish(k, radius, precision, share, where, rerank, exclude_self)
        return self._search([query], wish)[0]

    def search_many(  # noqa: PLR0913 - as for `search`
        self,
        queries: Sequence[object],
        k: int = 10,
        *,
        radius: int | None = None,
        precision: float | None = None,
        share: float | None = None,
        where: str | None = None,
        rerank: bool | None = None,
        exclude_self: bool = False,
    ) -> list[Hits]:
        """Find the items most like each of several images: one `Hits` a query.

        Takes what `search` takes; the queries are encoded and compared together, in one commit.
        """
        return self._search(queries, Wish(k, radius, precision, share, where, rerank, exclude_self))

    def search_together(  # noqa: PLR0913 - as for `search`
        self,
        queries: Sequence[object],
        k: int = 10,
        *,
        radius: int | None = None,
        precision: float | None = None,
        share: float | None = None,
        where: str | None = None,
        rerank: bool | None = None,
        exclude_self: bool = False,
    ) -> Hits:
        """Find the items most like any of several images, as one question.

        Takes what `search` takes. The distance of an item is the smallest of its distances to the
        queries, its similarity the largest: that to the query it is most like.
        """
        wish = Wish(k, radius, precision, share, where, rerank, exclude_self)
        return self._search(queries, wish, together=True)[0]

    def encode(self, queries: Sequence[object]) -> Queries:
        """Encode queries as `search` does, to search by them later.

        Parameters
        ----------
        queries : sequence of path, bytes, uint8 array of shape (h, w, c), int, or Code
            An image whose bytes are those of an item takes the item's code and features.

        Returns
        -------
        queries : Queries

        Raises
        ------
        InputError, ImageError
            As for `search`.
        """
        with self._store.view() as view:
            return encode_queries(queries, view, lambda: self.model)

    def search_encoded(  # noqa: PLR0913 - as for `search`
        self,
        queries: Queries,
        k: int = 10,
        *,
        radius: int | None = None,
        precision: float | None = None,
        share: float | None = None,
        where: str | None = None,
        rerank: bool | None = None,
        exclude_self: bool = False,
        together: bool = False,
    ) -> list[Hits]:
        """Find the items most like each of several encoded queries: one `Hits` a query.

        Takes what `search` takes, and queries as `encode` gives them.

        Parameters
        ----------
        queries : Queries
        k, radius, precision, share, where, rerank, exclude_self
            As for `search`.
        together : bool
            They are one question, as for `search_together`: the list has one `Hits`.
        """
        wish = Wish(k, radius, precision, share, where, rerank, exclude_self)
        by_items = queries.items is not None and bool((queries.items >= 0).all())
        checked = check_wish(wish, self, by_items=by_items)
        with self._store.view(where) as view:
            return answer(view, queries, checked, together=together)

    def select(self, where: str) -> NDArray[np.int64]:
        """Find the items for which an expression is true.

        Parameters
        ----------
        where : str
            One SQL expression over the columns ``id``, ``path``, ``name`` (the last part of the
            path), ``label``, ``added`` (a time, UTC) and the keys of the items' metadata, such as
            ``"label = 'owl' AND year >= 2020"``. An item without a key has NULL there; true and
            false are 1 and 0, arrays and objects their JSON text. A name with spaces is put in
            double quotation marks, text in single ones.

        Returns
        -------
        ids : int64 (n,), ascending

        Raises
        ------
        InputError
            If it is no such expression, names a column that there is not, or takes longer than
            ten seconds.
        """
        return self._store.select(where)

    def _search(
        self, queries: Sequence[object], wish: Wish, *, together: bool = False
    ) -> list[Hits]:
        by_items = all(isinstance(query, int | np.integer) for query in queries)
        checked = check_wish(wish, self, by_items=by_items)
        with self._store.view(wish.where) as view:
            found = encode_queries(queries, view, lambda: self.model)
            return answer(view, found, checked, together=together)
