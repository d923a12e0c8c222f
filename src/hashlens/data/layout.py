"""Where the files of a benchmark may lie in the data folder."""

from collections.abc import Sequence
from pathlib import Path

from hashlens.errors import InputError


class MissingDataError(InputError):
    """The files of a benchmark are not in the data folder."""


def find_folder(
    benchmark: str, data_dir: Path, folders: Sequence[str], files: Sequence[str]
) -> Path:
    """Return the first of `folders` (inside `data_dir`) that holds all `files`.

    A file counts as there when it, or it with ``.gz`` behind, exists.

    Raises
    ------
    MissingDataError
        If none does; the message names the folders searched and the files wanted.
    """
    for folder in folders:
        if all(find_file(data_dir / folder, file) for file in files):
            return data_dir / folder
    raise missing(benchmark, data_dir, folders, files)


def find_file(folder: Path, file: str) -> Path | None:
    """Return ``folder/file`` or ``folder/file.gz``, whichever exists, or None."""
    for path in (folder / file, folder / f"{file}.gz"):
        if path.exists():
            return path
    return None


def missing(
    benchmark: str, data_dir: Path, folders: Sequence[str], files: Sequence[str]
) -> MissingDataError:
    """Build the error that says what was looked for and where."""
    places = ", ".join(str(data_dir / folder) for folder in folders)
    return MissingDataError(
        f"data_dir must be a folder with the files of {benchmark}. Got '{data_dir}'. "
        f"Looked for {', '.join(files)} in {places}."
    )
