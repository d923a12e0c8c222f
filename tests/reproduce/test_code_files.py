"""Codes of other programs: every way to write them is recognised, or refused."""

import sys

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from hashlens.errors import FormatError, InputError, MissingExtraError
from hashlens.reproduce.code_files import read_codes
from hashlens.reproduce.foreign import score_codes
from written_codes import BITS, B, N, Y, saved, sides

TABLES = {
    "bool": BITS.astype(bool),
    "uint8": BITS,
    "int64": BITS.astype(np.int64),
    "float 0/1": BITS.astype(np.float32),
    "int8 -1/+1": 2 * BITS.astype(np.int8) - 1,
    "float -1/+1": 2.0 * BITS - 1,
    "transposed": (2.0 * BITS - 1).T,
    "packed": np.packbits(BITS, axis=1, bitorder="little"),
    "packed, highest first": np.packbits(BITS, axis=1),
    "packed, transposed": np.packbits(BITS, axis=1, bitorder="little").T,
    "signs": np.where(BITS > 0, 0.0, -0.5) + 0.25 * BITS * np.arange(N)[:, None],
}


@pytest.fixture
def labels(tmp_path):
    return saved(tmp_path, "y.npy", Y)


@pytest.fixture
def reference(tmp_path, labels):
    return score_codes(read_codes(saved(tmp_path, "reference.npy", BITS), labels))


@pytest.mark.parametrize("name", TABLES)
def test_every_way_to_write_codes_scores_the_same(tmp_path, labels, reference, name):
    file = saved(tmp_path, "codes.npy", TABLES[name])
    n_bits = B if name.startswith("packed") else None
    found = read_codes(file, labels, n_bits=n_bits, sign=name == "signs")
    assert found.taken["transposed"] == ("transposed" in name)
    assert found.taken["packed"] == name.startswith("packed")
    assert found.taken["dtype"] == str(TABLES[name].dtype)
    assert len(found.taken["sha256"]) == 64
    kind = {"packed, highest first": "highest", "signs": "signs of reals", "bool": "bool"}
    assert kind.get(name, "") in found.words
    scores = score_codes(found)
    assert scores.curve == reference.curve
    assert scores.table() == [{**reference.table()[0], "what": str(file)}]


def test_files_of_several_arrays(tmp_path, reference):
    column = {"L": Y[:, None].astype(float), "seed": 3.0}
    scipy.io.savemat(tmp_path / "m.mat", {"B": 2.0 * BITS - 1, **column})
    scipy.io.savemat(tmp_path / "two.mat", {"B": BITS > 0, "X": BITS.T * 0.3, **column})
    np.savez(tmp_path / "z.npz", codes=BITS, y=Y)
    row = Y[None].astype(float)
    scipy.io.savemat(tmp_path / "s.mat", {"Y": scipy.sparse.csc_matrix(np.eye(4)[Y]), "row": row})
    for codes, labels in (
        ("m.mat", "m.mat:L"),
        ("two.mat:B", "m.mat:L"),
        ("z.npz", "z.npz:y"),
        ("z.npz:codes", "s.mat:Y"),
        ("z.npz", "s.mat:row"),
    ):
        found = read_codes(f"{tmp_path}/{codes}", f"{tmp_path}/{labels}")
        assert score_codes(found).curve == reference.curve, (codes, labels)
        assert found.labels.taken["squeezed"] == (labels in ("m.mat:L", "s.mat:row"))
    assert read_codes(tmp_path / "two.mat:B", tmp_path / "m.mat:L").taken["dtype"] == "bool"


def test_a_matlab_double_of_0_and_1_is_not_taken_for_bytes(tmp_path, labels):
    """MATLAB compresses such a matrix to bytes; with 8 columns it could pass for packed codes."""
    scipy.io.savemat(tmp_path / "d.mat", {"B": BITS[:, :8].astype(float)})
    assert read_codes(tmp_path / "d.mat", labels).taken["dtype"] == "float64"


