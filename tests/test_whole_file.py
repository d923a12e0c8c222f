"""A file that is written whole or not at all."""

import os
from pathlib import Path

import pytest

from hashlens.whole_file import PARTIAL, whole_file


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "codes.bin"
    path.write_bytes(b"old")
    with whole_file(path) as partial, partial.open("wb") as file:
        file.write(b"new, longer")
        assert path.read_bytes() == b"old"
        assert partial.name.endswith(PARTIAL)
    assert path.read_bytes() == b"new, longer"
    assert list(tmp_path.iterdir()) == [path]


def break_off(path: Path, error: type[BaseException]) -> None:
    with whole_file(path) as partial:
        partial.write_bytes(b"ne")
        raise error


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "codes.bin"
    path.write_bytes(b"old")
    with pytest.raises(error):
        break_off(path, error)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_not_written_is_an_error_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "codes.bin"
    path.write_bytes(b"old")
    with pytest.raises(FileNotFoundError), whole_file(path):
        pass
    assert path.read_bytes() == b"old"


def test_it_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "codes.bin", []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append((handle, path.exists())))
    with whole_file(path) as partial:
        partial.write_bytes(b"new")
    assert [there for _, there in seen] == [False]
