"""An index in one file: codes, removals and tables, appended as they come.

The file is a log of sections (:mod:`hashlens.search.file.section_file`). Read from front to back
they give the index:

=========== ================ ========================================================
kind        facts            arrays
=========== ================ ========================================================
``codes``   ``n_items``      ``blocks`` (:mod:`hashlens.search.blocks`); ``ids``,
                             int64 (n_items,), unless the ids are positions
``removed``                  ``positions``, int64: items that no longer exist
``tables``  ``n_items``      any: what a faster search keeps of the first `n_items`
                             items; the last such section counts
=========== ================ ========================================================

Positions count through all sections of codes, removed items included. Ids ascend through all of
them, and are positions where a section has none.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hashlens.search.file.section_file import append_sections, read_sections, write_sections
from hashlens.search.file.sections import Section
from hashlens.search.file.stored_index import (
    NOTHING,
    FileState,
    Positions,
    Replay,
    StoredIndex,
    StoredSegment,
    Tables,
)


def write_index(
    path: Path, stored: StoredIndex, *, instead_of: FileState | None = None
) -> FileState:
    """Write an index file: complete under its name, or not at all.

    Parameters
    ----------
    path : Path
        May be the file from which `stored` is mapped.
    stored : StoredIndex
    instead_of : FileState, optional
        What the file must still hold, so that nothing another process appended is lost.

    Raises
    ------
    BusyError
        If another process is appending to the file that is there, or it holds something else.
    FormatError
        If the parts of the index do not fit together; nothing is written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from hashlens.search.blocks import as_blocks
    >>> codes = np.array([[1], [2], [3]], np.uint8)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "codes.index"
    ...     state = write_index(path, StoredIndex(3, (StoredSegment(as_blocks(codes, 3), 3),)))
    ...     state = append_to_index(path, state, removed=np.array([1]))
    ...     again = read_index(path, mmap=False, verify=True)
    >>> again.segments[0].blocks[0, 0, :4], again.removed, again.state == state
    (array([1, 2, 3, 0], dtype=uint16), array([1]), True)
    """
    sections = _sections(stored.segments, stored.removed, stored.tables)
    replay = Replay(path, stored.n_bits)
    replay.take_all(sections, verify=True)
    digest = None if instead_of is None else instead_of.digest
    return replay.state(write_sections(path, stored.n_bits, sections, instead_of=digest))


def append_to_index(
    path: Path,
    state: FileState,
    *,
    segments: Iterable[StoredSegment] = (),
    removed: Positions = NOTHING,
    tables: Tables | None = None,
) -> FileState:
    """Append to an index file, in place: all that is given, or nothing.

    Parameters
    ----------
    path : Path
    state : FileState
        Of the file as it was last read, written or appended to.
    segments : iterable of StoredSegment
    removed : int64 (n_removed,)
        Positions in the index with these segments.
    tables : Tables, optional
        In place of those that are there.

    Returns
    -------
    state : FileState
        That the next append is made to.

    Raises
    ------
    BusyError
        If another process is writing to the file, or has written to it since.
    FormatError
        If what is given does not fit the index, or the file is damaged; it stays as it was.
    """
    sections = _sections(segments, removed, tables)
    replay = Replay(path, state.n_bits, state.n_items, state.last_id)
    replay.take_all(sections, verify=True)
    return replay.state(append_sections(path, state.digest, sections))


def read_index(path: Path, *, mmap: bool, verify: bool) -> StoredIndex:
    """Read an index file, or map it into memory.

    Parameters
    ----------
    path : Path
    mmap : bool
        Share the memory with every process that maps the file; else copy it. What is written
        here never changes or cuts what was mapped; another program must not cut it either.
    verify : bool
        Read all of the file to check the checksums of the arrays, the order of the ids and that
        what is no code is zero. All else is checked in any case.

    Raises
    ------
    FormatError
        If the file is no index, of another version, cut off or damaged.
    """
    file = read_sections(path, mmap=mmap, verify=verify)
    replay = Replay(path, file.n_bits)
    replay.take_all(file.sections, verify=verify)
    removed = np.unique(np.concatenate([NOTHING, *replay.removed]))
    state = replay.state(file.state)
    return StoredIndex(file.n_bits, tuple(replay.segments), removed, replay.tables, state)


def _sections(
    segments: Iterable[StoredSegment], removed: Positions, tables: Tables | None
) -> list[Section]:
    sections = []
    for segment in segments:
        ids = {} if segment.ids is None else {"ids": segment.ids}
        sections.append(
            Section("codes", {"n_items": int(segment.n_items)}, {"blocks": segment.blocks, **ids})
        )
    if len(removed):
        sections.append(Section("removed", {}, {"positions": removed}))
    if tables is not None:
        sections.append(Section("tables", {"n_items": tables.n_items}, tables.arrays))
    return sections
