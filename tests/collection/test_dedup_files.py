"""Files that are moved, moved back and linked: none is ever lost, changed or overwritten."""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hashlens.collection import Collection
from hashlens.collection.dedup import Acted, link_copies, move_away, move_back
from hashlens.collection.dedup import files as files_module
from hashlens.collection.dedup.journal import JOURNAL_FILE
from hashlens.errors import BusyError, FormatError
from hashlens.model import Model
from hashlens.watcher import Watcher


class Killed(BaseException):
    """Ends a run as a kill does: nothing after it is done."""


@pytest.fixture
def copied(tmp_path: Path, model: Model, make_photos: Callable[..., Path]) -> Collection:
    """4 photos, and byte copies of the first two, one of them twice."""
    photos = make_photos(tmp_path / "photos", 4)
    first, second = sorted(photos.rglob("*.png"))[:2]
    (photos / "deep").mkdir()
    for source, name in ((first, "a.png"), (first, "deep/a.png"), (second, "b.png")):
        shutil.copyfile(source, photos / name)
    collection = Collection.create(tmp_path / "c.hl", model)
    collection.add(photos)
    return collection


@pytest.fixture
def away(tmp_path: Path) -> Path:
    return tmp_path / "away"


def across_devices(self: Path, target: Path) -> Path:
    """What a rename of a picture gives between two file systems."""
    if self.suffix == ".png":
        raise OSError(errno.EXDEV, "Invalid cross-device link")
    return Path(os.rename(self, target) or target)  # noqa: PTH104 - Path.rename is this function


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != JOURNAL_FILE)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def move(collection: Collection, folder: Path, keep: str = "first") -> Acted:
    found = collection.duplicates("identical", keep=keep)
    return move_away(collection.path, found, folder, "identical", Watcher())


def paths(collection: Collection) -> dict[int, str]:
    return {item.id: item.path for item in collection.items()}


@pytest.mark.parametrize("across", [False, True])
def test_superfluous_files_go_and_come_back(
    copied: Collection, away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, across: bool
) -> None:
    if across:
        monkeypatch.setattr(Path, "rename", across_devices)
    before, items = contents(tmp_path / "photos"), paths(copied)
    acted = move(copied, away)
    assert len(acted.done) == 3
    assert acted.left == ()
    now, moved = contents(tmp_path / "photos"), contents(away)
    assert now | moved == before
    assert sorted(now.values()) == sorted(set(before.values()))
    assert acted.size_bytes == sum(map(len, moved.values()))
    assert len(copied) == 4
    assert all(Path(path).is_file() for path in paths(copied).values())
    assert move(copied, away).done == ()
    back = move_back(copied.path, away, Watcher())
    assert (len(back.done), back.left) == (3, ())
    assert contents(tmp_path / "photos") == before
    assert contents(away) == {}
    assert paths(copied) == items
    assert copied.add(tmp_path / "photos").already == 7


def test_nothing_is_overwritten(copied: Collection, away: Path, tmp_path: Path) -> None:
    found = copied.duplicates("identical", keep="first")
    for group in found.groups:
        for each in group.others:
            name = away / Path(each.path).relative_to(tmp_path / "photos")
            name.parent.mkdir(parents=True, exist_ok=True)
            name.write_text("mine")
    acted = move(copied, away)
    assert all(" (2)" in now for _, now in acted.done)
    assert sorted(contents(away).values()).count(b"mine") == 3
    Path(acted.done[0][0]).write_text("new here")
    back = move_back(copied.path, away, Watcher())
    assert len(back.done) == 2
    assert "its place is taken" in back.left[0].reason
    assert Path(acted.done[0][0]).read_text() == "new here"


@pytest.mark.parametrize("act", [move, lambda c, _: linked(c)])
def test_what_has_changed_is_left_alone(
    copied: Collection, away: Path, act: Callable[[Collection, Path], Acted]
) -> None:
    groups = copied.duplicates("identical", keep="first").groups
    of_two = next(group for group in groups if len(group.others) == 1)
    of_three = next(group for group in groups if len(group.others) == 2)
    Path(of_two.kept.path).write_bytes(b"edited")
    Path(of_three.others[0].path).write_bytes(b"edited too")
    acted = act(copied, away)
    assert [done for done, _ in acted.done] == [of_three.others[1].path]
    reasons = {left.name: left.reason for left in acted.left}
    assert reasons[of_three.others[0].path] == "has changed since it was indexed"
    wanted = f"the one to keep, {of_two.kept.path}, has changed since it was indexed"
    assert reasons[of_two.others[0].path] == wanted
    assert Path(of_three.others[0].path).read_bytes() == b"edited too"


def test_a_link_is_no_copy(tmp_path: Path, model: Model, make_photos: Callable[..., Path]) -> None:
    photos = make_photos(tmp_path / "photos", 2)
    first, second = sorted(photos.rglob("*.png"))
    (photos / "soft.png").symlink_to(first)
    (tmp_path / "other").symlink_to(second.parent)
    collection = Collection.create(tmp_path / "c.hl", model)
    collection.add([first, second, photos / "soft.png", tmp_path / "other" / second.name])
    before = contents(photos)
    for acted in (move(collection, tmp_path / "away"), linked(collection)):
        assert acted.done == ()
        reasons = sorted(left.reason for left in acted.left)
        wanted = sorted(f"is the very file that is kept, {kept}" for kept in (first, second))
        assert reasons == wanted
    assert contents(photos) == before


