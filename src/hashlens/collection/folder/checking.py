"""What is checked when a collection is opened: that its parts are there and belong together."""

from functools import partial
from pathlib import Path
from sqlite3 import Connection

from hashlens.checks import refuse, words
from hashlens.collection.folder.catalogue import Catalogue, Meta, in_last_generation
from hashlens.collection.folder.lock import writer_lock
from hashlens.collection.folder.pictures import PictureFile, count_picture_bytes
from hashlens.collection.folder.snapshot import codes_file, features_file
from hashlens.collection.folder.writing import MODEL_FOLDER, model_checksum
from hashlens.errors import FormatError
from hashlens.model_store import MODEL_FILE, read_card


def check_collection(folder: Path) -> Meta:
    """Check the collection in `folder`, bring an old catalogue up to date, and read what it says.

    Sizes are checked, and the model's card with its checksum; the bytes of codes, features
    and pictures are not read.

    Raises
    ------
    InputError
        If there is no such folder.
    FormatError
        If a file is missing, damaged, of a newer version, or of another collection.
    """
    if not folder.is_dir():
        state = "a file" if folder.exists() else "nothing"
        raise refuse("path", "the folder of a collection", words(f"{str(folder)!r}: {state}"))
    catalogue = Catalogue(folder)
    if catalogue.is_old():
        with writer_lock(folder), catalogue.writing():
            pass
    with catalogue.reading() as db:
        return in_last_generation(db, catalogue.path, partial(_check_files, folder, db))


def _check_files(folder: Path, db: Connection, meta: Meta) -> Meta:
    for file in codes_file(folder, meta), features_file(folder, meta):
        if file is not None:
            file.check(meta.n_rows)
    PictureFile(folder, meta.generation).check(count_picture_bytes(db))
    check_model(folder, meta)
    return meta


def check_model(folder: Path, meta: Meta) -> None:
    """Raise FormatError unless the model inside is whole, and the one that made the codes."""
    path = folder / MODEL_FOLDER / MODEL_FILE
    n_bits = read_card(folder / MODEL_FOLDER)["n_bits"]
    if n_bits != meta.n_bits:
        wanted = f"must be of a model of {meta.n_bits} bits, as the codes are"
        raise FormatError(f"{path} {wanted}. Got {n_bits} bits.")
    if model_checksum(folder) != meta.model_sha256:
        raise FormatError(f"{path} must be of the model that made the codes. Got another model.")
