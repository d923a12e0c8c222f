"""A collection without a model: features that need no labels, and ITQ fitted on the photos."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens.checks import check_n_bits, refuse
from hashlens.codes import binarize
from hashlens.collection.adding import AddOptions, AddReport
from hashlens.collection.collection import Collection
from hashlens.collection.incoming import Embed, IncomingImages, embed_with
from hashlens.collection.opened import check_free
from hashlens.data import Dataset, Images, Skipped, iter_pixels
from hashlens.data.candidates import Source, as_dataset
from hashlens.data.digests import pixel_digests
from hashlens.feature_encoder import fit_encoder
from hashlens.features import Features, load_features
from hashlens.hashers.itq import ITQ
from hashlens.model import Embedding, Model
from hashlens.training import TrainOptions
from hashlens.training.material import make_card, natural_preprocessing
from hashlens.watcher import Watcher

FITTED_ON = 4096
"""Images that ITQ is fitted on, at most; of more, so many are drawn."""

_AT_ONCE = 64


def index_photos(  # noqa: PLR0913 - a door: each argument is a word on the command line
    path: str | Path,
    source: Source,
    *,
    features: str = "backbone",
    n_bits: int = 64,
    seed: int = 0,
    strict: bool = False,
    workers: int | None = None,
    watcher: Watcher | None = None,
) -> tuple[Collection, AddReport]:
    """Make a collection of images with codes fitted on the images themselves.

    No labels and no training: features of a network that is there already, hashed by ITQ. What is
    computed for the fit is not computed again to add the images.

    Parameters
    ----------
    path : str or Path
        Folder of the collection, which does not exist yet.
    source : str, Path, sequence of paths, Dataset or Images
        As for `Collection.add`.
    features : str
        ``"backbone"``, ``"gist"``, ``"pixels"`` or a timm model.
    n_bits : int, 1 to 4096
        At most the number of features.
    seed : int
    strict : bool
        Raise at the first bad image instead of leaving it out.
    workers : int >= 0, optional
        As for `Collection.add`.
    watcher : Watcher, optional
        Is told how far it is.

    Returns
    -------
    collection : Collection
    report : AddReport
        Its seconds include the fit.

    Raises
    ------
    InputError
        If `path` is taken, or fewer than two images can be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     photos, report = index_photos(f"{folder}/d.hl", "digits", features="pixels", n_bits=16)
    ...     len(photos), report.added, photos.search(9, k=3).labels.tolist()
    (1797, 1797, ['0', '0', '0'])
    """
    started = time.monotonic()
    check_n_bits(n_bits)
    check_free(path)
    watcher = watcher or Watcher()
    data = as_dataset(source)
    options = TrainOptions(seed=seed, features=features)
    load = _Loading(strict, workers, watcher)
    prepared = _fit(data, options, n_bits, load)
    collection = Collection.create(path, prepared.model)
    incoming = IncomingImages(data, _embed_prepared(prepared, workers))
    report = collection.receive(incoming, AddOptions(strict), watcher)
    return collection, replace(report, seconds=time.monotonic() - started)


class _Prepared(NamedTuple):
    """A fitted model, and the embeddings of the images it was fitted on.

    ``embedding.kept`` numbers the images of the data set, ascending.
    """

    model: Model
    embedding: Embedding


class _Loading(NamedTuple):
    """How images are loaded, and who is told how far it is."""

    strict: bool
    workers: int | None
    watcher: Watcher


class _Vectors(NamedTuple):
    vectors: NDArray[np.float32]
    digests: NDArray[np.uint64]
    kept: NDArray[np.int64]
    skipped: list[Skipped]


def _fit(data: Dataset, options: TrainOptions, n_bits: int, load: _Loading) -> _Prepared:
    load.watcher.stage(f"loading {options.features}")
    natural = natural_preprocessing(data.images, None)
    features = load_features(options.features, preprocessing=natural)
    if n_bits > features.n_features:
        raise refuse("n_bits", f"at most {features.n_features}, the number of features", n_bits)
    drawn = _draw(len(data), options.seed)
    found = _vectors(features, data.images.subset(drawn), load)
    if len(found.kept) < 2:
        raise refuse("source", "a source of at least 2 readable images", len(found.kept))
    load.watcher.stage("fitting itq")
    encoder, vectors = fit_encoder(features, found.vectors, ITQ(n_bits, seed=options.seed))
    figures = {"features": options.features, "n_images": len(vectors)}
    model = Model(
        method="itq",
        n_bits=n_bits,
        preprocessing=features.preprocessing,
        classes=(),
        encoder=encoder,
        settings=encoder.hasher.get_params(),
        card=make_card(data.subset(drawn), options, figures),
        training_digests=found.digests,
    )
    codes = binarize(encoder.hasher.project(vectors))
    return _Prepared(model, Embedding(codes, vectors, None, drawn[found.kept], ()))


def _draw(n: int, seed: int) -> NDArray[np.int64]:
    if n <= FITTED_ON:
        return np.arange(n)
    drawn: NDArray[np.int64] = np.random.default_rng(seed).choice(n, FITTED_ON, replace=False)
    return np.sort(drawn)


def _vectors(features: Features, images: Images, load: _Loading) -> _Vectors:
    """Compute features image by image; the pixels are let go as soon as they are used."""
    load.watcher.stage(f"computing {features.name} features", len(images))
    parts, digests, kept, skipped = [], [], [], list[Skipped]()
    for loaded in iter_pixels(
        images, features.preprocessing, _AT_ONCE, strict=load.strict, workers=load.workers
    ):
        skipped += loaded.skipped
        if len(loaded.pixels):
            parts.append(features.transform(loaded.pixels))
            digests.append(pixel_digests(loaded.pixels))
            kept.append(loaded.kept)
        load.watcher.advance(sum(map(len, kept)) + len(skipped), len(images))
    if not parts:
        nothing = np.empty((0, features.n_features), np.float32)
        return _Vectors(nothing, np.empty(0, np.uint64), np.empty(0, np.int64), skipped)
    return _Vectors(np.concatenate(parts), np.concatenate(digests), np.concatenate(kept), skipped)


def _embed_prepared(prepared: _Prepared, workers: int | None) -> Embed:
    """Take what the fit has computed, and embed the rest with the model."""
    done = prepared.embedding
    embed_rest = embed_with(lambda: prepared.model, workers)

    def embed(images: Images, ids: NDArray[np.int64], strict: bool) -> Iterator[Embedding]:
        there = np.flatnonzero(np.isin(ids, done.kept))
        rows = np.searchsorted(done.kept, ids[there])
        if len(there):
            yield Embedding(done.codes[rows], done.features[rows], None, there, ())
        rest = np.flatnonzero(~np.isin(ids, done.kept))
        if len(rest):
            for part in embed_rest(images, ids[rest], strict):
                yield part._replace(kept=rest[part.kept])

    return embed
