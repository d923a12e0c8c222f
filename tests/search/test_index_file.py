"""The index file: comes back as it was, and a damaged one is refused by name."""

import struct

import numpy as np
import pytest

from hashlens.errors import FormatError
from hashlens.search import HammingIndex
from hashlens.search.storage import HEADER_SIZE


def saved(path, n_bits=64, n=40, ids=False):
    rng = np.random.default_rng(n_bits)
    codes = np.packbits(rng.random((n, n_bits)) < 0.5, axis=1, bitorder="little")
    names = rng.permutation(1000)[:n] if ids else None
    index = HammingIndex(codes, n_bits, ids=names)
    index.save(path)
    return index, codes


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("n", [0, 1, 500])
@pytest.mark.parametrize("n_bits", [7, 32, 64, 100])
def test_a_loaded_index_answers_as_the_saved_one(tmp_path, n_bits, n, ids, mmap):
    index, codes = saved(tmp_path / "codes.index", n_bits, n, ids)
    loaded = HammingIndex.load(tmp_path / "codes.index", mmap=mmap, threads=1)
    assert (loaded.n_bits, loaded.n_items) == (n_bits, n)
    assert (loaded.ids == index.ids).all()
    for got, wanted in zip(loaded.search(codes, 5), index.search(codes, 5), strict=True):
        assert (got == wanted).all()
    assert (loaded.radius_search(codes, 9).ids == index.radius_search(codes, 9).ids).all()


def test_a_loaded_index_can_be_saved_over_its_own_file(tmp_path):
    path = tmp_path / "codes.index"
    saved(path, ids=True)
    before = path.read_bytes()
    HammingIndex.load(path).save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["codes.index"]


def test_every_flipped_byte_is_refused(tmp_path):
    path = tmp_path / "codes.index"
    saved(path, n_bits=20, n=9, ids=True)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        with pytest.raises(FormatError, match=r"codes\.index must .+\. Got .+"):
            HammingIndex.load(path)
        if place < HEADER_SIZE:
            with pytest.raises(FormatError):
                HammingIndex.load(path, verify=False)


@pytest.mark.parametrize("verify", [True, False])
def test_every_cut_and_every_addition_is_refused(tmp_path, verify):
    path = tmp_path / "codes.index"
    saved(path, n_bits=20, n=9)
    whole = path.read_bytes()
    for content in [whole[:size] for size in range(len(whole))] + [whole + b"\0", whole * 2]:
        path.write_bytes(content)
        with pytest.raises(FormatError, match=r"codes\.index must"):
            HammingIndex.load(path, verify=verify)


def test_a_damaged_body_that_was_not_verified_stays_in_bounds(tmp_path):
    """Set padding bits give distances above n_bits: wrong answers, but no memory outside."""
    path = tmp_path / "codes.index"
    _, codes = saved(path, n_bits=3, n=300)
    path.write_bytes(path.read_bytes()[:HEADER_SIZE] + b"\xff" * 600)
    index = HammingIndex.load(path, verify=False)
    assert (index.search(codes[:2], 300).distances >= 13).all()
    assert index.radius_search(codes, 3).counts.sum() == 0
    marks = np.zeros((2, 300), np.uint8)
    assert index.histograms(codes[:2], lambda a, b: marks[a:b]).total.sum() == 0


def test_a_newer_version_is_named(tmp_path):
    path = tmp_path / "codes.index"
    saved(path)
    whole = bytearray(path.read_bytes())
    whole[8:12] = struct.pack("<I", 2)
    path.write_bytes(whole)
    with pytest.raises(FormatError, match=r"codes\.index must be of format version <= 1\. Got 2\."):
        HammingIndex.load(path)


def test_a_missing_file_is_the_systems_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        HammingIndex.load(tmp_path / "none.index")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "codes.index"
    index, _ = saved(path)
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("hashlens.search.storage.os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        index.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["codes.index"]
