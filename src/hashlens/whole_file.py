"""Files that are complete under their name, or not there at all."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

PARTIAL = ".partial"
"""How the name of a file ends while it is being written; a kill leaves such files behind."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to, and put what was written there in place of `path` at the end.

    Whoever reads `path` meanwhile, or after a kill or a power cut, finds the file that was there
    before, or the whole new one. Where anything is raised, what was written is removed and `path`
    stays as it was.

    Parameters
    ----------
    path : Path
        In a folder that exists.

    Yields
    ------
    partial : Path
        Beside `path`. It must exist, and be closed, at the end.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "answer.txt"
    ...     with whole_file(path) as partial, partial.open("wb") as file:
    ...         _ = file.write(b"42")
    ...     path.read_text(), [item.name for item in path.parent.iterdir()]
    ('42', ['answer.txt'])
    """
    # Not the number of the process: two machines that share a disk may have the same.
    partial = path.with_name(f"{path.name}.{token_hex(8)}{PARTIAL}")
    try:
        yield partial
        with partial.open("rb+") as file:  # a rename can reach the disk before what was written
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def sync_folder(folder: Path, *, needed: bool = True) -> None:
    """Put the names in a folder down to the disk; Windows does so by itself.

    Where that is not `needed`, a file system that cannot do it is no error.
    """
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if needed:
            raise
    finally:
        os.close(handle)
