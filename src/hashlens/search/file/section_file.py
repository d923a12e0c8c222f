"""A file of sections that is only ever appended to, and loses nothing that was committed.

A header (:mod:`hashlens.search.file.header`), then the sections
(:mod:`hashlens.search.file.sections`) one after another. What lies beyond the length that the
header commits does not exist: it is what an append that was killed left, and the next append
writes over it.
"""

import contextlib
import mmap as memory_maps
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path

import numpy as np

from hashlens.errors import BusyError, FormatError
from hashlens.search.file.header import (
    HEADER_SIZE,
    SLOT_SIZE,
    SLOTS,
    Header,
    cut_off,
    read_header,
)
from hashlens.search.file.sections import Bytes, Parts, Section, decoded, encoded
from hashlens.whole_file import sync_folder, whole_file

if sys.platform != "win32":
    import fcntl


@dataclass(frozen=True)
class SectionFile:
    """What a file of sections holds.

    Attributes
    ----------
    n_bits : int
    sections : list of Section
    state : bytes
        Tells this content from every other: an append is made to a state, not to a name.
    """

    n_bits: int
    sections: list[Section]
    state: bytes


def write_sections(
    path: Path, n_bits: int, sections: Iterable[Section], *, instead_of: bytes | None = None
) -> bytes:
    """Write a new file: complete under its name, or not at all. Return its state.

    Raises
    ------
    BusyError
        If another process is appending to the file that is there, or its state is not the one
        that the new file was to stand instead of.
    """
    header, parts = _after(Header.of_no_sections(n_bits), sections)
    page = bytearray(HEADER_SIZE)
    for slot in SLOTS:
        page[slot : slot + SLOT_SIZE] = header.packed()
    with contextlib.ExitStack() as stack:
        if instead_of is not None or path.is_file():
            # An append to it must not go to a file that has lost its name.
            old = stack.enter_context(_locked(path, "rb"))
            if instead_of is not None and read_header(path, old).state != instead_of:
                raise _changed(path)
        partial = stack.enter_context(whole_file(path))
        with FileIO(partial, "wb") as file:
            _write(file, [bytes(page), *parts])
    sync_folder(path.parent)
    return header.state


def append_sections(path: Path, state: bytes, sections: Iterable[Section]) -> bytes:
    """Append sections, all of them or none. Return the new state.

    Parameters
    ----------
    path : Path
    state : bytes
        Of the file as it was read or written: what is appended depends on what is there.
    sections : list of Section

    Raises
    ------
    BusyError
        If another process is writing to the file, or has written to it since.
    FormatError
        If the header is damaged or the file cut off.
    """
    with _locked(path, "r+b") as file:
        header = read_header(path, file)
        if header.state != state:
            raise _changed(path)
        after, parts = _after(header, sections)
        if not parts:
            return state
        try:
            file.truncate(header.length)
            file.seek(header.length)
            _write(file, parts)
            os.fsync(file.fileno())
        except BaseException:
            with contextlib.suppress(OSError):  # a full disk gets its space back
                file.truncate(header.length)
            raise
        # First the slot that does not hold what the file is now. The other need not be on the
        # disk before the next commit, which waits for its sections, and so for this slot too.
        for slot in (1 - header.slot, header.slot):
            file.seek(SLOTS[slot])
            _write(file, [after.packed()])
            if slot != header.slot:
                os.fsync(file.fileno())
    return after.state


def read_sections(path: Path, *, mmap: bool, verify: bool) -> SectionFile:
    """Read a file of sections, or map it into memory; its arrays are read-only.

    Sizes and the checksums of all but the arrays are always checked; those of the arrays, which
    reads all of the file, unless `verify` is False.

    Raises
    ------
    FormatError
        If the file is of another kind or version, cut off or damaged.
    """
    if path.exists() and not path.is_file():
        raise FormatError(f"{path} must be a hashlens index file. Got a folder or device.")
    with FileIO(path) as file:
        header = read_header(path, file)
        data = _contents(path, file, header.length, mmap=mmap)
    sections, found = [], Header.of_no_sections(header.n_bits)
    for _ in range(header.n_sections):
        section, head, length = decoded(path, data, found.length, verify=verify)
        sections.append(section)
        found = found.followed_by(head, length)
    if (found.length, found.state) != (header.length, header.state):
        raise FormatError(f"{path} must hold the sections its header names. Got others.")
    return SectionFile(header.n_bits, sections, header.state)


def _after(header: Header, sections: Iterable[Section]) -> tuple[Header, Parts]:
    """Header of a file to which sections are added, and what to write for them."""
    parts: Parts = []
    header = replace(header, generation=header.generation + 1)
    for section in sections:
        added = encoded(section)
        header = header.followed_by(bytes(added[0]), sum(len(part) for part in added))
        parts += added
    return header, parts


def _contents(path: Path, file: FileIO, length: int, *, mmap: bool) -> Bytes:
    if mmap:
        mapped = memory_maps.mmap(file.fileno(), length, access=memory_maps.ACCESS_READ)
        return np.frombuffer(mapped, np.uint8)
    file.seek(0)
    data = np.fromfile(file, np.uint8, length)
    if len(data) < length:
        raise cut_off(path, length, len(data))
    data.flags.writeable = False
    return data


def _changed(path: Path) -> BusyError:
    return BusyError(
        f"{path} must be as it was when it was read. Got a file written to since. Load it again."
    )


@contextmanager
def _locked(path: Path, mode: str) -> Iterator[FileIO]:
    """Open a file of which no other process can be a writer at the same time."""
    with FileIO(path, mode) as file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(
                    f"{path} must be written by one process at a time. "
                    "Got a writer already. Try again once it is done."
                ) from None
        if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise _changed(path)
        yield file


def _write(file: FileIO, parts: Parts) -> None:
    for part in parts:
        left = memoryview(part)
        while len(left):
            left = left[file.write(left) :]
