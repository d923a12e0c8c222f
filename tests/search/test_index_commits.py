"""Appends to an index file: all or nothing, whatever happens meanwhile, one writer at a time."""

import os
import resource
import subprocess
import sys

import numpy as np
import pytest

from hashlens.errors import BusyError, FormatError
from hashlens.search.file.header import HEADER_SIZE, SLOT_SIZE, SLOTS
from hashlens.search.file.section_file import append_sections, read_sections, write_sections
from hashlens.search.file.sections import Section


def section(number, n=40):
    return Section("codes", {"number": number}, {"words": np.arange(n) + number})


def numbers(path):
    """Numbers of the sections that are there, each of them whole."""
    sections = read_sections(path, mmap=False, verify=True).sections
    for part in sections:
        words = part.arrays["words"]
        assert (words - part.facts["number"] == np.arange(len(words))).all()
    return [part.facts["number"] for part in sections]


@pytest.fixture
def two(tmp_path):
    """A file of sections 0 and 1, and its state."""
    path = tmp_path / "codes.index"
    return path, append_sections(path, write_sections(path, 8, [section(0)]), [section(1)])


def test_an_append_leaves_what_is_there_in_its_place(two):
    path, state = two
    before, inode = path.read_bytes(), path.stat().st_ino
    append_sections(path, state, [section(2), section(3)])
    assert path.read_bytes()[HEADER_SIZE : len(before)] == before[HEADER_SIZE:]
    assert path.stat().st_ino == inode
    assert numbers(path) == [0, 1, 2, 3]


def test_an_append_of_nothing_writes_nothing(two):
    path, state = two
    before = path.read_bytes()
    assert append_sections(path, state, []) == state
    assert path.read_bytes() == before


def test_what_was_mapped_before_an_append_stays_as_it_was(two):
    path, state = two
    mapped = read_sections(path, mmap=True, verify=False).sections[1].arrays["words"]
    state = append_sections(path, state, [section(2)])
    write_sections(path, 8, [section(7)])
    assert (mapped == section(1).arrays["words"]).all()
    assert numbers(path) == [7]


def crashes(before, after, kept):
    """Every file that a power cut during an append can leave.

    Sections are on the disk before a slot is touched, and one slot before the other: what is in
    between reaches the disk in any part and order.
    """
    new = len(after) - len(before)
    order = [1 - kept, kept]
    for cut in [0, 1, 64, 127, 128, 200, new - 1, new]:
        yield [0, 1], before + after[len(before) :][:cut]
        yield [0, 1], before + bytes(cut) + after[len(before) + cut :]
    for number, slot in enumerate(order):
        base = bytearray(before + after[len(before) :])
        if number:
            start = SLOTS[order[0]]
            base[start : start + SLOT_SIZE] = after[start : start + SLOT_SIZE]
        for cut in [1, 127, *range(0, SLOT_SIZE + 1, 4)]:
            start = SLOTS[slot]
            for part in [slice(start, start + cut), slice(start + cut, start + SLOT_SIZE)]:
                torn = base.copy()
                torn[part] = after[part]
                whole = number or torn[start : start + SLOT_SIZE] == after[start:][:SLOT_SIZE]
                yield [0, 1, 2] if whole else [0, 1], bytes(torn)


def slots_of(raw):
    return [raw[slot : slot + SLOT_SIZE] for slot in SLOTS]


def test_a_power_cut_at_any_moment_loses_nothing(two, monkeypatch):
    path, state = two
    before, seen = path.read_bytes(), []
    wait = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (wait(file), seen.append(path.read_bytes())))
    append_sections(path, state, [section(2)])
    after = path.read_bytes()
    # What is on the disk for sure: first the sections, then one slot.
    sections_there, slot_there = seen
    assert sections_there == before + after[len(before) :]
    old, new, first = slots_of(before), slots_of(after), slots_of(slot_there)
    kept = first.index(old[0])
    assert first[1 - kept] == new[0] == new[1]
    for wanted, raw in crashes(before, after, kept):
        path.write_bytes(raw)
        assert numbers(path) == wanted


