"""The header of an index file: what of the file exists.

It fills the first 4096 bytes and stands in two slots, at bytes 0 and 512. A commit writes the one,
waits for the disk, then writes the other, so that one of them is whole at any moment; of two whole
ones that of the higher generation counts.

==========  ======================================================================
bytes       content of a slot, little-endian
==========  ======================================================================
0 - 7       magic ``HASHLENS``
8 - 11      format version, 2
12 - 15     n_bits
16 - 23     generation: 1 in a new file, one more with every append
24 - 31     committed length of the file
32 - 39     number of sections
40 - 71     state: a chain of SHA-256 over the heads of all sections
72 - 95     zero
96 - 127    SHA-256 of bytes 0 - 95
==========  ======================================================================
"""

import os
import struct
from dataclasses import dataclass, replace
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Self

from hashlens.checks import MAX_BITS
from hashlens.errors import FormatError
from hashlens.search.file.sections import ALIGNMENT, signed

MAGIC = b"HASHLENS"
VERSION = 2
HEADER_SIZE = 4096
SLOTS = (0, 512)
SLOT_SIZE = 128
_FIELDS = struct.Struct("<8sIIQQQ32s24x")


@dataclass(frozen=True)
class Header:
    """What a slot says, and which slot it is.

    Attributes
    ----------
    n_bits : int
    generation : int
    length : int
        Committed bytes of the file.
    n_sections : int
    state : bytes
        Tells these sections from all others.
    slot : int
        0 or 1.
    """

    n_bits: int
    generation: int
    length: int
    n_sections: int
    state: bytes
    slot: int = 0

    @classmethod
    def of_no_sections(cls, n_bits: int) -> Self:
        """Header of a file in which no section was committed yet."""
        state = sha256(MAGIC + n_bits.to_bytes(4, "little")).digest()
        return cls(n_bits, 0, HEADER_SIZE, 0, state)

    def followed_by(self, head: bytes, length: int) -> Self:
        """Header with one more section, of this head and length, in the same generation."""
        state = sha256(self.state + head).digest()
        return replace(
            self, length=self.length + length, n_sections=self.n_sections + 1, state=state
        )

    def packed(self) -> bytes:
        """Bytes of a slot."""
        sizes = self.n_bits, self.generation, self.length, self.n_sections
        return signed(_FIELDS.pack(MAGIC, VERSION, *sizes, self.state))


def read_header(path: Path, file: FileIO) -> Header:
    """Return the header that counts, once the file is known to be as long as it says.

    Raises
    ------
    FormatError
        If there is none, of another version, or the file is cut off.
    """
    file.seek(0)
    page = file.read(HEADER_SIZE)
    slots = [page[slot : slot + SLOT_SIZE] for slot in SLOTS]
    # The lower slot of two equal ones: `max` takes the first.
    whole = [slot for slot, raw in enumerate(slots) if _is_whole(raw)]
    if not whole:
        raise _no_header(path, page)
    number = max(whole, key=lambda slot: _FIELDS.unpack_from(slots[slot])[3])
    _, version, n_bits, generation, length, n_sections, state = _FIELDS.unpack_from(slots[number])
    if version != VERSION:
        raise _other_version(path, version)
    if (
        not 1 <= n_bits <= MAX_BITS
        or length < HEADER_SIZE
        or length % ALIGNMENT
        or generation >> 63
    ):
        raise FormatError(f"{path} must have a header. Got impossible sizes in it.")
    size = os.fstat(file.fileno()).st_size
    if size < length:
        raise cut_off(path, length, size)
    return Header(n_bits, generation, length, n_sections, state, number)


def _is_whole(slot: bytes) -> bool:
    return slot[:8] == MAGIC and slot == signed(slot[: _FIELDS.size])


def _no_header(path: Path, page: bytes) -> FormatError:
    if page[:8] != MAGIC:
        got = "another or a cut-off file" if page else "an empty file"
        return FormatError(f"{path} must be a hashlens index file. Got {got}.")
    version = int.from_bytes(page[8:12], "little")
    if len(page) >= HEADER_SIZE and version != VERSION:
        return _other_version(path, version)
    return FormatError(f"{path} must match its checksum. Got a damaged or cut-off header.")


def _other_version(path: Path, version: int) -> FormatError:
    advice = "Build the index again" if version < VERSION else "Update hashlens"
    return FormatError(
        f"{path} must be of format version {VERSION}. Got {version}. {advice} to read it."
    )


def cut_off(path: Path, wanted: int, size: int) -> FormatError:
    """Build the error of a file that is too short."""
    return FormatError(f"{path} must have {wanted} bytes or more. Got {size}.")
