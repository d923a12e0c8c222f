"""An open collection: what its verbs share."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from sqlite3 import Connection
from threading import Lock
from typing import Any

from hashlens.collection.catalogue import Catalogue, Meta, in_last_generation, read_meta
from hashlens.collection.checking import check_collection
from hashlens.collection.records import count_items
from hashlens.collection.snapshot import Snapshot, take_snapshot
from hashlens.collection.writing import MODEL_FOLDER
from hashlens.evaluation import DistanceMeaning, meaning_in
from hashlens.model import Model
from hashlens.model_store import read_card


class OpenCollection:
    """A collection's folder, its model, and the last commit that was looked at.

    Parameters
    ----------
    path : str or Path
        The folder of a collection that exists.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._catalogue = Catalogue(self.path)
        self._meta = check_collection(self.path)
        self._latest: Snapshot | None = None
        self._looking = Lock()

    def __len__(self) -> int:
        with self._catalogue.reading() as db:
            return count_items(db)

    @property
    def n_bits(self) -> int:
        """Length of the codes, in bits."""
        return self._meta.n_bits

    @property
    def revision(self) -> int:
        """Number of the last commit."""
        with self._catalogue.reading() as db:
            return read_meta(db, self._catalogue.path).revision

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

    @contextmanager
    def _seen(self) -> Iterator[tuple[Connection, Snapshot]]:
        """Give the catalogue and the snapshot of one commit, the last."""
        with self._catalogue.reading() as db:
            # Locked from its first look on: no thread puts an older commit in place of a newer.
            with self._looking:
                seen = in_last_generation(db, self._catalogue.path, partial(self._forward, db))
            yield db, seen

    def _forward(self, db: Connection, meta: Meta) -> Snapshot:
        latest = self._latest
        if latest is None or latest.revision != meta.revision:
            latest = take_snapshot(self.path, db, meta, latest)
            self._latest = latest
        return latest
