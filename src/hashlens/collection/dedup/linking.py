"""Identical copies as hard links of one file: the names stay, the space is given back."""

from pathlib import Path

from hashlens.collection.dedup.files import Proof, UntouchedError, proven, unchanged
from hashlens.collection.dedup.moving import Acted, Acting, check_apart
from hashlens.collection.dedup.report import Duplicate, Duplicates
from hashlens.collection.dedup.tiers import IDENTICAL
from hashlens.collection.folder.target import writing_to
from hashlens.watcher import Watcher
from hashlens.whole_file import sync_folder

_SUFFIX = ".hashlens-link"
_AT_ONCE = 1 << 20  # bytes


def link_copies(collection: Path, found: Duplicates, watcher: Watcher) -> Acted:
    """Replace identical copies by hard links of the file that is kept.

    The two are compared byte by byte right before. The link gets another name first and is then
    renamed, so that at every instant there is a whole file under the copy's name. The catalogue
    stays as it is. A copy with other permissions, another owner, or on another file system is left
    alone; the time of writing becomes that of the file that is kept.

    Parameters
    ----------
    collection : Path
        Its folder.
    found : Duplicates
        Groups of other tiers than ``identical`` are left alone.
    watcher : Watcher

    Raises
    ------
    BusyError
        If another process writes to the collection.
    """
    groups = found.of(IDENTICAL)
    total, done = sum(len(group.others) for group in groups), 0
    with writing_to(collection) as target:
        acting = Acting(target.db)
        watcher.stage("linking copies", total)
        for group in groups:
            for each in group.others:
                with acting.touching(each.path):
                    _link_one(acting, each, group.kept)
                done += 1
                watcher.advance(done, total)
        return acting.acted()


def _link_one(acting: Acting, each: Duplicate, kept: Duplicate) -> None:
    path, (original, kept_proof) = acting.check(each), acting.check_kept(kept)
    check_apart(path, original)
    proof = proven(path, each.entry.content_hash)
    if (proof.device, proof.inode) == (kept_proof.device, kept_proof.inode):
        raise UntouchedError("is a link of the one that is kept already")
    _check_alike(path, original)
    _put_link(path, original, proof)
    acting.touched(path, original, proof.size_bytes)


def _check_alike(path: Path, original: Path) -> None:
    copy, kept = path.lstat(), original.lstat()
    if copy.st_dev != kept.st_dev:
        raise UntouchedError("is on another file system than the one that is kept")
    if (copy.st_mode, copy.st_uid, copy.st_gid) != (kept.st_mode, kept.st_uid, kept.st_gid):
        raise UntouchedError("has another owner or other permissions than the one that is kept")
    with path.open("rb") as one, original.open("rb") as other:
        while (part := one.read(_AT_ONCE)) == other.read(_AT_ONCE):
            if not part:
                return
    raise UntouchedError("has other bytes than the one that is kept")


def _put_link(path: Path, original: Path, proof: Proof) -> None:
    link = path.with_name(f".{path.name}{_SUFFIX}")
    try:
        if link.is_file() and link.samefile(original):
            link.unlink()  # from a run that was killed: one more name of the file that is kept
        link.hardlink_to(original)
        try:
            if not unchanged(path, proof):
                raise UntouchedError("has changed meanwhile")
            link.replace(path)
        finally:
            link.unlink(missing_ok=True)
        sync_folder(path.parent, needed=False)
    except OSError as error:
        raise UntouchedError(f"cannot be linked ({error.strerror or error})") from None
