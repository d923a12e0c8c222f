"""A collection: a user's images, indexed in a folder that any crash leaves whole."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_int, refuse, words
from hashlens.codes import Codes
from hashlens.collection.adding import AddReport, embed_with
from hashlens.collection.catalogue import (
    Catalogue,
    count_items,
    find_items,
    live_labels,
    read_meta,
)
from hashlens.collection.checking import check_collection
from hashlens.collection.hits import Hits
from hashlens.collection.promise import meaning_for, radius_within
from hashlens.collection.queries import encode_queries
from hashlens.collection.ranking import Ask, Ranked, rank
from hashlens.collection.snapshot import Snapshot, take_snapshot
from hashlens.collection.sources import Source, as_dataset
from hashlens.collection.stats import Item, Stats, count
from hashlens.collection.writing import MODEL_FOLDER, add_images, make_collection
from hashlens.evaluation import DistanceMeaning, meaning_in
from hashlens.model import Model
from hashlens.model_store import read_card
from hashlens.watcher import Watcher


class Collection:
    """A user's images, indexed: add images, search them by image, by bytes, or by item.

    A folder on disk. What the catalogue in it has not committed does not exist: a process killed
    at any moment loses nothing committed and leaves nothing half-written. One process may write
    while many read; each search sees the last commit.

    Parameters
    ----------
    path : str or Path
        The folder of a collection that exists; ``Collection.open`` says the same.

    Raises
    ------
    InputError
        If there is no collection.
    FormatError
        If a file is missing, damaged, or of a newer version; the message names it.

    Examples
    --------
    >>> import tempfile
    >>> import hashlens as hl
    >>> from hashlens.training import TrainOptions
    >>> pixels = TrainOptions(features="pixels")
    >>> model = hl.train("digits", method="itq", n_bits=32, options=pixels)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     digits = hl.Collection.create(f"{folder}/digits.hl", model)
    ...     report = digits.add("digits")
    ...     hits = digits.search(7, k=3)
    >>> report.added, int(hits.ids[0]), int(hits.distances[0])
    (1797, 7, 0)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._catalogue = Catalogue(self.path)
        self._meta = check_collection(self.path)
        self._latest: Snapshot | None = None

    @classmethod
    def create(cls, path: str | Path, model: Model, *, store_features: bool = True) -> Self:
        """Make an empty collection, with a copy of the model inside.

        Parameters
        ----------
        path : str or Path
            A new folder.
        model : Model
        store_features : bool
            Keep feature vectors too (float16, scaled to length 1), to re-rank by.

        Returns
        -------
        collection : Collection

        Raises
        ------
        InputError
            If `path` exists, or `model` is no model.
        """
        if not isinstance(model, Model):
            raise refuse("model", "a hashlens.Model", words(type(model).__name__))
        make_collection(Path(path), model, store_features=store_features)
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a collection that exists. The model is loaded when it is first needed."""
        return cls(path)

    def __len__(self) -> int:
        with self._catalogue.reading() as db:
            return count_items(db)

    @property
    def n_bits(self) -> int:
        """Length of the codes, in bits."""
        return self._meta.n_bits

    @property
    def stores_features(self) -> bool:
        """Whether there are feature vectors to re-rank by."""
        return self._meta.n_features > 0

    @property
    def card(self) -> dict[str, Any]:
        """What the model's ``model.json`` says of it, read without its weights."""
        return read_card(self.path / MODEL_FOLDER)

    @cached_property
    def model(self) -> Model:
        """The model that encodes images and queries.

        Raises
        ------
        FormatError
            If a byte of it has changed.
        """
        return Model.load(self.path / MODEL_FOLDER)

    @cached_property
    def distance_meaning(self) -> DistanceMeaning | None:
        """Share of same-class images by distance, as the model's training measured it.

        None where it measured nothing, as with codes that are fitted on photos without labels.
        """
        return meaning_in(self.card["card"], self.n_bits)

    def add(
        self, source: Source, *, strict: bool = False, watcher: Watcher | None = None
    ) -> AddReport:
        """Add images; what is known is not encoded again.

        An image is known by the SHA-256 of its bytes. At the same path with the same bytes it is
        an item already; with other bytes the item is encoded anew and keeps its id; the same bytes
        at another path are a further item with the same code. Labels are the names of sub-folders.

        Parameters
        ----------
        source : str, Path, sequence of paths, Dataset or Images
            A folder, a manifest, an image, several, or loaded data; a str may also be the name of
            a benchmark.
        strict : bool
            Raise at the first bad image instead of leaving it out; what is committed by then
            stays.
        watcher : Watcher, optional
            Is told how far it is.

        Returns
        -------
        report : AddReport

        Raises
        ------
        InputError
            If `source` is none of these.
        BusyError
            If another process is writing to the collection.
        """
        data = as_dataset(source)
        embed = embed_with(lambda: self.model)
        return add_images(self.path, data, embed, strict=strict, watcher=watcher or Watcher())

    def search(  # noqa: PLR0913 - the door to a search: each argument is a word of the command
        self,
        query: object,
        k: int = 10,
        *,
        radius: int | None = None,
        precision: float | None = None,
        share: float | None = None,
        rerank: bool | None = None,
        exclude_self: bool = False,
    ) -> Hits:
        """Find the items most like one image.

        Parameters
        ----------
        query : path, bytes, uint8 array of shape (h, w, c), or int
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
        rerank : bool, optional
            Order the nearest ``max(10 k, 100)`` items by the cosine of their features
            (hierarchical deep search). Default: if the collection stores features.
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
        return self.search_many(
            [query],
            k,
            radius=radius,
            precision=precision,
            share=share,
            rerank=rerank,
            exclude_self=exclude_self,
        )[0]

    def search_many(  # noqa: PLR0913 - as for `search`
        self,
        queries: Sequence[object],
        k: int = 10,
        *,
        radius: int | None = None,
        precision: float | None = None,
        share: float | None = None,
        rerank: bool | None = None,
        exclude_self: bool = False,
    ) -> list[Hits]:
        """Find the items most like each of several images: one `Hits` a query.

        Takes what `search` takes; the queries are encoded and compared together, in one commit.
        """
        meaning = meaning_for(self.distance_meaning, share)
        within = radius_within(meaning, radius, precision)
        asks = [self._ask(query, k, within, rerank, exclude_self) for query in queries]
        if not asks:
            return []
        with self._catalogue.reading() as db:
            snapshot = self._snapshot(db)
            codes, vectors = encode_queries(queries, snapshot, db, lambda: self.model)
            ranked = rank(snapshot, codes, vectors, asks)
            return [_hits(db, found, asks[0], meaning) for found in ranked]

    def stored_codes(self) -> tuple[Codes, NDArray[np.object_]]:
        """Give the code and the label of each item, by ascending id.

        Returns
        -------
        codes : uint8 (n_items, ceil(n_bits / 8))
        labels : array of str or None, (n_items,)
        """
        with self._catalogue.reading() as db:
            snapshot = self._snapshot(db)
            return snapshot.codes[snapshot.rows], np.array(live_labels(db), object)

    def item(self, item_id: int) -> Item:
        """Look up an item; InputError if there is none of that id."""
        wanted = check_int("item id", item_id, 0)
        with self._catalogue.reading() as db:
            found = find_items(db, [wanted])
        if not found:
            raise refuse("item id", "the id of an item of the collection", wanted)
        return Item(found[0].id, found[0].path, found[0].label)

    def stats(self) -> Stats:
        """Count what the collection holds."""
        with self._catalogue.reading() as db:
            return count(db, self.path, read_meta(db, self._catalogue.path))

    def __repr__(self) -> str:
        return f"Collection({str(self.path)!r}, n_items={len(self)}, n_bits={self.n_bits})"

    def _ask(
        self, query: object, k: int, radius: int | None, rerank: bool | None, exclude_self: bool
    ) -> Ask:
        check_int("k", k, 1)
        if radius is not None:
            check_int("radius", radius, 0, self.n_bits)
        if rerank and not self.stores_features:
            raise refuse("rerank", "False for a collection that stores no features", rerank)
        if exclude_self and not isinstance(query, int | np.integer):
            raise refuse("exclude_self", "False where the query is not an item id", exclude_self)
        without = int(query) if exclude_self and isinstance(query, int | np.integer) else -1
        return Ask(k, radius, self.stores_features if rerank is None else rerank, without)

    def _snapshot(self, db: Connection) -> Snapshot:
        meta = read_meta(db, self._catalogue.path)
        latest = self._latest
        if latest is None or latest.revision != meta.revision:
            latest = take_snapshot(self.path, db, meta)
            self._latest = latest
        return latest


def _hits(db: Connection, ranked: Ranked, ask: Ask, meaning: DistanceMeaning | None) -> Hits:
    items = find_items(db, ranked.ids.tolist())
    return Hits(
        ids=ranked.ids,
        distances=ranked.distances,
        similarities=ranked.similarities,
        labels=np.array([item.label for item in items], object),
        paths=np.array([item.path for item in items], object),
        reranked=ask.rerank,
        radius=ask.radius,
        same_class=None if meaning is None else meaning.at[ranked.distances],
    )
