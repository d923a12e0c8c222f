"""Making a collection's folder, and adding to it under the writer lock."""

import hashlib
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import hashlens
from hashlens.checks import refuse, words
from hashlens.collection.adding import Adder, AddReport, Embed, Target
from hashlens.collection.catalogue import Catalogue, Meta, read_meta
from hashlens.collection.lock import writer_lock
from hashlens.collection.snapshot import codes_file, features_file
from hashlens.data import Dataset
from hashlens.model import Model
from hashlens.model_store import MODEL_FILE
from hashlens.watcher import Watcher

MODEL_FOLDER = "model"


def check_new(folder: Path) -> None:
    """Raise InputError unless a collection may be made at `folder`."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise refuse("path", "a new folder", words(f"{str(folder)!r}, which exists"))


def make_collection(folder: Path, model: Model, *, store_features: bool) -> None:
    """Make an empty collection, whole or not at all."""
    check_new(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _fill(staged, model, store_features)
        staged.chmod(0o755)
        staged.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _fill(folder: Path, model: Model, store_features: bool) -> None:
    model.save(folder / MODEL_FOLDER)
    nothing = model.embed_pixels(np.empty((0, *model.preprocessing.shape), np.uint8))
    n_features = nothing.features.shape[1] if store_features else 0
    meta = Meta(model.n_bits, n_features, 1, 0, model_checksum(folder), 0)
    for file in codes_file(folder, meta), features_file(folder, meta):
        if file is not None:
            file.create()
    Catalogue(folder).create(
        {
            "n_bits": meta.n_bits,
            "n_features": meta.n_features,
            "generation": meta.generation,
            "revision": meta.revision,
            "model_sha256": meta.model_sha256,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "hashlens": hashlens.__version__,
        }
    )
    _sync(folder)


def model_checksum(folder: Path) -> str:
    """SHA-256 of the ``model.json`` of a collection, as hex digits."""
    return hashlib.sha256((folder / MODEL_FOLDER / MODEL_FILE).read_bytes()).hexdigest()


def add_images(
    folder: Path, data: Dataset, embed: Embed, *, strict: bool, watcher: Watcher
) -> AddReport:
    """Add a data set to the collection in `folder`.

    Raises
    ------
    BusyError
        If another process is writing to it.
    """
    catalogue = Catalogue(folder)
    with writer_lock(folder), catalogue.writing() as db:
        meta = read_meta(db, catalogue.path)
        files = codes_file(folder, meta), features_file(folder, meta)
        target = Target(db, *files, meta.n_rows)
        return Adder(target, data, embed, strict=strict, watcher=watcher).run()


def _sync(folder: Path) -> None:
    """Put the names in a folder down to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
