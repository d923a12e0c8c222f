"""Verifying a collection: every checksum and every count, and damage named."""

import time
from functools import partial
from pathlib import Path
from sqlite3 import Connection

from hashlens.collection.findings import CheckReport, Findings
from hashlens.collection.folder.catalogue import CATALOGUE_FILE, Catalogue, Meta, read_meta
from hashlens.collection.folder.catalogue_check import check_catalogue, check_note
from hashlens.collection.folder.checking import check_model
from hashlens.collection.folder.files_check import check_images
from hashlens.collection.folder.lock import LOCK_FILE
from hashlens.collection.folder.records import count_items
from hashlens.collection.folder.rows_check import Span, check_pictures, check_rows
from hashlens.collection.folder.sealing import NOTE_FILE
from hashlens.collection.folder.snapshot import codes_file, features_file
from hashlens.collection.folder.writing import MODEL_FOLDER
from hashlens.errors import HashlensError
from hashlens.model_store import MODEL_FILE, WEIGHTS_FILE, check_weights, read_card
from hashlens.watcher import Watcher

_OWN = {CATALOGUE_FILE, f"{CATALOGUE_FILE}-wal", f"{CATALOGUE_FILE}-shm", LOCK_FILE, NOTE_FILE}


def verify(folder: Path, *, files: bool = False, watcher: Watcher | None = None) -> CheckReport:
    """Check the collection in `folder`, even one that is too damaged to be opened.

    Parameters
    ----------
    folder : Path
    files : bool
        Check also that the images' own files are there, with the bytes that they had.
    watcher : Watcher, optional
        Is told how far it is.

    Returns
    -------
    report : CheckReport
        Of the commit that was the last when the check began.
    """
    started = time.monotonic()
    check = _Check(folder, files, watcher or Watcher())
    if check.findings.problems and _generation(folder) > check.generation > 0:
        # Compacted meanwhile: the files went away under the check.
        check = _Check(folder, files, watcher or Watcher())
    found = check.findings
    return CheckReport(
        problems=tuple(found.problems),
        n_items=check.n_items,
        n_rows=check.n_rows,
        bytes_read=sum(part.bytes_read for part in found.parts),
        seconds=time.monotonic() - started,
        parts=tuple(found.parts),
        notes=tuple(found.notes),
        changed=tuple(found.changed),
        gone=tuple(found.gone),
    )


class _Check:
    def __init__(self, folder: Path, files: bool, watcher: Watcher) -> None:
        self.folder = folder
        self.findings = Findings(watcher)
        self.generation = self.n_items = self.n_rows = 0
        meta = None
        noted = check_note(folder, self.findings)  # first, or it may be of a later commit
        try:
            with Catalogue(folder).reading() as db:
                meta = self._check_data(db, noted)
                if files:
                    check_images(db, self.findings)
        except HashlensError as error:
            self._add(CATALOGUE_FILE, error)
        self._check_model(meta)

    def _check_data(self, db: Connection, noted: int | None) -> Meta:
        meta, batches = check_catalogue(db, self.folder, noted, self.findings)
        self.generation, self.n_rows = meta.generation, meta.n_rows
        self.n_items = count_items(db)
        size = (self.folder / CATALOGUE_FILE).stat().st_size
        self.findings.checked(CATALOGUE_FILE, f"{self.n_items:,} items", size)
        codes, features = codes_file(self.folder, meta), features_file(self.folder, meta)
        spans = [Span(batch.first_row, batch.n_rows, batch.codes_sha256) for batch in batches]
        check_rows(db, codes, spans, meta, self.findings)
        known = {codes.path.name}
        if features is not None:
            spans = [
                Span(batch.first_row, batch.n_rows, batch.features_sha256) for batch in batches
            ]
            check_rows(db, features, spans, meta, self.findings)
            known.add(features.path.name)
        known.add(check_pictures(db, self.folder, meta, self.findings))
        self._note_strays(known)
        return meta

    def _check_model(self, meta: Meta | None) -> None:
        self.findings.watcher.stage("checking the model")
        model = self.folder / MODEL_FOLDER
        card = (
            partial(read_card, model) if meta is None else partial(check_model, self.folder, meta)
        )
        for file, check in (MODEL_FILE, card), (WEIGHTS_FILE, partial(check_weights, model)):
            try:
                check()
            except HashlensError as error:
                # Without its card, nothing is known of the weights: the card is named, once.
                named = MODEL_FILE if f"{model / MODEL_FILE} " in str(error) else file
                self._add(f"{MODEL_FOLDER}/{named}", error)
            path = model / file
            size = path.stat().st_size if path.is_file() else 0
            self.findings.checked(f"{MODEL_FOLDER}/{file}", "the model", size)

    def _note_strays(self, known: set[str]) -> None:
        known |= _OWN | {f"{MODEL_FOLDER}/{MODEL_FILE}", f"{MODEL_FOLDER}/{WEIGHTS_FILE}"}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if name not in known and not path.is_dir():
                self.findings.notes.append(f"{name}: no part of the last commit")

    def _add(self, file: str, error: HashlensError) -> None:
        self.findings.damaged(file, str(error).removeprefix(f"{self.folder / file} "))


def _generation(folder: Path) -> int:
    catalogue = Catalogue(folder)
    try:
        with catalogue.reading() as db:
            return read_meta(db, catalogue.path).generation
    except HashlensError:
        return 0