def test_hdf5_as_python_and_as_matlab_write_it(tmp_path, labels, reference):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["run/codes"] = BITS
        file["labels"] = Y
    found = read_codes(tmp_path / "a.h5", tmp_path / "a.h5:labels")
    assert found.taken["variable"] == "run/codes"
    assert score_codes(found).curve == reference.curve
    with h5py.File(tmp_path / "v73.mat", "w", userblock_size=512) as file:
        file["B"] = BITS.T  # columns first
        file["B"].attrs["MATLAB_class"] = np.bytes_("logical")
    with (tmp_path / "v73.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    found = read_codes(tmp_path / "v73.mat", labels)
    assert (found.taken["dtype"], found.taken["shape"]) == ("bool", [N, B])
    assert not found.taken["transposed"]
    assert score_codes(found).curve == reference.curve


def test_without_h5py_the_words_to_install_it(tmp_path, labels, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "v73.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b" " * 9)
    (tmp_path / "a.hdf5").write_bytes(b"\x89HDF")
    for name in ("v73.mat", "a.hdf5"):
        with pytest.raises(MissingExtraError, match=r"h5py .* pip install 'hashlens\[hdf5\]'"):
            read_codes(tmp_path / name, labels)


def test_labels_as_names_a_line_and_as_classes_in_columns(tmp_path, reference):
    codes = saved(tmp_path, "codes.npy", BITS)
    names = [f"owl {y}" for y in Y]
    (tmp_path / "y.txt").write_text("\n".join(names) + "\n\n", "utf-8")
    (tmp_path / "y.csv").write_text("\n".join(f'"{name}"' for name in names), "utf-8-sig")
    (tmp_path / "n.csv").write_text("\n".join(map(str, Y)), "utf-8")
    saved(tmp_path, "names.npy", names)
    saved(tmp_path, "rows.npy", np.eye(4)[Y])
    saved(tmp_path, "columns.npy", np.eye(4, dtype=bool)[Y].T)
    for name in ("y.txt", "y.csv", "n.csv", "names.npy", "rows.npy", "columns.npy"):
        found = read_codes(codes, tmp_path / name)
        assert score_codes(found).curve == reference.curve, name
        assert found.labels.taken["transposed"] == (name == "columns.npy")


def test_what_may_not_be_meant_is_doubted(tmp_path, labels):
    file = saved(tmp_path, "relu.npy", BITS * 0.5)
    assert "every bit is on" in read_codes(file, labels, sign=True).doubts[0]
    square = saved(tmp_path, "square.npy", BITS[:B])
    few = saved(tmp_path, "few.npy", Y[:B])
    assert "a row is taken as a code" in read_codes(square, few).doubts[0]
    wide = saved(tmp_path, "wide.npy", BITS[:5])
    assert "more bits than codes" in read_codes(wide, saved(tmp_path, "5.npy", Y[:5])).doubts[0]


def test_square_queries_are_turned_like_the_database(tmp_path):
    left, right = sides(tmp_path, BITS.T, BITS[:B].T ^ 1, Y, Y[:B])
    assert right.taken["transposed"]
    upright = sides(tmp_path, BITS, BITS[:B] ^ 1, Y, Y[:B])
    assert score_codes(left, right).curve == score_codes(*upright).curve


def test_bytes_of_queries_are_in_the_order_of_the_database(tmp_path, labels):
    highest = saved(tmp_path, "high.npy", np.packbits(BITS, axis=1))
    database = read_codes(highest, labels, n_bits=B)
    one = np.zeros((1, B), np.uint8)
    one[0, :8] = BITS[0, :8]  # its last byte is zero: either order
    wanted = score_codes(*sides(tmp_path, BITS, one, Y, Y[:1])).curve
    few = saved(tmp_path, "one.npy", np.packbits(one, axis=1))
    queries = read_codes(few, saved(tmp_path, "1.npy", Y[:1]), like=database)
    assert (
        queries.taken["byte_order"]
        == database.taken["byte_order"]
        == ("highest bit of a byte first")
    )
    assert score_codes(database, queries).curve == wanted
    lowest = saved(tmp_path, "low.npy", np.packbits(BITS, axis=1, bitorder="little"))
    for other in (lowest, saved(tmp_path, "bits.npy", BITS)):
        with pytest.raises(InputError, match=r"must be written like .*high.npy \(highest bit"):
            read_codes(other, labels, like=database)


NAN = np.where(BITS > 0, np.nan, 1.0)
REFUSED = {
    "a real matrix": (BITS * 0.3, {}, r"c.npy must be codes: bool, 0/1 .* --sign .* to 0.3"),
    "ints of three values": (BITS.astype(int) - 1 + 2 * (Y[:, None] > 1), {}, "must be codes"),
    "NaN": (NAN, {"sign": True}, "c.npy must be finite everywhere"),
    "bytes without a length": (BITS * 9, {}, r"given by --bits, 89 to 96. Got uint8"),
    "bytes with sign": (BITS * 9, {"sign": True}, "given by --bits"),
    "too few bytes": (BITS[:, :1], {"n_bits": 12}, r"of 12 bits: uint8 of shape \(n, 2\), or a"),
    "bytes as ints": (BITS[:, :2].astype(int), {"n_bits": 12}, r"uint8 of shape \(n, 2\)"),
    "set bits behind": (BITS[:, :2] * 255, {"n_bits": 12}, "zero in the 4 bits after the last"),
    "another length": (BITS, {"n_bits": 13}, r"of 13 bits: .* shape \(60, 12\)"),
    "one dimension": (BITS[:, 0], {}, r"c.npy must be codes: a matrix"),
    "complex": (BITS * 1j, {}, "must be codes: a matrix"),
    "too few codes": (BITS[:-1], {}, r"as many codes as .*y.npy has labels, 60. Got .*\(59, 12\)"),
    "no bit": (BITS[:, :0], {}, "codes of 1 to 4096 bits"),
    "a length that none has": (BITS, {"n_bits": 0}, "n_bits must be an int from 1 to 4096"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_codes(tmp_path, labels, name):
    array, options, wanted = REFUSED[name]
    with pytest.raises(InputError, match=wanted):
        read_codes(saved(tmp_path, "c.npy", array), labels, **options)


def test_refuses_codes_of_another_length(tmp_path, labels):
    left = read_codes(saved(tmp_path, "a.npy", BITS), labels)
    shorter = saved(tmp_path, "b.npy", BITS[:, :8])
    with pytest.raises(InputError, match=r"b.npy must be of 12 bits"):
        read_codes(shorter, labels, like=left)
    with pytest.raises(InputError, match=r"n_bits must be that of .*a.npy, 12. Got 8"):
        read_codes(shorter, labels, n_bits=8, like=left)
    with pytest.raises(InputError, match=r"b.npy must be codes of 12 bits. Got 8"):
        score_codes(left, read_codes(shorter, labels))


def test_refuses_files(tmp_path, labels):
    np.savez(tmp_path / "two.npz", a=BITS, b=BITS)
    saved(tmp_path, "c.npy", BITS)
    np.save(tmp_path / "pickle.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "c.npy").read_bytes()[:200])
    (tmp_path / "archive.npy").write_bytes((tmp_path / "two.npz").read_bytes())
    (tmp_path / "no.npz").write_bytes(b"no archive")
    (tmp_path / "no.mat").write_bytes(b"no file of MATLAB" * 20)
    (tmp_path / "c.bin").write_bytes(b"")
    for name, error, wanted in (
        ("two.npz", InputError, r"a file of one matrix, or FILE:NAME. Got a \(60, 12\), b "),
        ("two.npz:c", InputError, r"a variable of .*two.npz \(a, b\). Got 'c'"),
        ("c.npy:c", InputError, "left out for a file of one"),
        ("pickle.npy", FormatError, "must be a readable .npy file of numbers"),
        ("cut.npy", FormatError, "must be a readable .npy file"),
        ("archive.npy", InputError, "an array as numpy.save writes it"),
        ("no.npz", InputError, "an archive as numpy.savez writes it"),
        ("no.mat", FormatError, "must be a readable .mat file"),
        ("c.bin", InputError, r"a file that ends in .npy, .npz, .mat, .h5, .hdf5. Got '.bin'"),
    ):
        with pytest.raises(error, match=wanted):
            read_codes(tmp_path / name, labels)
    with pytest.raises(FileNotFoundError):
        read_codes(tmp_path / "nowhere.npy", labels)
