"""Images on their way into a collection as shards of codes, which others have encoded."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse, words
from hashlens.collection.incoming import Encoded
from hashlens.data.candidates import Candidate
from hashlens.encoding.shard_file import CodeRows
from hashlens.encoding.shards import Shards
from hashlens.errors import ImageError
from hashlens.model import Model
from hashlens.model_store import card_sha256, read_card

_SHARDS_IN_MEMORY = 2
_AT_ONCE = 256


class IncomingCodes:
    """Codes of images, from a folder of shards; the bad images of a shard come behind its rows.

    Parameters
    ----------
    shards : Shards
    features : bool
        Whether features are wanted.
    """

    has_pictures = False

    def __init__(self, shards: Shards, *, features: bool) -> None:
        self._shards = shards
        self._features = features
        self._skipped = [footer.header.skipped for footer in shards.footers]
        sizes = [footer.header.n_images for footer in shards.footers]
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._kept = lru_cache(_SHARDS_IN_MEMORY)(shards.read)
        self._reading = Lock()

    @property
    def title(self) -> str:
        """The name of the folder."""
        return self._shards.folder.absolute().name

    def __len__(self) -> int:
        return int(self._starts[-1])

    def candidate(self, position: int) -> Candidate:
        """Say what image it is; ImageError if it was bad when it was to be encoded."""
        shard, row = self._place(position)
        n_rows = self._shards.footers[shard].n_rows
        if row >= n_rows:
            raise ImageError(*self._skipped[shard][row - n_rows])
        rows = self._read(shard)
        return Candidate(
            position,
            rows.names[row],
            rows.content_hashes[row],
            rows.labels[row],
            bool(rows.has_file[row]),
        )

    def name(self, position: int) -> str:
        """Name an image."""
        shard, row = self._place(position)
        n_rows = self._shards.footers[shard].n_rows
        if row >= n_rows:
            return self._skipped[shard][row - n_rows].name
        return self._read(shard).names[row]

    def encode(self, positions: NDArray[np.int64], strict: bool) -> Iterator[Encoded]:
        """Give the codes of images as the shards have them; none of these is bad."""
        del strict
        shards = np.searchsorted(self._starts, positions, "right") - 1
        for shard in np.unique(shards).tolist():
            rows = self._read(shard)
            asked = np.flatnonzero(shards == shard)
            for start in range(0, len(asked), _AT_ONCE):
                kept = asked[start : start + _AT_ONCE]
                yield self._encoded(rows, positions[kept] - self._starts[shard], kept)

    def picture(self, position: int) -> bytes:
        """Shards hold no pictures."""
        raise ImageError(self.name(position), "is there as a code only")

    def _encoded(
        self, rows: CodeRows, chosen: NDArray[np.int64], kept: NDArray[np.int64]
    ) -> Encoded:
        features = rows.features if self._features else None
        vectors = None if features is None else features[chosen]
        return Encoded(rows.codes[chosen], vectors, kept)

    def _read(self, shard: int) -> CodeRows:
        """Read a shard, or give what was read of it; no two threads read the same one."""
        with self._reading:
            return self._kept(shard)

    def _place(self, position: int) -> tuple[int, int]:
        """Give the shard of a position, and the place in it."""
        shard = int(np.searchsorted(self._starts, position, "right")) - 1
        return shard, position - int(self._starts[shard])


def check_shards(shards: Shards, card: dict[str, Any], features: bool) -> None:
    """Raise InputError unless the codes are those of a collection's model.

    Parameters
    ----------
    shards : Shards
    card : dict
        Of the collection's model, which may be a shortened one: of another, but for ``n_bits``.
    features : bool
        Whether the collection stores features.
    """
    n_bits, folder = card["n_bits"], shards.folder
    if shards.n_bits != n_bits:
        raise refuse("shards", f"of {n_bits} bits", words(f"{folder} with {shards.n_bits} bits"))
    lengths = {n_bits, *card.get("lengths", ())}
    known = {card_sha256({**card, "n_bits": n}) for n in lengths if n >= n_bits}
    if shards.model_sha256 not in known:
        wanted = "made by the model of the collection"
        raise refuse("shards", wanted, words(f"{folder}, made by another model"))
    if features and shards.n_rows and not shards.n_features:
        wanted = "with features, as the collection stores them"
        raise refuse("shards", wanted, words(f"{folder} without"))


def model_of(shards: Shards, folder: Path) -> Model:
    """Load the model that made the codes, of their length; InputError if it is another one.

    Parameters
    ----------
    shards : Shards
    folder : Path
        Where the model should be.
    """
    if card_sha256(read_card(folder)) != shards.model_sha256:
        wanted = f"the model that made the codes in {shards.folder}"
        raise refuse("model", wanted, words(f"another one, {folder}"))
    model = Model.load(folder)
    return model if model.n_bits == shards.n_bits else model.shortened(shards.n_bits)
