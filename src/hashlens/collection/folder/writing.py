"""Making a collection's folder."""

import hashlib
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import hashlens
from hashlens.checks import refuse, words
from hashlens.collection.folder.catalogue import Catalogue, Meta
from hashlens.collection.folder.snapshot import codes_file, features_file
from hashlens.collection.new import NewCollection
from hashlens.errors import HashlensError
from hashlens.model_store import MODEL_FILE
from hashlens.whole_file import sync_folder

MODEL_FOLDER = "model"


def check_new(folder: Path) -> None:
    """Raise InputError unless a collection may be made at `folder`."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise refuse("path", "a new folder", words(f"{str(folder)!r}, which exists"))


def make_collection(folder: Path, new: NewCollection) -> None:
    """Make an empty collection, whole or not at all.

    Raises
    ------
    InputError
        If `folder` is taken.
    HashlensError
        If the disk is full or cannot be written.
    """
    check_new(folder)
    try:
        _make(folder, new)
    except OSError as error:
        reason = error.strerror or error
        raise HashlensError(f"{folder} must be writable. Got {reason}.") from error


def _make(folder: Path, new: NewCollection) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        _fill(staged, new)
        staged.chmod(0o755)
        staged.rename(folder)
        sync_folder(folder.parent)
    except HashlensError as error:  # it names a place that nobody has heard of
        raise HashlensError(str(error).replace(str(staged), str(folder))) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _fill(folder: Path, new: NewCollection) -> None:
    new.write_model(folder / MODEL_FOLDER)
    meta = Meta(new.n_bits, new.n_features, 1, 0, model_checksum(folder), 0)
    for file in codes_file(folder, meta), features_file(folder, meta):
        if file is not None:
            file.create()
    Catalogue(folder).create(
        {
            "n_bits": meta.n_bits,
            "n_features": meta.n_features,
            "generation": meta.generation,
            "revision": meta.revision,
            "keep_pictures": int(new.keep_pictures),
            "model_sha256": meta.model_sha256,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "hashlens": hashlens.__version__,
        }
    )
    sync_folder(folder)


def model_checksum(folder: Path) -> str:
    """SHA-256 of the ``model.json`` of a collection, as hex digits."""
    return hashlib.sha256((folder / MODEL_FOLDER / MODEL_FILE).read_bytes()).hexdigest()
