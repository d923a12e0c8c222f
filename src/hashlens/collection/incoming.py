"""Images on their way into a collection: from files and arrays, to be encoded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hashlens.codes import Codes
from hashlens.vectors import as_stored_vectors

if TYPE_CHECKING:
    from hashlens.data import Dataset, Images
    from hashlens.data.candidates import Candidate
    from hashlens.model import Embedding, Model

_ENCODED_AT_ONCE = 64

Embed = Callable[["Images", NDArray[np.int64], bool], "Iterator[Embedding]"]
"""``embed(images, ids, strict)`` embeds the images with these numbers; `kept` numbers `ids`."""


class Encoded(NamedTuple):
    """Codes and features as they are stored; row i is the image ``kept[i]`` of those asked for.

    Attributes
    ----------
    codes : uint8 (n, ceil(n_bits / 8))
    vectors : float16 (n, d), rows of length 1; None where there are none
    kept : int64 (n,)
    reasons : tuple of str
        Why each of the others is left out.
    """

    codes: Codes
    vectors: NDArray[np.float16] | None
    kept: NDArray[np.int64]
    reasons: tuple[str, ...] = ()


class Incoming(Protocol):
    """Images that are to be items."""

    @property
    def title(self) -> str:
        """What they are called as a whole."""

    @property
    def has_pictures(self) -> bool:
        """Whether the images themselves are at hand, and not only their codes."""

    def __len__(self) -> int: ...

    def candidate(self, position: int) -> "Candidate":
        """Look at an image; ImageError if it cannot be read."""

    def name(self, position: int) -> str:
        """Name an image."""

    def encode(self, positions: NDArray[np.int64], strict: bool) -> Iterator[Encoded]:
        """Give the codes of images; with `strict`, ImageError at the first bad one."""

    def picture(self, position: int) -> bytes:
        """Give the bytes of an image that has no file."""


@dataclass(frozen=True)
class IncomingImages:
    """The images of a data set.

    Attributes
    ----------
    data : Dataset
    embed : Embed
    """

    data: "Dataset"
    embed: Embed
    has_pictures: bool = True

    @property
    def title(self) -> str:
        """The name of the data set."""
        return self.data.name

    def __len__(self) -> int:
        return len(self.data)

    def candidate(self, position: int) -> "Candidate":
        """Look at an image; ImageError if it cannot be read."""
        from hashlens.data.candidates import look_at

        return look_at(self.data, position)

    def name(self, position: int) -> str:
        """Name an image."""
        return self.data.images.name(position)

    def encode(self, positions: NDArray[np.int64], strict: bool) -> Iterator[Encoded]:
        """Embed images; with `strict`, ImageError at the first bad one."""
        for part in self.embed(self.data.images, positions, strict):
            reasons = tuple(skipped.reason for skipped in part.skipped)
            yield Encoded(part.codes, as_stored_vectors(part.features), part.kept, reasons)

    def picture(self, position: int) -> bytes:
        """Give the bytes of an image that has no file."""
        from hashlens.data.content import picture_bytes

        return picture_bytes(self.data.images, position)


def embed_with(model: "Callable[[], Model]", workers: int | None = None) -> Embed:
    """Embed with a model, decoding ahead of the network; it is asked for when there is work."""

    def embed(images: "Images", ids: NDArray[np.int64], strict: bool) -> "Iterator[Embedding]":
        chosen = images.subset(ids)
        return model().iter_embed(
            chosen, batch_size=_ENCODED_AT_ONCE, strict=strict, workers=workers
        )

    return embed
