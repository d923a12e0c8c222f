"""An index in one file: comes back as it was, and parts that do not fit together are refused."""

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashlens.errors import BusyError, FormatError
from hashlens.search.blocks import as_blocks, packed_codes, word_type
from hashlens.search.file.index_file import append_to_index, read_index, write_index
from hashlens.search.file.section_file import append_sections, write_sections
from hashlens.search.file.sections import Section
from hashlens.search.file.stored_index import StoredIndex, StoredSegment, Tables

TABLES = Tables(3, {"starts": np.arange(5, dtype=np.uint32), "places": np.arange(7)})


def codes_of(n_bits, n):
    bits = np.random.default_rng(n_bits + n).random((n, n_bits)) < 0.5
    return np.packbits(bits, axis=1, bitorder="little")


def segment(n_bits, n, ids=None):
    return StoredSegment(as_blocks(codes_of(n_bits, n), n_bits), n, ids)


def shown(stored):
    """All of an index, to be compared."""
    tables = stored.tables
    return (
        stored.n_bits,
        [
            (part.n_items, part.blocks.dtype, packed_codes(part.blocks, 0, part.n_items, 1).shape)
            for part in stored.segments
        ],
        [part.blocks.tobytes() for part in stored.segments],
        [None if part.ids is None else part.ids.tolist() for part in stored.segments],
        stored.removed.tolist(),
        tables
        and (tables.n_items, [(k, a.dtype, a.shape, a.tolist()) for k, a in tables.arrays.items()]),
    )


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("n_bits", [1, 16, 20, 100, 4096])
def test_an_index_comes_back_as_it_was(tmp_path, n_bits, mmap, verify):
    path = tmp_path / "codes.index"
    parts = segment(n_bits, 70), segment(n_bits, 0), segment(n_bits, 3, np.array([70, 80, 99]))
    stored = StoredIndex(n_bits, parts, np.array([2, 71]), TABLES)
    state = write_index(path, stored)
    found = read_index(path, mmap=mmap, verify=verify)
    assert shown(found) == shown(stored)
    assert found.state == state
    assert (state.n_bits, state.n_items, state.last_id) == (n_bits, 73, 99)
    for part in found.segments:
        assert part.blocks.dtype == word_type(n_bits)
        assert part.blocks.dtype.isnative
        assert not part.blocks.flags.writeable


def test_an_index_of_nothing(tmp_path):
    state = write_index(tmp_path / "a", StoredIndex(48))
    found = read_index(tmp_path / "a", mmap=True, verify=True)
    assert (found.segments, found.removed.tolist(), found.tables) == ((), [], None)
    assert found.state == state


def test_appends_give_the_index_that_is_written_at_once(tmp_path):
    path = tmp_path / "codes.index"
    first, second = segment(48, 70), segment(48, 5, np.arange(100, 105))
    state = write_index(path, StoredIndex(48, (first,), tables=TABLES))
    state = append_to_index(path, state, segments=[second], removed=np.array([74, 1]))
    newer = replace(TABLES, n_items=75)
    state = append_to_index(path, state, removed=np.array([3, 1]), tables=newer)
    found = read_index(path, mmap=True, verify=True)
    assert found.state == state
    assert shown(found) == shown(StoredIndex(48, (first, second), np.array([1, 3, 74]), newer))
    assert append_to_index(path, state) == state


def test_a_mapped_index_can_be_written_over_its_own_file(tmp_path):
    path = tmp_path / "codes.index"
    write_index(path, StoredIndex(64, (segment(64, 99),), np.array([5]), TABLES))
    before = path.read_bytes()
    write_index(path, read_index(path, mmap=True, verify=False))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_another_kind_can_be_written_over(tmp_path):
    path = tmp_path / "codes.index"
    path.write_text("nothing of value")
    state = write_index(path, StoredIndex(8, (segment(8, 9),)))
    assert read_index(path, mmap=True, verify=True).state == state


def test_of_two_that_append_to_one_state_the_second_is_refused(tmp_path):
    path = tmp_path / "codes.index"
    state = write_index(path, StoredIndex(8, (segment(8, 9),)))
    append_to_index(path, state, removed=np.array([0]))
    with pytest.raises(BusyError, match="Load it again"):
        append_to_index(path, state, removed=np.array([1]))
    assert read_index(path, mmap=True, verify=True).removed.tolist() == [0]


def test_a_write_in_place_of_what_is_no_longer_there_is_refused(tmp_path):
    path, stored = tmp_path / "codes.index", StoredIndex(8, (segment(8, 9),))
    state = write_index(path, stored)
    state = write_index(path, stored, instead_of=state)
    append_to_index(path, state, removed=np.array([0]))
    with pytest.raises(BusyError, match="Load it again"):
        write_index(path, stored, instead_of=state)
    assert read_index(path, mmap=True, verify=True).removed.tolist() == [0]
    path.unlink()
    with pytest.raises(FileNotFoundError):
        write_index(path, stored, instead_of=state)
    assert not list(tmp_path.iterdir())


