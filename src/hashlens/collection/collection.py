"""A collection: a user's images, indexed in a folder that any crash leaves whole."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hashlens.checks import refuse, words
from hashlens.collection.changing import Changing
from hashlens.collection.copying import CopyReport, copy
from hashlens.collection.findings import CheckReport
from hashlens.collection.folder.verifying import verify
from hashlens.collection.looking import Looking
from hashlens.collection.new import NewCollection
from hashlens.collection.opened import exists, make_store
from hashlens.collection.searching import Searching
from hashlens.errors import ImageError
from hashlens.model import Model
from hashlens.watcher import Watcher

if TYPE_CHECKING:
    from hashlens.collection.dedup import Duplicates
    from hashlens.collection.dedup.facts import Entry
    from hashlens.data import Images


class Collection(Looking, Searching, Changing):
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

    @classmethod
    def create(
        cls,
        path: str | Path,
        model: Model,
        *,
        store_features: bool = True,
        keep_pictures: bool = True,
    ) -> Self:
        """Make an empty collection, with a copy of the model inside.

        Parameters
        ----------
        path : str or Path
            A new folder.
        model : Model
        store_features : bool
            Keep feature vectors too (float16, scaled to length 1), to re-rank by.
        keep_pictures : bool
            Keep a copy of the images that have no file of their own (bytes, and arrays as PNG),
            to be shown. Images that are files are never copied.

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
        new = NewCollection.of(model, store_features=store_features, keep_pictures=keep_pictures)
        make_store(path, new)
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a collection that exists. The model is loaded when it is first needed."""
        return cls(path)

    @classmethod
    def exists(cls, path: str | Path) -> bool:
        """Tell whether there is a collection at a place, or something that is in its way."""
        return exists(path)

    def duplicates(  # noqa: PLR0913 - a door: each argument is a word on the command line
        self,
        tier: str = "same",
        *,
        radius: int | None = None,
        similarity: float | None = None,
        where: str | None = None,
        keep: str = "largest",
        mirrored: bool = False,
        rotated: bool = False,
        watcher: Watcher | None = None,
    ) -> "Duplicates":
        """Find duplicates, in groups of which one is kept; nothing is changed.

        Pictures that may be the same by code and features are decoded, for their pixels to be
        compared.

        Parameters
        ----------
        tier : {"identical", "same", "similar"}
            How far to look: for the same bytes; also for the same picture, saved again or changed
            a little; also for scenes that are alike.
        radius : int, optional
            Of the tier: codes differ in so many bits at most. Default: measured on photos, as a
            share of `n_bits`.
        similarity : float, -1 to 1, optional
            Of the tier: least cosine of the features, where they are stored. Default: measured.
        where : str, optional
            Compare only the items for which this is true; see `select`.
        keep : {"largest", "oldest", "first"}
            Which of a group is kept: most pixels, then most bytes; the one written first; or the
            one added first, which also decides between equals.
        mirrored, rotated : bool
            Look for pictures that are mirrored, or rotated by quarter turns, too: each picture is
            decoded and encoded once more for each of these, which takes as long as adding it did.
        watcher : Watcher, optional
            Is told how far it is.

        Returns
        -------
        found : Duplicates
            Each superfluous item is within the limits of the one that its group keeps.

        Raises
        ------
        InputError
            If an argument is not as above.

        Examples
        --------
        >>> import tempfile
        >>> from hashlens.collection import index_photos
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     digits, _ = index_photos(f"{folder}/d.hl", "digits", features="pixels", n_bits=64)
        ...     found = digits.duplicates(radius=4, similarity=0.995)
        >>> group = found.groups[0]
        >>> group.tier, group.others[0].distance <= 4, group.others[0].similarity >= 0.995
        ('same', True, True)
        """
        from hashlens.collection.dedup import Compared, Finder, Wanted

        wanted = Wanted(tier, radius, similarity, where, keep, mirrored, rotated)
        with self._in_folder("looking for duplicates").seen() as (db, snapshot):
            compared = Compared(db, snapshot, where)
        finder = Finder(compared, wanted, watcher or Watcher())
        return finder.run(lambda: self.model, self._images_of)

    def _images_of(self, entries: "Sequence[Entry]") -> "Images":
        """Give the images of items: their files, or the bytes that are kept."""
        from hashlens.data import EncodedImages

        sources: list[Path | bytes] = []
        for entry in entries:
            try:
                sources.append(Path(entry.path) if entry.has_file else self.picture(entry.id))
            except ImageError:
                sources.append(b"")
        return EncodedImages(sources, [entry.path for entry in entries])

    def verify(self, watcher: Watcher | None = None, *, files: bool = False) -> CheckReport:
        """Check every checksum and every count; damage is reported, not raised.

        Searches and changes may go on meanwhile: what is checked is the last commit.

        Parameters
        ----------
        watcher : Watcher, optional
            Is told how far it is.
        files : bool
            Check also that the images' own files are there, with the bytes that they had.

        Returns
        -------
        report : CheckReport
            ``report.problems`` is empty if the collection is whole.

        Raises
        ------
        HashlensError
            If the disk cannot be read.
        """
        return verify(self._in_folder("checking").folder, files=files, watcher=watcher)

    def copy_to(
        self, place: str | Path, *, prune: bool = False, watcher: Watcher | None = None
    ) -> CopyReport:
        """Copy the collection to another place, be it in the same engine or in another.

        What the copy has already is left as it is, so that the same call again goes on after an
        interruption, and brings a copy up to date. At the end, both are read once more and
        compared, item by item. Items keep their ids; a new item of the copy gets none that this
        collection has ever given. Of a collection in a folder, what is copied is the last commit,
        checked by its checksums before; others may go on writing to it.

        Parameters
        ----------
        place : str or Path
            A folder, or ``milvus://host:port/name``: a collection that is a copy of this one, or
            will be made.
        prune : bool
            Remove the items of the copy that this collection has not. Without it, such items are
            an error.
        watcher : Watcher, optional
            Is told how far it is.

        Returns
        -------
        report : CopyReport

        Raises
        ------
        InputError
            If what is at `place` is no copy of this collection: it has another model, other
            settings, or, without `prune`, other items. Nothing is written then.
        FormatError
            If this collection is damaged. Nothing is written then.
        BusyError
            If another process is writing to the copy.
        HashlensError
            If the copy is not the same at the end, as where this collection is on another engine
            and has changed meanwhile.

        Examples
        --------
        >>> import tempfile
        >>> from hashlens.collection import index_photos
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     digits, _ = index_photos(f"{folder}/d.hl", "digits", features="pixels", n_bits=16)
        ...     copied = digits.copy_to(f"{folder}/copy.hl").written
        ...     _ = digits.update([{"id": 7, "writer": "Ada"}])
        ...     copied, digits.copy_to(f"{folder}/copy.hl").changed
        (1797, 1)
        """
        return copy(self._store, place, prune=prune, watcher=watcher or Watcher())

    def __repr__(self) -> str:
        return f"Collection({self.place!r}, n_items={len(self)}, n_bits={self.n_bits})"
