"""An open collection: what its verbs share."""

from functools import cached_property
from pathlib import Path
from typing import Any

from hashlens.checks import refuse, words
from hashlens.collection.folder.store import FolderStore
from hashlens.collection.folder.writing import check_new, make_collection
from hashlens.collection.new import NewCollection
from hashlens.collection.store import Store
from hashlens.errors import InputError
from hashlens.evaluation import DistanceMeaning, meaning_in
from hashlens.model import Model

SCHEME = "milvus://"


def open_store(place: str | Path) -> Store:
    """Open the collection at a place: a folder, or a URL that names another engine."""
    if str(place).startswith(SCHEME):
        from hashlens.collection.milvus.store import MilvusStore

        return MilvusStore.open(str(place))
    return FolderStore(Path(place))


def exists(place: str | Path) -> bool:
    """Tell whether there is a collection at a place, or something else in its way."""
    if str(place).startswith(SCHEME):
        from hashlens.collection.milvus.store import MilvusStore

        return MilvusStore.exists(str(place))
    return Path(place).is_dir() and any(Path(place).iterdir())


def only_in_folder(place: str, what: str) -> InputError:
    """Build the error for what only a collection in a folder can do."""
    wanted = f"in a folder: {what} is for those, and `hashlens copy` makes one"
    return refuse("collection", wanted, words(place))


def make_store(place: str | Path, new: NewCollection) -> None:
    """Make an empty collection at a place, whole or not at all; InputError if it is taken."""
    if str(place).startswith(SCHEME):
        from hashlens.collection.milvus.store import MilvusStore

        MilvusStore.make(str(place), new)
    else:
        make_collection(Path(place), new)


def check_free(place: str | Path) -> None:
    """Raise InputError unless a collection may be made at a place."""
    if str(place).startswith(SCHEME):
        from hashlens.collection.milvus.store import MilvusStore

        MilvusStore.check_free(str(place))
    else:
        check_new(Path(place))


class OpenCollection:
    """A collection in its engine, and its model.

    Parameters
    ----------
    path : str or Path
        The folder of a collection that exists; or ``milvus://host:port/name``.
    """

    def __init__(self, path: str | Path) -> None:
        self._store = open_store(path)

    def __len__(self) -> int:
        return self._store.n_items

    @property
    def place(self) -> str:
        """Its folder or its URL, without a password, as it is shown."""
        return self._store.place

    @property
    def name(self) -> str:
        """What it is called: the last part of its place."""
        return self._store.name

    @property
    def path(self) -> Path:
        """Its folder.

        Raises
        ------
        InputError
            If it is not in a folder.
        """
        return self._in_folder("this").folder

    @property
    def n_bits(self) -> int:
        """Length of the codes, in bits."""
        return self._store.n_bits

    @property
    def revision(self) -> int:
        """Number of the last commit."""
        return self._store.revision

    @property
    def stores_features(self) -> bool:
        """Whether there are feature vectors to re-rank by."""
        return self._store.n_features > 0

    @property
    def card(self) -> dict[str, Any]:
        """What the model's ``model.json`` says of it, read without its weights."""
        return self._store.card

    @cached_property
    def model(self) -> Model:
        """The model that encodes images and queries.

        Raises
        ------
        FormatError
            If a byte of it has changed.
        """
        return self._store.load_model()

    @cached_property
    def distance_meaning(self) -> DistanceMeaning | None:
        """Share of same-class images by distance, as the model's training measured it.

        None where it measured nothing, as with codes that are fitted on photos without labels.
        """
        return meaning_in(self.card["card"], self.n_bits)

    def _in_folder(self, what: str) -> FolderStore:
        """Give the engine of a folder, for what no other can do."""
        if not isinstance(self._store, FolderStore):
            raise only_in_folder(self.place, what)
        return self._store
