"""What the stages of a comparison leave behind, each under the hash of what it was made from."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashlens import __version__
from hashlens.whole_file import whole_file

Arrays = dict[str, NDArray[Any]]


class Kept(NamedTuple):
    """The output of one stage.

    Attributes
    ----------
    arrays : dict of arrays
    facts : dict
        JSON-able.
    """

    arrays: Arrays
    facts: dict[str, Any]


def content_key(**what: object) -> str:
    """Sixteen hexadecimal digits that change with any of the values, and with the version.

    Examples
    --------
    >>> content_key(n_bits=8) == content_key(n_bits=8)
    True
    >>> content_key(n_bits=8) == content_key(n_bits=9)
    False
    """
    text = json.dumps([__version__, what], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Store:
    """A folder with one folder for each stage; without a folder, nothing is kept.

    Every file is written whole or not at all, so that a run which was interrupted, or killed,
    leaves only complete outputs behind.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def place(self, stage: str, name: str) -> Path | None:
        """Where a stage's output lies, or None where nothing is kept."""
        return self.folder / stage / name if self.folder else None

    def read(self, stage: str, key: str) -> Kept | None:
        """Give what was kept, or None; a file that is damaged counts as not there."""
        path = self.place(stage, f"{key}.npz")
        if path is None or not path.exists():
            return None
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return Kept(arrays, json.loads(arrays.pop("facts").tobytes()))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def write(self, stage: str, key: str, kept: Kept) -> None:
        """Keep the output of a stage."""
        path = self.place(stage, f"{key}.npz")
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        facts = np.frombuffer(json.dumps(kept.facts).encode(), np.uint8)
        arrays: dict[str, Any] = {**kept.arrays, "facts": facts}
        with whole_file(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)
