"""A file of sections: comes back as it was, and what is damaged is refused by name."""

import json
import os
import struct
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashlens.errors import FormatError
from hashlens.search.file.header import HEADER_SIZE, SLOT_SIZE, SLOTS
from hashlens.search.file.section_file import append_sections, read_sections, write_sections
from hashlens.search.file.sections import TYPES, Section

BOTH = pytest.mark.parametrize("mmap", [True, False])


def section(seed=0, n=5):
    rng = np.random.default_rng(seed)
    arrays = {"first": rng.integers(0, 99, (n, 3)), "none": np.empty((0, 4), np.uint16)}
    arrays["last"] = rng.integers(0, 255, n).astype(np.uint8)
    return Section("codes", {"n_items": n}, arrays)


def written(path):
    """Three sections in two commits."""
    state = write_sections(path, 20, [section(0), section(1)])
    return append_sections(path, state, [section(2, 9)])


def content(path, **how):
    file = read_sections(path, **({"mmap": True, "verify": True} | how))
    arrays = [
        (name, array.dtype, array.shape, array.tobytes())
        for part in file.sections
        for name, array in part.arrays.items()
    ]
    return file.n_bits, file.state, [(s.kind, s.facts) for s in file.sections], arrays


@BOTH
@pytest.mark.parametrize("verify", [True, False])
def test_it_comes_back_as_it_was(tmp_path, mmap, verify):
    path = tmp_path / "codes.index"
    state = written(path)
    file = read_sections(path, mmap=mmap, verify=verify)
    assert (file.n_bits, file.state) == (20, state)
    wanted = [section(0), section(1), section(2, 9)]
    for got, want in zip(file.sections, wanted, strict=True):
        assert (got.kind, got.facts, list(got.arrays)) == (want.kind, want.facts, list(want.arrays))
        for name, array in got.arrays.items():
            np.testing.assert_array_equal(array, want.arrays[name], strict=True)
            assert not array.flags.writeable
            assert not mmap or array.ctypes.data % 64 == 0


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_and_order_of_memory(tmp_path, dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype).T
    write_sections(tmp_path / "a", 8, [Section("codes", {}, {"turned": array})])
    (got,) = read_sections(tmp_path / "a", mmap=True, verify=True).sections
    np.testing.assert_array_equal(got.arrays["turned"], array, strict=True)


def test_the_bytes_are_where_the_tables_say(tmp_path):
    path = tmp_path / "codes.index"
    state = written(path)
    raw = path.read_bytes()
    fields = b"HASHLENS" + struct.pack("<IIQQQ", 2, 20, 2, len(raw), 3) + state + bytes(24)
    for slot in (0, 512):
        assert raw[slot : slot + 128] == fields + sha256(fields).digest()
    length, table_size = struct.unpack("<QQ", raw[4096 + 16 : 4096 + 32])
    start, stop = 4096 + 128, 4096 + 128 + table_size
    assert raw[4096:4112] == b"HASHSECTcodes\0\0\0"
    assert raw[4096 + 32 : 4096 + 64] == sha256(raw[start:stop]).digest()
    assert raw[4096 + 64 : 4096 + 96] == sha256(raw[stop : 4096 + length]).digest()
    assert raw[4096 + 96 : 4096 + 128] == sha256(raw[4096 : 4096 + 96]).digest()
    entry = json.loads(raw[start:stop])["arrays"]["last"]
    assert entry == {"dtype": "uint8", "shape": [5], "offset": 128}
    assert raw[stop + 128 :][:5] == section().arrays["last"].tobytes()


