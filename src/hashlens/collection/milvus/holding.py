"""What Milvus can hold of an item, and what it cannot."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.collection.incoming import Encoded, Incoming
from hashlens.collection.milvus.layout import MAX_TEXT
from hashlens.data.candidates import Candidate
from hashlens.errors import ImageError


class Holdable(NamedTuple):
    """Images on their way to Milvus: those that it cannot hold are as bad as damaged ones.

    Attributes
    ----------
    images : Incoming
    """

    images: Incoming

    @property
    def title(self) -> str:
        """What they are called as a whole."""
        return self.images.title

    @property
    def has_pictures(self) -> bool:
        """Whether the images themselves are at hand."""
        return self.images.has_pictures

    def __len__(self) -> int:
        return len(self.images)

    def candidate(self, position: int) -> Candidate:
        """Look at an image; ImageError if it cannot be read, or held."""
        candidate = self.images.candidate(position)
        why = why_not(candidate.path, candidate.label)
        if why is not None:
            raise ImageError(self.images.name(position), why)
        return candidate

    def name(self, position: int) -> str:
        """Name an image."""
        return self.images.name(position)

    def encode(self, positions: NDArray[np.int64], strict: bool) -> Iterator[Encoded]:
        """Give the codes of images."""
        return self.images.encode(positions, strict)

    def picture(self, position: int) -> bytes:
        """Give the bytes of an image that has no file."""
        return self.images.picture(position)


def why_not(
    path: str, label: str | None, metadata: Mapping[str, object] | None = None
) -> str | None:
    r"""Say why Milvus cannot hold something of an item; None if it can.

    Examples
    --------
    >>> why_not("owl.jpg", "owl", {"year": 2020, "of": [1, {"x": None}]})
    >>> why_not("owl\udcff.jpg", None)
    'its path is no valid Unicode, which Milvus cannot hold'
    >>> why_not("owl.jpg", None, {"of": [1, {"x": 2**64}]})
    'its metadata has an int of more than 64 bits, which Milvus cannot hold'
    """
    for name, text in (("path", path), ("label", label or "")):
        try:
            n_bytes = len(text.encode())
        except UnicodeEncodeError:
            return f"its {name} is no valid Unicode, which Milvus cannot hold"
        if n_bytes > MAX_TEXT:
            return f"its {name} has {n_bytes:,} bytes, and Milvus holds {MAX_TEXT:,}"
    if any(_is_big(value) for value in (metadata or {}).values()):
        return "its metadata has an int of more than 64 bits, which Milvus cannot hold"
    return None


def _is_big(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_is_big(each) for each in value.values())
    if isinstance(value, list):
        return any(_is_big(each) for each in value)
    return isinstance(value, int) and not -(2**63) <= value < 2**64