def test_an_item_that_changed_in_the_collection_is_left(copied: Collection, away: Path) -> None:
    found = copied.duplicates("identical", keep="first")
    copied.remove([each.id for each in found.groups[0].others])
    acted = move_away(copied.path, found, away, "identical", Watcher())
    assert len(acted.left) == len(found.groups[0].others)
    assert all("is not in the collection as it was" in left.reason for left in acted.left)


DEATHS = [
    (False, "os.open", 2),
    (False, "Path.rename", 2),
    *((False, "os.fsync", nth) for nth in (1, 2, 3, 6)),
    *((True, step, 2) for step in ("shutil.copyfileobj", "Path.replace", "Path.unlink")),
    *((True, "os.fsync", nth) for nth in (3, 5)),
]


def kill_at(monkeypatch: pytest.MonkeyPatch, step: str, nth: int) -> None:
    owner, name = {"os": os, "shutil": shutil, "Path": Path}[step.split(".")[0]], step.split(".")[1]
    original, calls = getattr(owner, name), iter(range(1, 10_000))

    def dying(*words: object, **named: object) -> object:
        if next(calls) == nth:
            raise Killed
        return original(*words, **named)

    monkeypatch.setattr(owner, name, dying)


@pytest.mark.parametrize(("across", "step", "nth"), DEATHS)
def test_a_run_that_is_killed_goes_on(
    copied: Collection, away: Path, tmp_path: Path, step: str, nth: int, across: bool
) -> None:
    before, items = contents(tmp_path / "photos"), paths(copied)
    found = copied.duplicates("identical", keep="first")
    with pytest.MonkeyPatch.context() as patch:
        if across:
            patch.setattr(Path, "rename", across_devices)
        kill_at(patch, step, nth)
        patch.setattr(files_module, "release", lambda _: None)  # a kill gives no name back
        with pytest.raises(Killed):
            move_away(copied.path, found, away, "identical", Watcher())
    everywhere = contents(tmp_path / "photos") | contents(away)
    assert set(before.values()) <= set(contents(tmp_path / "photos").values())
    assert set(everywhere.values()) <= set(before.values()) | {b""}
    move(copied, away)
    assert len(contents(tmp_path / "photos")) == len(copied) == 4
    assert b"" not in contents(away).values()
    move_back(copied.path, away, Watcher())
    assert contents(tmp_path / "photos") == before
    assert paths(copied) == items


def test_a_kill_between_two_lines_of_the_journal(copied: Collection, away: Path) -> None:
    move(copied, away)
    journal = away / JOURNAL_FILE
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    assert len(move_back(copied.path, away, Watcher()).done) == 3
    assert all(json.loads(line)["move"] for line in journal.read_bytes().splitlines())


def test_a_damaged_journal_is_named(copied: Collection, away: Path) -> None:
    with pytest.raises(FormatError, match=f"{JOURNAL_FILE} must be a journal"):
        move_back(copied.path, away, Watcher())
    move(copied, away)
    journal = away / JOURNAL_FILE
    journal.write_bytes(b"{}\n" + journal.read_bytes())
    with pytest.raises(FormatError, match="line 1 must be a move"):
        move_back(copied.path, away, Watcher())


def test_a_second_writer_is_told(copied: Collection, away: Path) -> None:
    away.mkdir()
    with (away / JOURNAL_FILE).open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="written by one process at a time"):
            move(copied, away)


def test_removed_items_come_back_after_a_compaction(copied: Collection, away: Path) -> None:
    move(copied, away)
    copied.compact()
    assert len(move_back(copied.path, away, Watcher()).done) == 3
    assert len(copied) == 4
    assert copied.add(away.parent / "photos").added == 3


def linked(collection: Collection) -> Acted:
    found = collection.duplicates(radius=0, similarity=0.99, keep="first")
    return link_copies(collection.path, found, Watcher())


def test_copies_become_links(copied: Collection, tmp_path: Path) -> None:
    before, items = contents(tmp_path / "photos"), paths(copied)
    acted = linked(copied)
    assert (len(acted.done), acted.left) == (3, ())
    assert all(Path(path).samefile(now) for path, now in acted.done)
    assert contents(tmp_path / "photos") == before
    assert paths(copied) == items
    assert copied.duplicates("identical").spare_bytes == 0
    again = linked(copied)
    assert {left.reason for left in again.left} == {"is a link of the one that is kept already"}
    assert copied.add(tmp_path / "photos").already == 7


def test_a_copy_of_another_kind_is_not_linked(copied: Collection, tmp_path: Path) -> None:
    (tmp_path / "photos" / "b.png").chmod(0o600)
    acted = linked(copied)
    assert len(acted.done) == 2
    assert "other permissions" in acted.left[0].reason


def test_a_killed_link_leaves_every_file_whole(copied: Collection, tmp_path: Path) -> None:
    before = contents(tmp_path / "photos")
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, "Path.replace", 2)
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(Killed):
            linked(copied)
    assert before.items() <= contents(tmp_path / "photos").items()
    assert len(linked(copied).done) == 2
    assert contents(tmp_path / "photos") == before