def test_the_same_content_is_the_same_file(tmp_path):
    assert written(tmp_path / "a") == written(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_every_flipped_byte_is_refused_or_has_no_meaning(tmp_path):
    path = tmp_path / "codes.index"
    written(path)
    whole, before = path.read_bytes(), content(path)
    # One slot stands for the other, and nothing else fills the header.
    header = {*range(SLOT_SIZE), *range(SLOTS[1] - 1, SLOTS[1] + SLOT_SIZE), HEADER_SIZE - 1}
    with path.open("r+b", buffering=0) as file:
        for place in [*sorted(header), *range(HEADER_SIZE, len(whole))]:
            os.pwrite(file.fileno(), bytes([whole[place] ^ 0x41]), place)
            if place in header:
                assert content(path) == before
            else:
                with pytest.raises(FormatError, match=r"codes\.index must .+\. Got .+\."):
                    content(path)
            os.pwrite(file.fileno(), whole[place : place + 1], place)


@BOTH
@pytest.mark.parametrize("verify", [True, False])
def test_every_cut_is_refused(tmp_path, mmap, verify):
    path = tmp_path / "codes.index"
    written(path)
    for size in reversed([*range(130), *range(HEADER_SIZE - 3, path.stat().st_size)]):
        os.truncate(path, size)
        with pytest.raises(FormatError, match=r"codes\.index must .+\. Got .+\."):
            read_sections(path, mmap=mmap, verify=verify)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "codes.index"
    written(path)
    return path, path.read_bytes(), content(path)


PLACES = st.one_of(
    st.integers(0, SLOT_SIZE),
    st.integers(SLOTS[1], SLOTS[1] + SLOT_SIZE),
    st.integers(HEADER_SIZE, HEADER_SIZE + 3000),
)


@settings(max_examples=100, deadline=None)
@given(
    damage=st.lists(st.tuples(PLACES, st.binary(min_size=1, max_size=200)), max_size=4),
    size=st.one_of(st.none(), st.integers(0, 8000)),
    verify=st.booleans(),
)
def test_any_damage_is_refused_or_has_no_meaning(example, damage, size, verify):
    path, whole, before = example
    raw = bytearray(whole)
    for place, patch in damage:
        raw[place : place + len(patch)] = patch
    path.write_bytes(raw[:size])
    try:
        found = content(path, verify=verify)
    except FormatError as error:
        assert str(error).startswith(f"{path} must ")  # noqa: PT017
    else:
        assert found[:3] == before[:3]
        assert [array[:3] for array in found[3]] == [array[:3] for array in before[3]]
        assert not verify or found == before


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", r"must be a hashlens index file\. Got an empty file\."),
        (b"a,b\n1,2\n" * 999, r"must be a hashlens index file\. Got another or a cut-off file\."),
        (bytes(9999), r"must be a hashlens index file\. Got another or a cut-off file\."),
    ],
)
def test_another_file_is_named(tmp_path, raw, message):
    (tmp_path / "a.index").write_bytes(raw)
    with pytest.raises(FormatError, match=r"a\.index " + message):
        read_sections(tmp_path / "a.index", mmap=True, verify=False)


def test_a_folder_is_named_and_a_missing_file_is_the_systems_own_error(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in [tmp_path, tmp_path / "pipe"]:
        with pytest.raises(FormatError, match=r"must be a hashlens index file\. Got a folder"):
            read_sections(path, mmap=True, verify=False)
    with pytest.raises(FileNotFoundError):
        read_sections(tmp_path / "none", mmap=True, verify=False)


@pytest.mark.parametrize(("version", "advice"), [(1, "Build the index again"), (3, "Update")])
@pytest.mark.parametrize("whole", [True, False])
def test_another_version_is_named(tmp_path, version, advice, whole):
    path = tmp_path / "codes.index"
    written(path)
    raw = bytearray(path.read_bytes())
    for slot in SLOTS if whole else SLOTS[:1]:
        raw[slot + 8 : slot + 12] = struct.pack("<I", version)
        raw[slot + 16 : slot + 24] = struct.pack("<Q", 9)
        if whole:
            raw[slot + 96 : slot + 128] = sha256(raw[slot : slot + 96]).digest()
        else:
            raw[SLOTS[1] :] = bytes(len(raw) - SLOTS[1])
    path.write_bytes(raw)
    with pytest.raises(FormatError, match=rf"version 2\. Got {version}\. {advice}"):
        read_sections(path, mmap=True, verify=False)


def test_a_section_of_another_file_is_not_taken(tmp_path):
    """Heads are chained: a whole section in the place of a whole section is no less wrong."""
    path, other = tmp_path / "a", tmp_path / "b"
    write_sections(path, 20, [section(0)])
    write_sections(other, 20, [section(1)])
    mixed = path.read_bytes()[:HEADER_SIZE] + other.read_bytes()[HEADER_SIZE:]
    path.write_bytes(mixed)
    with pytest.raises(FormatError, match="must hold the sections its header names"):
        read_sections(path, mmap=True, verify=False)
