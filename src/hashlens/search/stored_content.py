"""An index and its file: written whole, or what is new appended in place."""

from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from hashlens.checks import refuse
from hashlens.codes import code_size
from hashlens.search.content import IndexContent
from hashlens.search.file.index_file import append_to_index, read_index, write_index
from hashlens.search.file.stored_index import FileState, StoredIndex, StoredSegment, Tables
from hashlens.search.segment import Segment

_MOST_SEGMENTS = 200  # of a file that is read: then it is written anew


class _File(NamedTuple):
    path: Path
    state: FileState


class StoredContent(IndexContent):
    """Codes that are kept in a file (layout: :mod:`hashlens.search.file.index_file`)."""

    _file: _File | None = None

    def save(self, path: str | Path | None = None) -> None:
        """Write the index to one file with checksums.

        To the file that it was read from, or last saved to, only what is new is appended, in
        place. Any other file is written whole, without removed codes, and replaces one of that
        name only once it is complete on disk.

        Parameters
        ----------
        path : str or Path, optional
            The file that the index was read from, or last saved to, where None.

        Raises
        ------
        InputError
            If there is no such file yet.
        BusyError
            If another process is writing to the file, or has written to it since.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> from hashlens.search import HammingIndex
        >>> with TemporaryDirectory() as folder:
        ...     index = HammingIndex(np.array([[1], [2]], np.uint8), 3)
        ...     index.save(f"{folder}/codes.index")
        ...     more = index.add(np.array([[7]], np.uint8))
        ...     index.save()
        ...     HammingIndex.load(f"{folder}/codes.index", mmap=False).n_items
        3
        """
        if path is None and self._file is None:
            raise refuse("path", "a path: the index has no file yet", None)
        if self._file is not None and path in (None, self._file.path, str(self._file.path)):
            self._append(self._file)
        elif path is not None:
            self._write(Path(path))

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        mmap: bool = True,
        verify: bool = True,
        threads: int | None = None,
    ) -> Self:
        """Read an index from its file.

        Parameters
        ----------
        path : str or Path
        mmap : bool
            Map the file, so that several processes share its memory; otherwise copy it.
        verify : bool
            Read all of the file once to check its checksums. Those of its heads, and all sizes,
            are checked in any case.
        threads : int, optional
            As for the class.

        Raises
        ------
        FormatError
            If the file is damaged, cut off, no index, or of another version.
        """
        stored = read_index(Path(path), mmap=mmap, verify=verify)
        empty = np.empty((0, code_size(stored.n_bits)), np.uint8)
        index = cls(empty, stored.n_bits, threads=threads)
        index._take(stored)
        if stored.state is not None:
            index._file = _File(Path(path), stored.state)
        return index

    def _take(self, stored: StoredIndex) -> None:
        runs = stored.segments or (StoredSegment(self._segments[0].blocks, 0),)
        self._segments = [Segment(run.blocks, run.n_items, stored.n_bits) for run in runs]
        if any(run.ids is not None for run in runs):
            parts = [
                np.arange(first, first + run.n_items) if run.ids is None else run.ids
                for run, (_, first) in zip(runs, self._placed(), strict=True)
            ]
            self._set_ids(parts[0] if len(parts) == 1 else np.concatenate(parts))
        self._remove_positions(stored.removed)
        self._forget_changes()

    def _append(self, file: _File) -> None:
        if self._changes.laid_out or len(self._segments) > _MOST_SEGMENTS:
            self._write(file.path, file.state)
            return
        start = file.state.n_items
        segments = []
        if self._n_positions > start:
            codes = self._packed(start)
            ids = None if self._ids is None else self._ids[start:]
            fresh = Segment.of_codes(codes, self._n_bits)
            segments.append(StoredSegment(fresh.blocks, fresh.n_items, ids))
        removed = np.unique(np.concatenate([np.empty(0, np.int64), *self._changes.removed]))
        state = append_to_index(
            file.path,
            file.state,
            segments=segments,
            removed=removed,
            tables=self._tables() if self._changes.tables else None,
        )
        self._file = _File(file.path, state)
        self._forget_changes()

    def _write(self, path: Path, instead_of: FileState | None = None) -> None:
        if self.n_items < self._n_positions or len(self._segments) > _MOST_SEGMENTS:
            self._lay_out(self.codes(), self.ids)
        segments = []
        for segment, first in self._placed():
            ids = None if self._ids is None else self._ids[first : first + segment.n_items]
            segments.append(StoredSegment(segment.blocks, segment.n_items, ids))
        stored = StoredIndex(self._n_bits, tuple(segments), tables=self._tables())
        state = write_index(path, stored, instead_of=instead_of)
        self._file = _File(path, state)
        self._forget_changes()

    def _tables(self) -> Tables | None:
        """What a faster search keeps beside the codes."""
        return None
