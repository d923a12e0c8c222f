"""Codes in the files of other programs: they come back bit by bit, and damage is named."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashlens.codes import pack
from hashlens.errors import FormatError, HashlensError, InputError
from hashlens.search import HammingIndex
from hashlens.search.exchange.formats import FORMATS, CodeSet, format_of, read_codes, write_codes
from hashlens.watcher import Watcher


def codes_of(n: int, n_bits: int, *, ids: bool = False, seed: int = 0) -> CodeSet:
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (n, n_bits))
    return CodeSet(pack(bits), n_bits, rng.permutation(1 << 20)[:n] if ids else None)


def same(got: CodeSet, wanted: CodeSet) -> bool:
    """Whether two sets have the same code under each id; the order is the ids' own affair."""
    ours, theirs = np.argsort(got.numbers), np.argsort(wanted.numbers)
    return (
        got.n_bits == wanted.n_bits
        and np.array_equal(got.numbers[ours], wanted.numbers[theirs])
        and np.array_equal(got.codes[ours], wanted.codes[theirs])
    )


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(FORMATS)),
    n=st.integers(0, 40),
    n_bits=st.integers(1, 300),
    ids=st.booleans(),
    seed=st.integers(0, 99),
)
def test_every_format_gives_back_what_it_was_given(
    name: str, n: int, n_bits: int, ids: bool, seed: int
) -> None:
    given_codes = codes_of(n, n_bits, ids=ids and name != "npy", seed=seed)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "codes"
        write_codes(path, given_codes, format=name)
        got = read_codes(path, n_bits=n_bits, format=name)
        assert same(got, given_codes)
        assert got.codes.dtype == np.uint8
        if name != "hashlens":  # an index is in the order of the ids
            assert np.array_equal(got.codes, given_codes.codes)
        if FORMATS[name].keeps_length and n:
            assert read_codes(path, format=name).n_bits == n_bits
        elif n:
            assert read_codes(path, format=name).n_bits == 8 * given_codes.codes.shape[1]


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "npy"])
def test_more_than_one_piece(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hashlens.search.exchange.code_set.PIECE_ROWS", 7)
    monkeypatch.setattr(CodeSet.pieces, "__defaults__", (7,))
    monkeypatch.setattr("hashlens.search.exchange.text_codes._CHUNK_BYTES", 11)
    monkeypatch.setattr("hashlens.search.exchange.code_set._PIECE_BYTES", 5)
    monkeypatch.setattr("hashlens.search.exchange.parquet_codes._ROW_GROUP", 7)
    wanted = codes_of(40, 20, ids=True)
    write_codes(tmp_path / "codes", wanted, format=name)
    assert same(read_codes(tmp_path / "codes", n_bits=20, format=name), wanted)


@pytest.mark.parametrize("name", FORMATS)
def test_damage_is_an_error_that_names_the_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "codes"
    write_codes(path, codes_of(6, 20, ids=name != "npy"), format=name)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    cuts = [whole[:size] for size in range(0, len(whole), 1 + len(whole) // 20)]
    flips = []
    for place in rng.integers(0, len(whole), 40):
        flips.append(bytearray(whole))
        flips[-1][place] ^= 1 << rng.integers(0, 8)
    refusals = [refusal(path, name, d) for d in (*cuts, *flips, b"\xff" * 200, b"[" * 100_000)]
    assert all(str(path) in text for text in refusals if text)
    assert sum(map(bool, refusals)) > len(cuts) // 2


def refusal(path: Path, name: str, content: bytes) -> str:
    """What is said of a file of such content; empty where it is read."""
    path.write_bytes(content)
    try:
        read_codes(path, format=name, n_bits=20)
    except HashlensError as error:
        return str(error)
    return ""


def test_a_file_of_a_terabyte_in_words_only(tmp_path: Path) -> None:
    path = tmp_path / "codes.npy"
    for shape in ((1 << 60, 8), (1 << 34, 64), (-1, -8)):
        with path.open("wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.write(bytes(8))
        with pytest.raises(FormatError, match=r"codes\.npy must hold an array of uint8"):
            read_codes(path)


def test_an_index_file_is_codes_too(tmp_path: Path) -> None:
    wanted = codes_of(9, 20, ids=True)
    HammingIndex(wanted.codes, 20, ids=wanted.ids).save(tmp_path / "codes.hlx")
    assert same(read_codes(tmp_path / "codes.hlx"), wanted)
    write_codes(tmp_path / "back.hlx", wanted)
    loaded = HammingIndex.load(tmp_path / "back.hlx")
    assert (loaded.search(wanted.codes, 1).ids[:, 0] == wanted.ids).all()


def test_the_length_is_checked(tmp_path: Path) -> None:
    write_codes(tmp_path / "codes.npz", codes_of(3, 20))
    write_codes(tmp_path / "codes.npy", codes_of(3, 20))
    with pytest.raises(InputError, match=r"that of .*codes\.npz, 20\. Got 21"):
        read_codes(tmp_path / "codes.npz", n_bits=21)
    with pytest.raises(InputError, match=r"n_bits must be 17 to 24, as a code of .* has 3 bytes"):
        read_codes(tmp_path / "codes.npy", n_bits=25)
    with pytest.raises(InputError, match=r"codes\.npy: codes must be zero in the last 7 padding"):
        read_codes(tmp_path / "codes.npy", n_bits=17)
    (tmp_path / "codes.hex").write_text("")
    with pytest.raises(InputError, match="n_bits must be given"):
        read_codes(tmp_path / "codes.hex")


def test_the_format_of_a_file(tmp_path: Path) -> None:
    for name, known in FORMATS.items():
        for suffix in known.suffixes:
            assert format_of(f"CODES{suffix.upper()}", reading=False) == name
        if known.magic:
            write_codes(tmp_path / "codes.bin", codes_of(3, 8), format=name)
            assert format_of(tmp_path / "codes.bin", reading=True) == name
    with pytest.raises(InputError, match="Did you mean 'parquet'"):
        format_of("codes", "parqet", reading=False)
    with pytest.raises(InputError, match=r"codes\.bin must be a file that ends in \.npy"):
        format_of("codes.bin", reading=False)
    with pytest.raises(InputError, match=r"must be a file of codes\. Got a folder"):
        read_codes(tmp_path)


def test_ids_are_never_dropped_and_nothing_is_half_written(tmp_path: Path) -> None:
    (tmp_path / "codes.npy").write_bytes(b"old")
    with pytest.raises(InputError, match="format must be one that holds ids"):
        write_codes(tmp_path / "codes.npy", codes_of(3, 8, ids=True))

    class Full(Watcher):
        def advance(self, done: int, total: int, note: str = "") -> None:
            raise OSError(28, "No space left on device", note or str(done * total))

    with pytest.raises(OSError, match="No space"):
        write_codes(tmp_path / "codes.npy", codes_of(3, 8), watcher=Full())
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [
        ("codes.npy", b"old")
    ]


def test_a_code_set_is_checked() -> None:
    with pytest.raises(InputError, match="n_bits must be"):
        CodeSet(np.zeros((1, 1), np.uint8), 0)
    with pytest.raises(InputError, match="ids must be distinct"):
        CodeSet(np.zeros((2, 1), np.uint8), 8, np.array([1, 1]))
    with pytest.raises(InputError, match="codes must be packed codes"):
        CodeSet(np.zeros((2, 2), np.uint8), 8)
