"""Binary index files of faiss, against faiss itself."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hashlens.codes import hamming
from hashlens.errors import FormatError, MissingExtraError
from hashlens.search.exchange.formats import CodeSet, read_codes, write_codes

# Of the bindings, from Python 3.12.
pytestmark = pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")
RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 256, (60, 4), np.uint8)
IDS = RNG.permutation(1000)[:60]


@pytest.fixture
def faiss() -> Any:
    return pytest.importorskip("faiss")


def kinds(faiss: Any) -> dict[str, Any]:
    return {
        "flat": faiss.IndexBinaryFlat(32),
        "ivf": faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(32), 32, 1),
        "hnsw": faiss.IndexBinaryHNSW(32, 4),
        "hash": faiss.IndexBinaryHash(32, 8),
        "multihash": faiss.IndexBinaryMultiHash(32, 2, 8),
    }


NAMES = ("flat", "ivf", "hnsw", "hash", "multihash")


@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("n", [0, 60])
def test_faiss_reads_what_is_written(faiss: Any, tmp_path: Path, n: int, ids: bool) -> None:
    path = tmp_path / "codes.faiss"
    write_codes(path, CodeSet(CODES[:n], 32, IDS[:n] if ids else None))
    index = faiss.read_index_binary(str(path))
    assert type(index) is (faiss.IndexBinaryIDMap if ids else faiss.IndexBinaryFlat)
    assert (index.d, index.ntotal, index.is_trained) == (32, n, True)
    faiss.write_index_binary(index, str(tmp_path / "again"))
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    if n:
        distances, found = index.search(CODES[:5], 1)
        assert not distances.any()
        assert (found[:, 0] == (IDS[:5] if ids else np.arange(5))).all()
        distances, _ = index.search(~CODES[:5], n)
        assert (distances == np.sort(hamming(~CODES[:5], CODES, 32), axis=1)).all()


@pytest.mark.parametrize("wrap", ["", "IndexBinaryIDMap", "IndexBinaryIDMap2"])
@pytest.mark.parametrize("n", [0, 60])
@pytest.mark.parametrize("name", NAMES)
def test_what_faiss_writes_is_read(
    faiss: Any, tmp_path: Path, name: str, n: int, wrap: str
) -> None:
    index = kinds(faiss)[name]
    if not index.is_trained:
        index.train(CODES)
    whole = getattr(faiss, wrap)(index) if wrap else index
    if n:
        whole.add_with_ids(CODES, IDS) if wrap else whole.add(CODES)
    path = tmp_path / "codes.faiss"
    faiss.write_index_binary(whole, str(path))
    got = read_codes(path, n_bits=32)
    assert np.array_equal(got.codes, CODES[:n])
    assert np.array_equal(got.numbers, IDS[:n] if wrap else np.arange(n))


@pytest.mark.parametrize("name", ["ivf", "hash"])
def test_kinds_with_ids_of_their_own(faiss: Any, tmp_path: Path, name: str) -> None:
    index = kinds(faiss)[name]
    index.train(CODES)
    index.add_with_ids(CODES, IDS)
    path = tmp_path / "codes.faiss"
    faiss.write_index_binary(index, str(path))
    got = read_codes(path)
    assert got.ids is not None
    order = np.argsort(IDS)
    assert np.array_equal(got.ids, IDS[order])
    assert np.array_equal(got.codes, CODES[order])


def test_codes_that_cannot_be_given_back_are_refused(faiss: Any, tmp_path: Path) -> None:
    index = faiss.IndexBinaryFromFloat(faiss.IndexFlatL2(32))
    index.add(CODES)
    faiss.write_index_binary(index, str(tmp_path / "codes.faiss"))
    with pytest.raises(FormatError, match=r"codes\.faiss must be an index that faiss can"):
        read_codes(tmp_path / "codes.faiss")
    faiss.write_index(faiss.IndexFlatL2(32), str(tmp_path / "floats.faiss"))
    with pytest.raises(FormatError, match=r"floats\.faiss must be a binary index of faiss"):
        read_codes(tmp_path / "floats.faiss")


def test_without_faiss_the_plain_kinds_are_read(
    faiss: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, index in kinds(faiss).items():
        index.train(CODES)
        index.add(CODES)
        faiss.write_index_binary(index, str(tmp_path / name))
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    for name in ("flat", "hash"):
        assert np.array_equal(read_codes(tmp_path / name).codes, CODES)
    for name in ("ivf", "hnsw", "multihash"):
        with pytest.raises(MissingExtraError, match=r"pip install 'hashlens\[bench\]'"):
            read_codes(tmp_path / name)


@pytest.mark.parametrize("name", NAMES)
def test_every_cut_is_refused(faiss: Any, tmp_path: Path, name: str) -> None:
    index, path = kinds(faiss)[name], tmp_path / "codes.faiss"
    index.train(CODES[:9])
    mapped = faiss.IndexBinaryIDMap(index)
    mapped.add_with_ids(CODES[:9], IDS[:9])
    faiss.write_index_binary(mapped, str(path))
    whole = path.read_bytes()
    for size in range(4, len(whole), 1 + len(whole) // 40):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError, match=r"codes\.faiss must"):
            read_codes(path)


def test_a_number_of_codes_that_is_not_that_of_the_storage(faiss: Any, tmp_path: Path) -> None:
    path = tmp_path / "codes.faiss"
    for name in ("ivf", "hnsw", "multihash"):
        index = kinds(faiss)[name]
        index.train(CODES)
        index.add(CODES)
        faiss.write_index_binary(index, str(path))
        whole = path.read_bytes()
        path.write_bytes(whole[:12] + struct.pack("<q", 61) + whole[20:])
        with pytest.raises(FormatError, match=r"codes\.faiss must"):
            read_codes(path)


def test_absurd_headers_are_refused(tmp_path: Path) -> None:
    path, most = tmp_path / "codes.faiss", 1 << 60

    def header(n: int, n_bits: int = 32, size: int = 4) -> bytes:
        return struct.pack("<iiqBi", n_bits, size, n, 1, 1)

    def flat(n: int, n_bytes: int) -> bytes:
        return b"IBxF" + header(n) + struct.pack("<Q", n_bytes) + bytes(8)

    two = flat(2, 8)
    for content in (
        flat(most, most),
        flat(most, 4 * most),
        flat(2, most),
        flat(most, 8),
        flat(-2, 8),
        b"IBxF" + header(2, 32, 8) + struct.pack("<Q", 8) + bytes(8),
        b"IBxF" + header(2, 1 << 30, 1 << 27) + struct.pack("<Q", 8) + bytes(8),
        two + b"\0",
        b"IBMp" + header(2) + two + struct.pack("<Q", most) + bytes(16),
        b"IBMp" + header(2) + two + struct.pack("<Q", 1) + bytes(8),
        b"IBMp" + header(most) + two + struct.pack("<Q", 2) + bytes(16),
        b"IBHh" + header(2) + struct.pack("<iiQiQ", 8, 0, most, 1, most),
        b"IBHh" + header(2) + struct.pack("<iiQiQ", 8, 0, 0, 1, 0),
        (b"IBMp" + header(2)) * 5000,
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=r"codes\.faiss must"):
            read_codes(path)
    path.write_bytes(two)
    assert read_codes(path).codes.shape == (2, 4)