BLOCKS = as_blocks(codes_of(20, 70), 20)  # uint32 (2, 1, 64)
FULL = BLOCKS.copy()
FULL[1, 0, 6:] = 1
LONG = BLOCKS.copy()
LONG[0, 0, 0] |= 1 << 20
IDS = np.arange(70)
WRONG = {
    "another kind": Section("other", {}, {}),
    "no fact": Section("codes", {}, {"blocks": BLOCKS}),
    "no blocks": Section("codes", {"n_items": 70}, {"ids": IDS}),
    "more codes": Section("codes", {"n_items": 129}, {"blocks": BLOCKS}),
    "fewer codes": Section("codes", {"n_items": 64}, {"blocks": BLOCKS}),
    "very many codes": Section("codes", {"n_items": 2**63 - 1}, {"blocks": BLOCKS}),
    "wide words": Section("codes", {"n_items": 70}, {"blocks": BLOCKS.astype(np.uint64)}),
    "flat": Section("codes", {"n_items": 70}, {"blocks": BLOCKS.reshape(-1)}),
    "few ids": Section("codes", {"n_items": 70}, {"blocks": BLOCKS, "ids": IDS[1:]}),
    "narrow ids": Section("codes", {"n_items": 70}, {"blocks": BLOCKS, "ids": IDS.astype("i4")}),
    "ids before 0": Section("codes", {"n_items": 70}, {"blocks": BLOCKS, "ids": IDS - 1}),
    "ids before others": Section("codes", {"n_items": 70}, {"blocks": BLOCKS, "ids": IDS + 9}),
    "removed behind": Section("removed", {}, {"positions": np.array([10])}),
    "removed before": Section("removed", {}, {"positions": np.array([-1])}),
    "removed narrow": Section("removed", {}, {"positions": np.array([1], np.int32)}),
    "removed matrix": Section("removed", {}, {"positions": np.array([[1]])}),
    "removed nothing": Section("removed", {}, {}),
    "tables of more": Section("tables", {"n_items": 11}, {}),
    "tables of none": Section("tables", {}, {}),
}
WRONG_INSIDE = {
    "turned ids": Section("codes", {"n_items": 70}, {"blocks": BLOCKS, "ids": IDS[::-1] + 10}),
    "ids twice": Section("codes", {"n_items": 70}, {"blocks": BLOCKS, "ids": IDS // 2 + 10}),
    "lanes": Section("codes", {"n_items": 70}, {"blocks": FULL}),
    "padding bits": Section("codes", {"n_items": 70}, {"blocks": LONG}),
}
WRONG_INSIDE["ids twice"].arrays["ids"][-1] += 9
START = Section("codes", {"n_items": 10}, {"blocks": as_blocks(codes_of(20, 10), 20)})


@pytest.mark.parametrize("what", [*WRONG, *WRONG_INSIDE])
def test_sections_that_do_not_fit_are_refused(tmp_path, what):
    path = tmp_path / "codes.index"
    state = write_sections(path, 20, [START])
    append_sections(path, state, [{**WRONG, **WRONG_INSIDE}[what]])
    for verify in (True, False) if what in WRONG else (True,):
        with pytest.raises(FormatError, match=r"codes\.index must hold .+\. Got others\."):
            read_index(path, mmap=True, verify=verify)


@pytest.mark.parametrize(
    "change",
    [
        {"segments": [segment(64, 9)]},
        {"segments": [replace(segment(20, 9), n_items=100)]},
        {"segments": [replace(segment(20, 0), n_items=-1)]},
        {"segments": [segment(20, 2, np.array([9, 10]))]},
        {"segments": [segment(20, 2, np.array([11, 10]))]},
        {"segments": [StoredSegment(LONG, 70)]},
        {"removed": np.array([10])},
        {"tables": replace(TABLES, n_items=11)},
        {"tables": replace(TABLES, n_items=-1)},
    ],
)
def test_what_would_be_refused_is_not_written(tmp_path, change):
    path = tmp_path / "codes.index"
    state = write_index(path, StoredIndex(20, (segment(20, 10),)))
    before = path.read_bytes()
    with pytest.raises(FormatError, match=r"codes\.index must hold .+\. Got others\."):
        append_to_index(path, state, **change)
    assert path.read_bytes() == before


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "codes.index"
    parts = segment(20, 10), segment(20, 9, np.arange(20, 29))
    state = write_index(path, StoredIndex(20, parts, np.array([3]), TABLES))
    append_to_index(path, state, segments=[segment(20, 1, np.array([40]))], removed=np.array([19]))
    return path, path.read_bytes(), shown(read_index(path, mmap=False, verify=True))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), verify=st.booleans())
def test_any_damage_is_refused_or_stays_in_bounds(example, data, verify):
    path, whole, before = example
    raw = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(4096, len(raw) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=64))
        raw[place : place + len(patch)] = patch
    path.write_bytes(raw[: len(whole)])
    try:
        found = read_index(path, mmap=True, verify=verify)
    except FormatError:
        return
    if verify:
        assert shown(found) == before
    assert shown(found)[1] == before[1]
    assert all(0 <= position < 20 for position in found.removed.tolist())


def test_codes_are_checked_only_where_that_is_asked_for(tmp_path):
    path = tmp_path / "codes.index"
    write_index(path, StoredIndex(64, (segment(64, 64 * 100),)))
    with path.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(bytes(4096))
    assert read_index(path, mmap=True, verify=False).segments[0].n_items == 6400
    with pytest.raises(FormatError, match="damaged arrays in the section at byte 4096"):
        read_index(path, mmap=True, verify=True)
