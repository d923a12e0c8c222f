"""Touching files without a way to lose one: checked right before, never overwritten."""

import errno
import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hashlens.whole_file import PARTIAL, sync_folder


class UntouchedError(Exception):
    """A file is left as it is; the message says why."""


class Proof(NamedTuple):
    """What names a file and its content, once its bytes have been read."""

    device: int
    inode: int
    size_bytes: int
    changed: int


def proven(path: Path, content_hash: bytes) -> Proof:
    """Read a file to its end: it has the bytes that were indexed.

    Raises
    ------
    UntouchedError
        If it is gone, is no regular file, or has changed.
    """
    try:
        if path.is_symlink():
            raise UntouchedError("is a symbolic link")
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise UntouchedError("is not a regular file")
            digest = hashlib.file_digest(file, "sha256").digest()
            proof = _proof(os.fstat(file.fileno()))
    except FileNotFoundError:
        raise UntouchedError("is gone") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UntouchedError(f"cannot be read ({reason})") from None
    if digest != content_hash or proof != _proof(before) or not unchanged(path, proof):
        raise UntouchedError("has changed since it was indexed")
    return proof


def unchanged(path: Path, proof: Proof) -> bool:
    """Whether a file is still the one that was read, as far as the system tells without reading."""
    try:
        return _proof(path.lstat()) == proof
    except OSError:
        return False


def holds(path: Path, content_hash: bytes) -> bool:
    """Whether there is a regular file with these bytes."""
    try:
        proven(path, content_hash)
    except UntouchedError:
        return False
    return True


def _proof(found: os.stat_result) -> Proof:
    return Proof(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def free_name(path: Path) -> Path:
    """Give a path that nothing has: this one, or one with a number, ``owl (2).jpg``."""
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return free


def move_file(source: Path, target: Path, content_hash: bytes) -> None:
    """Move a file to a path that nothing has, in one step; or copy, check, and then remove it.

    The name is taken by an empty file first, so that nothing is ever overwritten. Across file
    systems the copy is down on the disk and has been read again before the source is removed.

    Raises
    ------
    UntouchedError
        If the source is not what was indexed, or the target cannot be written; nothing has
        changed then.
    """
    proof = proven(source, content_hash)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            _move(source, target, proof, content_hash)
        except BaseException:
            release(target)
            raise
        sync_folder(target.parent, needed=False)
        sync_folder(source.parent, needed=False)
    except OSError as error:
        raise UntouchedError(f"cannot be moved ({error.strerror or error})") from None


def _move(source: Path, target: Path, proof: Proof, content_hash: bytes) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target, content_hash)
        if not unchanged(source, proof):
            target.unlink()  # the copy made above
            raise UntouchedError("has changed while it was moved") from None
        source.unlink()


def _copy(source: Path, target: Path, content_hash: bytes) -> None:
    """Put a checked copy in place of the empty file that takes the name."""
    partial = partial_of(target)
    try:
        with source.open("rb") as original, partial.open("wb") as copy:
            shutil.copyfileobj(original, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        shutil.copystat(source, partial)
        if not holds(partial, content_hash):
            raise UntouchedError("was copied wrongly; the disk may be failing")
        partial.replace(target)
        sync_folder(target.parent, needed=False)
    finally:
        partial.unlink(missing_ok=True)


def partial_of(target: Path) -> Path:
    """Name what a copy is called until it is whole."""
    return target.with_name(f".{target.name}{PARTIAL}")


def release(target: Path) -> None:
    """Give up a name that was taken by an empty file, and what was to be put there."""
    partial_of(target).unlink(missing_ok=True)
    with suppress(OSError):
        if target.lstat().st_size == 0:
            target.unlink()
