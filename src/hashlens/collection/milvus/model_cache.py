"""The model of a collection on Milvus, in a folder of this machine."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from hashlens.collection.milvus.layout import Facts, StoredFile
from hashlens.errors import HashlensError
from hashlens.model_store import MODEL_FILE, WEIGHTS_FILE
from hashlens.whole_file import whole_file

Fetch = Callable[[str, StoredFile], bytes]
"""``fetch(name, file)`` reads a file of the model from the server."""


class ModelCache:
    """A folder for one model, named by the SHA-256 of its ``model.json``.

    A file that is not there, or has other bytes than the collection says, is fetched. What has
    come is kept below ``$XDG_CACHE_HOME/hashlens/models`` (``~/.cache``, where that is not set),
    and may be deleted at any time.

    Parameters
    ----------
    facts : Facts
    fetch : callable
    """

    def __init__(self, facts: Facts, fetch: Fetch) -> None:
        self._files = facts.files
        self._fetch = fetch
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        sha256 = facts.files[MODEL_FILE].sha256
        self.folder = Path(cache) / "hashlens" / "models" / sha256

    def with_card(self) -> Path:
        """Give the folder, with ``model.json`` in it."""
        self._see_to(MODEL_FILE)
        return self.folder

    def with_model(self) -> Path:
        """Give the folder, with all files in it."""
        for name in (MODEL_FILE, WEIGHTS_FILE):
            self._see_to(name)
        return self.folder

    def _see_to(self, name: str) -> None:
        path, said = self.folder / name, self._files[name]
        try:
            if _is_as_said(path, said):
                return
            content = self._fetch(name, said)
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as partial:
                partial.write_bytes(content)
        except OSError as error:
            raise HashlensError(
                f"{path} must be writable, for the model to be kept there. "
                f"Got {error.strerror or error}. XDG_CACHE_HOME may name another folder."
            ) from error


def _is_as_said(path: Path, said: StoredFile) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == said.sha256
    except FileNotFoundError:
        return False
