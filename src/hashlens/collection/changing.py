"""Changing a collection: what is written to it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.collection.adding import AddOptions, AddReport
from hashlens.collection.folder.compacting import CompactReport, compact
from hashlens.collection.incoming import Incoming, IncomingImages, embed_with
from hashlens.collection.items import check_which
from hashlens.collection.metadata import Metadata, as_metadata
from hashlens.collection.opened import OpenCollection
from hashlens.collection.updating import UpdateReport
from hashlens.watcher import Watcher

if TYPE_CHECKING:
    from hashlens.data.candidates import Source


class Changing(OpenCollection):
    """The verbs that write; `Collection` has them."""

    def add(
        self,
        source: "Source",
        *,
        metadata: Metadata | str | Path | None = None,
        prune: bool = False,
        strict: bool = False,
        workers: int | None = None,
        watcher: Watcher | None = None,
    ) -> AddReport:
        """Add images; what is known is not encoded again.

        An image is known by the SHA-256 of its bytes. At the same path with the same bytes it is
        an item already; with other bytes the item is encoded anew and keeps its id. The same bytes
        at another path are a further item with the same code; but where the file of an item with
        these bytes is gone, that item has moved, and keeps its id. Labels are the names of
        sub-folders; an item that has a label keeps it until it moves, or `update` changes it.

        Parameters
        ----------
        source : str, Path, sequence of paths, Dataset or Images
            A folder, a manifest, an image, several, or loaded data; a str may also be the name of
            a benchmark.
        metadata : Metadata, str or Path, optional
            Labels and other values of the images, or a table of them (see `Metadata.read`): what
            `update` takes. They are written once all images are added. Relative paths in a table
            start from the folder that `source` names, or else from the table's own.
        prune : bool
            Remove the items whose path is below the folder that `source` names, and whose file is
            gone.
        strict : bool
            Raise at the first bad image instead of leaving it out; what is committed by then
            stays.
        workers : int >= 0, optional
            Processes that decode files; 0: threads of this process. Default: a process a core, 8
            at most, or threads for fewer than 64 new images. What crashes, hangs or eats memory
            in a process is one image that is left out.
        watcher : Watcher, optional
            Is told how far it is.

        Returns
        -------
        report : AddReport

        Raises
        ------
        InputError
            If `source` is none of these, or it is no folder and `prune` is wanted.
        BusyError
            If another process is writing to the collection.
        """
        from hashlens.data.candidates import as_dataset

        said = None if metadata is None else as_metadata(metadata, _folder_of(source))
        options = AddOptions(strict, _folder_named(source) if prune else None, said)
        incoming = IncomingImages(as_dataset(source), embed_with(lambda: self.model, workers))
        return self.receive(incoming, options, watcher or Watcher())

    def add_codes(
        self,
        folder: str | Path,
        *,
        metadata: Metadata | str | Path | None = None,
        strict: bool = False,
        watcher: Watcher | None = None,
    ) -> AddReport:
        """Add images that are encoded already, elsewhere perhaps, with this collection's model.

        What becomes of each image is what `add` says; that it is there now is not looked at. Of
        images without a file, no picture is kept.

        Parameters
        ----------
        folder : str or Path
            Shards of codes, as ``hashlens encode IMAGES --out FOLDER`` writes them.
        metadata : Metadata, str or Path, optional
            As for `add`; relative paths start from the folder of the table.
        strict : bool
            Raise where the first image was bad when it was to be encoded.
        watcher : Watcher, optional
            Is told how far it is.

        Returns
        -------
        report : AddReport

        Raises
        ------
        InputError
            If another model made the codes, their length is another, or there are no features
            and the collection stores them. Nothing is added then.
        FormatError
            If a shard is missing or damaged; what was added before stays.
        BusyError
            If another process is writing to the collection.
        """
        from hashlens.collection.incoming_codes import IncomingCodes, check_shards
        from hashlens.encoding.shards import read_shards

        shards = read_shards(folder)
        check_shards(shards, self.card, self.stores_features)
        said = None if metadata is None else as_metadata(metadata)
        incoming = IncomingCodes(shards, features=self.stores_features)
        return self.receive(incoming, AddOptions(strict, None, said), watcher or Watcher())

    def receive(self, incoming: Incoming, options: AddOptions, watcher: Watcher) -> AddReport:
        """Add images that come with what encodes them; `add` says what becomes of them."""
        return self._store.add(incoming, options, watcher)

    def remove(
        self,
        ids: int | Sequence[int] | NDArray[np.int64] | None = None,
        *,
        where: str | None = None,
    ) -> int:
        """Remove items, in one commit: all that are named, or none.

        No search finds them any more. Their files are left alone; their codes take up space until
        `compact`. An id that was removed is never given again.

        Parameters
        ----------
        ids : int or sequence of int, optional
            Of items of the collection.
        where : str, optional
            In place of `ids`: the items for which this is true; see `select`.

        Returns
        -------
        n_removed : int

        Raises
        ------
        InputError
            If an id is not that of an item, `where` is no expression, or both or none are given.
        BusyError
            If another process is writing to the collection.

        Examples
        --------
        >>> import tempfile
        >>> from hashlens.collection import index_photos
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     digits, _ = index_photos(f"{folder}/d.hl", "digits", features="pixels", n_bits=16)
        ...     digits.remove([1, 2]), digits.remove(where="label = '3'"), len(digits)
        ...     digits.compact().n_items_dropped
        (2, 183, 1612)
        185
        """
        return self._store.remove(check_which(ids, where), where)

    def update(
        self, metadata: Metadata | str | Path | Sequence[Mapping[str, object]]
    ) -> UpdateReport:
        """Write labels and other values of items, all of them in one commit.

        What an item has under other names stays as it is.

        Parameters
        ----------
        metadata : Metadata, str, Path, or sequence of mapping
            Rows, or a table of them; see `Metadata.read` and `Metadata.of`.

        Returns
        -------
        report : UpdateReport

        Raises
        ------
        FormatError
            If a table cannot be read; the message has file and row. Nothing is changed then.
        InputError
            If a value is not one of JSON, or an item would have too many of them.
        BusyError
            If another process is writing to the collection.

        Examples
        --------
        >>> import tempfile
        >>> from hashlens.collection import index_photos
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     digits, _ = index_photos(f"{folder}/d.hl", "digits", features="pixels", n_bits=16)
        ...     report = digits.update([{"id": 7, "writer": "Ada"}, {"path": "digits[9999]"}])
        ...     report.updated, report.unknown, digits.select("writer = 'Ada'").tolist()
        (1, ("metadata, row 2: 'digits[9999]'",), [7])
        """
        return self._store.update(as_metadata(metadata))

    def compact(self, watcher: Watcher | None = None) -> CompactReport:
        """Give back the space of removed items, of codes and of pictures that no item uses.

        The files are written anew; until that is committed, they need their space once more.
        Searches go on meanwhile. Ids stay.

        Parameters
        ----------
        watcher : Watcher, optional
            Is told how far it is.

        Returns
        -------
        report : CompactReport

        Raises
        ------
        BusyError
            If another process is writing to the collection.
        FormatError
            If what is to be kept is damaged; nothing is changed then.
        HashlensError
            If the disk is full; nothing is changed then.
        """
        return compact(self._in_folder("compacting").folder, watcher or Watcher())


def _folder_of(source: "Source") -> Path | None:
    return Path(source) if isinstance(source, str | Path) and Path(source).is_dir() else None


def _folder_named(source: "Source") -> Path:
    """Give the folder to prune in."""
    folder = _folder_of(source)
    if folder is None:
        raise refuse("prune", "False where source is not a folder", True)
    return folder
