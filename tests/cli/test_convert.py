"""``hashlens convert``: files of codes on the command line."""

from pathlib import Path

import numpy as np
import pytest

from calling import answer, call, printed, refused
from hashlens.codes import pack
from hashlens.search.exchange.formats import FORMATS, CodeSet, read_codes, write_codes

BITS = np.random.default_rng(0).integers(0, 2, (12, 20))
CODES = CodeSet(pack(BITS), 20, np.arange(12)[::-1] * 7)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_codes("codes.npz", CODES)
    return tmp_path


def test_through_every_format_and_back() -> None:
    names = [name for name in FORMATS if name != "npy"]
    write_codes("0", CODES, format=names[-1])
    for step, (source, out) in enumerate(zip([names[-1], *names], names, strict=False)):
        words = ("--from", source, "--to", out, "--bits", "20")
        assert answer("convert", step, step + 1, *words) == {
            "in": {"file": str(step), "format": source},
            "out": {"file": str(step + 1), "format": out},
            "n_codes": 12,
            "n_bits": 20,
            "ids": True,
        }
    got = read_codes(str(len(names)), format=names[-1])
    order, wanted = np.argsort(got.numbers), np.argsort(CODES.numbers)
    assert np.array_equal(got.codes[order], CODES.codes[wanted])
    assert np.array_equal(got.numbers[order], CODES.numbers[wanted])


def test_what_is_printed() -> None:
    done = call("convert", "codes.npz", "codes.faiss")
    assert done.stdout == "12 codes of 20 bits, with ids: codes.faiss (faiss)\n"
    assert "reading codes.npz" in done.stderr
    assert "writing codes.faiss: 12" in done.stderr
    assert "codes.faiss does not tell the length of the codes: read it with --bits 20" in (
        done.stderr
    )
    assert "12 codes of 24 bits" in printed("convert", "codes.faiss", "codes.hex")
    done = call("convert", "codes.faiss", "codes.parquet", "--bits", "20")
    assert "--bits" not in done.stderr


def test_nothing_is_overwritten_unasked() -> None:
    Path("codes.hex").write_text("old")
    assert "OUT must be a file that is not there (or give --overwrite)" in refused(
        "convert", "codes.npz", "codes.hex"
    )
    assert Path("codes.hex").read_text() == "old"
    printed("convert", "codes.npz", "codes.hex", "--overwrite")
    assert read_codes("codes.hex", n_bits=20).numbers.tolist() == CODES.numbers.tolist()
    printed("convert", "codes.hex", "codes.hex", "--bits", "20", "--overwrite")
    Path("folder.npz").mkdir()
    assert "OUT must be" in refused("convert", "codes.npz", "folder.npz", "--overwrite")


def test_a_failure_leaves_the_old_file(here: Path) -> None:
    Path("codes.npy").write_bytes(b"old")
    assert "format must be one that holds ids" in refused(
        "convert", "codes.npz", "codes.npy", "--overwrite"
    )
    Path("bad.hex").write_text("05\n0x\n")
    assert "bad.hex, line 2 must be 2 hexadecimal digits. Got '0x'." in refused(
        "convert", "bad.hex", "codes.npy", "--overwrite"
    )
    assert Path("codes.npy").read_bytes() == b"old"
    assert sorted(file.name for file in here.iterdir()) == ["bad.hex", "codes.npy", "codes.npz"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("codes.npz", "codes.dat"), "codes.dat must be a file that ends in .npy"),
        (("codes.npz", "codes", "--to", "fais"), "Did you mean 'faiss'"),
        (("codes.npz", "out.hex", "--from", "parkuet"), "Did you mean 'parquet'"),
        (("codes.npz", "out.hex", "--from", "faiss"), "must be a binary index of faiss"),
        (("codes.npz", "out.hex", "--bits", "19"), "n_bits must be that of codes.npz, 20"),
    ],
)
def test_wrong_words(words: tuple[str, ...], wanted: str) -> None:
    assert wanted in refused("convert", *words)


def test_a_missing_file_is_the_systems_own_error() -> None:
    for name in ("none", "none.npz", "none.parquet", "none.hlx", "none.hex", "none.faiss"):
        assert isinstance(call("convert", name, "out.hex").exception, FileNotFoundError)
