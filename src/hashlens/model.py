"""A model: preprocessing and encoder. Images in, codes out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import refuse
from hashlens.codes import Codes, binarize
from hashlens.data.skipped import Skipped
from hashlens.evaluation import DistanceMeaning, meaning_in

if TYPE_CHECKING:
    from hashlens.data import Images, Preprocessing

Progress = Callable[[int, int], None]


class EncoderOutput(Protocol):
    """What an encoder gives for n images."""

    @property
    def features(self) -> NDArray[np.float32]:
        """Features, float32 (n, d)."""

    @property
    def projection(self) -> NDArray[Any]:
        """Reals whose signs are the bits, (n, n_bits)."""

    @property
    def logits(self) -> NDArray[np.float32] | None:
        """Scores of the classes, float32 (n, n_classes), where there is a classifier."""


class Encoder(Protocol):
    """What a model needs: pixels (n, h, w, c) uint8 in, features and projections out."""

    def embed(self, pixels: NDArray[np.uint8]) -> EncoderOutput:
        """Embed preprocessed pixels."""


class Embedding(NamedTuple):
    """Images as a model sees them; row i is image ``kept[i]``.

    Attributes
    ----------
    codes : uint8 (n, ceil(n_bits / 8))
    features : float32 (n, d)
    logits : float32 (n, n_classes), or None for a model without a classifier
    kept : int64 (n,)
    skipped : tuple of Skipped
    """

    codes: Codes
    features: NDArray[np.float32]
    logits: NDArray[np.float32] | None
    kept: NDArray[np.int64]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class Model:
    """A trained image hasher.

    Attributes
    ----------
    method : str
        Its name in ``METHODS``.
    n_bits : int
    preprocessing : Preprocessing
        What is done to an image before the encoder sees it.
    classes : tuple of str
        Names of the classes it was trained on; empty for unsupervised methods.
    encoder : Encoder
    settings : dict
        The method's own settings.
    card : dict
        Where it comes from: data, recipe, seed, versions, figures. JSON-able.
    training_digests : uint64 (n,)
        A digest of each image it was trained on, for the leak guard.
    lengths : tuple of int
        Code lengths it was trained for, ascending; empty: `n_bits` alone.
    """

    method: str
    n_bits: int
    preprocessing: "Preprocessing"
    classes: tuple[str, ...]
    encoder: Encoder
    settings: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    training_digests: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    lengths: tuple[int, ...] = ()

    @property
    def distance_meaning(self) -> DistanceMeaning | None:
        """Share of same-class images by distance; None where training kept no labelled images out.

        It was measured on images that the codes were not learnt from. See `DistanceMeaning`.
        """
        return meaning_in(self.card, self.n_bits)

    def shortened(self, n_bits: int) -> "Model":
        """Give this model with only the first `n_bits` of its code.

        Parameters
        ----------
        n_bits : int
            One of the lengths it was trained for, ``lengths``, and at most ``n_bits``.

        Returns
        -------
        model : Model
            It shares the encoder with this one, and can be saved and put into a collection.

        Raises
        ------
        InputError
            If the model was not trained for codes of that length.
        """
        lengths = tuple(n for n in self.lengths if n <= self.n_bits) or (self.n_bits,)
        if isinstance(n_bits, bool) or n_bits not in lengths:
            known = ", ".join(map(str, lengths))
            raise refuse("n_bits", f"a length that the model was trained for: {known}", n_bits)
        return replace(self, n_bits=int(n_bits))

    def at_precision(self, precision: str) -> "Model":
        """Give this model, computing in float32 or bfloat16.

        Parameters
        ----------
        precision : {"float32", "bfloat16"}
            bfloat16 is for trained networks, on processors and GPUs that have its instructions:
            there it is about twice as quick, and changes a few bits in a thousand. Do not mix the
            two in one collection where that matters. It is not saved with the model.

        Raises
        ------
        InputError
            If the model has no network of its own, and `precision` is not float32.
        """
        if hasattr(self.encoder, "at_precision"):
            return replace(self, encoder=self.encoder.at_precision(precision))
        if precision != "float32":
            raise refuse("precision", "float32 for a model without a trained network", precision)
        return self

    def encode(
        self,
        images: object,
        *,
        n_bits: int | None = None,
        batch_size: int = 256,
        progress: Progress | None = None,
    ) -> Codes:
        """Turn images into packed codes, one row an image.

        Parameters
        ----------
        images : Images, Dataset, path, bytes, array, or a sequence of paths or of bytes
            An array is uint8 of shape (n, h, w, c), or (h, w, c) for one image.
        n_bits : int, optional
            A shorter length that the model was trained for: see `shortened`.
        batch_size : int
        progress : callable, optional
            Called as ``progress(done, total)``.

        Returns
        -------
        codes : uint8 array of shape (n, ceil(n_bits / 8))

        Raises
        ------
        ImageError
            For the first image that cannot be decoded. Use `embed` to skip such images.
        InputError
            If `images` is none of the above.
        """
        model = self if n_bits is None else self.shortened(n_bits)
        return model.embed(images, batch_size=batch_size, strict=True, progress=progress).codes

    def embed(
        self,
        images: object,
        *,
        batch_size: int = 256,
        strict: bool = False,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> Embedding:
        """Turn images into codes and features; images that cannot be decoded are listed.

        Takes what `encode` takes. With `strict`, the first bad image raises ImageError. `workers`
        processes decode files; see `hashlens.data.iter_pixels`.
        """
        from hashlens.data import as_images

        source = as_images(images)
        parts = []
        for part in self.iter_embed(source, batch_size=batch_size, strict=strict, workers=workers):
            parts.append(part)
            if progress is not None:
                done = int(sum(len(p.kept) + len(p.skipped) for p in parts))
                progress(done, len(source))
        return join_embeddings(parts) if parts else self._nothing()

    def iter_embed(
        self,
        images: "Images",
        *,
        batch_size: int = 256,
        strict: bool = False,
        workers: int | None = None,
    ) -> Iterator[Embedding]:
        """Embed batch after batch, decoding ahead; memory stays bounded.

        `workers` processes decode files; see `hashlens.data.iter_pixels`.
        """
        from hashlens.data import iter_pixels

        for loaded in iter_pixels(
            images, self.preprocessing, batch_size, strict=strict, workers=workers
        ):
            yield self.embed_pixels(loaded.pixels)._replace(
                kept=loaded.kept, skipped=loaded.skipped
            )

    def embed_pixels(self, pixels: NDArray[np.uint8]) -> Embedding:
        """Embed pixels that are preprocessed already: uint8 (n, height, width, n_channels)."""
        if pixels.shape[1:] != self.preprocessing.shape or pixels.dtype != np.uint8:
            raise refuse("pixels", f"uint8 of shape (n, *{self.preprocessing.shape})", pixels)
        if len(pixels) == 0:
            return self._nothing()
        output = self.encoder.embed(pixels)
        kept = np.arange(len(pixels))
        codes = binarize(output.projection[:, : self.n_bits])
        return Embedding(codes, output.features, output.logits, kept, ())

    def _nothing(self) -> Embedding:
        blank = np.zeros((1, *self.preprocessing.shape), np.uint8)
        one = self.embed_pixels(blank)
        logits = None if one.logits is None else one.logits[:0]
        return Embedding(one.codes[:0], one.features[:0], logits, one.kept[:0], ())

    def save(self, path: str | Path) -> Path:
        """Write the model to a folder: ``model.json`` and ``weights.safetensors``.

        Raises
        ------
        InputError
            If the folder exists and holds anything that is not a model or a training of it.
        """
        from hashlens.model_store import save_model

        return save_model(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> "Model":
        """Read a model from a folder. Nothing is unpickled; every byte is checked.

        Raises
        ------
        FormatError
            If a file is missing, changed by a byte, or from a newer version.
        """
        from hashlens.model_store import load_model

        return load_model(Path(path))


def join_embeddings(parts: Sequence[Embedding]) -> Embedding:
    """Put the embeddings of several batches (at least one) into one."""
    logits = [part.logits for part in parts if part.logits is not None]
    return Embedding(
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.features for part in parts]),
        np.concatenate(logits) if logits else None,
        np.concatenate([part.kept for part in parts]),
        tuple(skipped for part in parts for skipped in part.skipped),
    )