@pytest.mark.parametrize("broken", [0, 1])
def test_an_append_after_a_torn_slot_writes_that_one_first(two, monkeypatch, broken):
    path, state = two
    raw = bytearray(path.read_bytes())
    raw[SLOTS[broken] + 20] ^= 1
    path.write_bytes(raw)
    seen = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(slots_of(path.read_bytes())))
    append_sections(path, state, [section(2)])
    assert seen[1][1 - broken] == slots_of(raw)[1 - broken]
    assert seen[1][broken] != seen[0][broken]
    assert numbers(path) == [0, 1, 2]


def test_what_a_killed_append_left_does_not_exist_and_is_written_over(two):
    path, state = two
    with path.open("ab") as file:
        file.write(b"\xff" * 99_999)
    assert numbers(path) == [0, 1]
    append_sections(path, state, [section(2)])
    assert numbers(path) == [0, 1, 2]
    assert path.stat().st_size < 99_999


def test_a_second_writer_is_refused(two):
    fcntl = pytest.importorskip("fcntl")
    path, state = two
    before = path.read_bytes()
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        for write in (
            lambda: append_sections(path, state, [section(2)]),
            lambda: write_sections(path, 8, [section(2)]),
        ):
            with pytest.raises(BusyError, match=r"codes\.index must be written by one .+ Got a"):
                write()
        assert numbers(path) == [0, 1]
    assert path.read_bytes() == before
    append_sections(path, state, [section(2)])


def test_an_append_to_what_is_no_longer_there_is_refused(two):
    path, state = two
    append_sections(path, state, [section(2)])
    for number in (3, 4):
        with pytest.raises(
            BusyError, match=r"codes\.index must be as it was .+ Got a file written"
        ):
            append_sections(path, state, [section(number)])
        write_sections(path, 8, [section(0)])
    assert numbers(path) == [0]


def test_an_append_to_a_damaged_file_is_refused(two):
    path, state = two
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match=r"codes\.index must have \d+ bytes or more\. Got"):
        append_sections(path, state, [section(2)])


@pytest.mark.parametrize("whole", [True, False])
def test_a_full_disk_leaves_the_old_file(two, whole):
    path, state = two
    before = path.read_bytes()
    large = section(2, 1 << 17)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write_sections(path, 8, [large]) if whole else append_sections(path, state, [large])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    append_sections(path, state, [large])
    assert numbers(path) == [0, 1, 2]


KILLS = """
import os, random, sys, time
from pathlib import Path
from test_index_commits import append_sections, numbers, read_sections, section, write_sections

path, committed = Path(sys.argv[1]), 1
write_sections(path, 8, [section(0)])
os.fsync = lambda _: None  # a kill takes nothing from the system: more of them hit the writing
chance = random.Random(0)
for _ in range(20):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        state = read_sections(path, mmap=True, verify=False).state
        for number in range(committed, 9999):
            state = append_sections(path, state, [section(number, 10_000)])
            os.write(writer, b"1")
    os.close(writer)
    done = len(os.read(reader, 1))
    time.sleep(chance.random() / 200)
    os.kill(child, 9)
    os.waitpid(child, 0)
    while more := os.read(reader, 999):
        done += len(more)
    found = numbers(path)
    assert found == list(range(len(found))), found
    assert committed + done <= len(found) <= committed + done + 1, (committed, done, len(found))
    committed = len(found)
print("appends:", committed - 1)
"""


def test_kills_in_the_middle_of_appends_lose_nothing_committed(tmp_path, pytestconfig):
    tests = str(pytestconfig.rootpath / "tests" / "search")
    run = subprocess.run(
        [sys.executable, "-c", KILLS, str(tmp_path / "codes.index")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": tests},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout.removeprefix("appends: ")) >= 20
