"""What each format of codes looks like, and what of other programs is read or refused."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hashlens.codes import pack, unpack
from hashlens.errors import FormatError, HashlensError, InputError
from hashlens.search.exchange.formats import CodeSet, read_codes, write_codes


@pytest.mark.parametrize("kind", [bool, np.int8, np.int64, np.float32, "O", "U1"])
def test_only_packed_bytes_are_codes(tmp_path: Path, kind: str) -> None:
    for name in ("codes.npy", "codes.npz"):
        matrix = np.ones((4, 16)).astype(kind)
        save = np.save if name == "codes.npy" else np.savez
        save(tmp_path / name, matrix)
        with pytest.raises(HashlensError, match=rf"{name} must"):
            read_codes(tmp_path / name)
    if kind not in ("O", "U1"):
        with pytest.raises(InputError, match=r"hashlens\.codes\.pack"):
            read_codes(tmp_path / "codes.npy")


def test_arrays_of_numpy(tmp_path: Path) -> None:
    codes = np.arange(30, dtype=np.uint8).reshape(5, 6)
    np.save(tmp_path / "codes.npy", np.asfortranarray(codes))
    assert np.array_equal(read_codes(tmp_path / "codes.npy").codes, codes)
    write_codes(tmp_path / "codes.npz", CodeSet(codes, 48, np.arange(5)[::-1]))
    with np.load(tmp_path / "codes.npz") as archive:
        assert np.array_equal(archive["codes"], codes)
        assert (archive["n_bits"], archive["ids"].tolist()) == (48, [4, 3, 2, 1, 0])
    np.savez_compressed(tmp_path / "other.npz", codes=codes, ids=np.arange(9, 4, -1, np.uint8))
    assert read_codes(tmp_path / "other.npz", n_bits=46).numbers.tolist() == [9, 8, 7, 6, 5]
    np.savez(tmp_path / "other.npz", codes=codes, ids=np.zeros(5))
    with pytest.raises(InputError, match=r"other\.npz, ids must be an array of ints"):
        read_codes(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("05ff\n0g00\n", "line 2 must be 4 hexadecimal digits. Got '0g00'"),
        ("05ff\n\n05ff\n", "line 2 must be 4 hexadecimal digits. Got ''"),
        ("05f\n", "line 1 must be 2 to 1024 hexadecimal digits"),
        ("1\t05\n2\t0506\n", r"line 2 must be an id, a tab and 2 hexadecimal digits"),
        ("1\t05\n-2\t05\n", "line 2 must be an id"),
        ("1\t05\n9223372036854775808\t05\n", "line 2 must be an id"),
        ("1\t05\n05\n", "line 2 must be an id"),
        ("05\n1\t05\n", "line 2 must be 2 hexadecimal digits"),
        ("05\n 5\n", "line 2 must be 2 hexadecimal digits"),
        ("1\t05\n1\t06\n", "ids must be distinct"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, wanted: str) -> None:
    (tmp_path / "codes.txt").write_text(text)
    with pytest.raises(HashlensError, match=rf"codes\.txt.*{wanted}"):
        read_codes(tmp_path / "codes.txt")


def test_a_file_without_line_ends_is_not_read_whole(tmp_path: Path) -> None:
    (tmp_path / "codes.hex").write_bytes(b"0" * (9 << 20))
    with pytest.raises(FormatError, match="lines of at most 1048576 bytes"):
        read_codes(tmp_path / "codes.hex")


def test_lines_of_other_systems(tmp_path: Path) -> None:
    (tmp_path / "codes.hex").write_bytes(b"7\t05FF\r\n2\t0600")
    got = read_codes(tmp_path / "codes.hex")
    assert got.codes.tolist() == [[5, 255], [6, 0]]
    assert got.ids is not None
    assert got.ids.tolist() == [7, 2]


def test_the_bits_of_a_database_stand_in_their_order(tmp_path: Path) -> None:
    bits = np.array([[1, 0, 0, 0, 0, 0, 0, 0, 0, 1], [0] * 9 + [1]])
    write_codes(tmp_path / "codes.pgvector", CodeSet(pack(bits), 10))
    assert (tmp_path / "codes.pgvector").read_text() == "0\t1000000001\n1\t0000000001\n"
    (tmp_path / "codes.pgvector").write_text("3\t102\n")
    with pytest.raises(FormatError, match="line 1 must be an id, a tab and 3 digits 0 and 1"):
        read_codes(tmp_path / "codes.pgvector")


def test_bulk_documents(tmp_path: Path) -> None:
    path = tmp_path / "codes.ndjson"
    write_codes(path, CodeSet(np.array([[5, 255]], np.uint8), 16, np.array([7])))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [{"index": {"_id": "7"}}, {"code": "05ff"}]
    # The two forms of the documentation, which are the same 40 bits.
    path.write_text(
        '{"create":{}}\n{"code":[-127,0,1,42,127]}\n{"index":{}}\n{"code":"8100012a7f"}'
    )
    got = read_codes(path)
    assert (got.n_bits, got.ids) == (40, None)
    assert unpack(got.codes[:1, ::-1], 40)[0, ::-1].astype(int).tolist() == [
        int(bit) for bit in "1000000100000000000000010010101001111111"
    ]
    assert (got.codes[0] == got.codes[1]).all()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"index":{}}', 2),
        ('{"delete":{"_id":"1"}}\n{"code":"05"}', 1),
        ('{"index":{"_id":"a"}}\n{"code":"05"}', 1),
        ('{"index":{"_id":"1"}}\n{"code":"0 5 "}', 2),
        ('{"index":{"_id":"1"}}\n{"code":[true]}', 2),
        ('{"index":{"_id":"1"}}\n{"code":[128]}', 2),
        ('{"index":{"_id":"1"}}\n{"vector":"05"}', 2),
        ('{"index":{"_id":"1"}}\n{"code":"05"}\n{"index":{}}\n{"code":"05"}', 3),
        ('{"index":{"_id":"1"}}\n{"code":"05"}\n{"index":{"_id":"2"}}\n{"code":"0505"}', 4),
    ],
)
def test_a_bad_document_is_named(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "codes.ndjson").write_text(text)
    with pytest.raises(FormatError, match=rf"codes\.ndjson, line {line} must be"):
        read_codes(tmp_path / "codes.ndjson")


@pytest.mark.parametrize(
    "kind",
    [pa.binary(), pa.large_binary(), pa.binary(3), pa.list_(pa.uint8()), pa.list_(pa.uint8(), 3)],
    ids=str,
)
def test_columns_of_other_programs(tmp_path: Path, kind: pa.DataType) -> None:
    path, rows = tmp_path / "codes.parquet", [[1, 2, 3], [4, 5, 6], [7, 8, 255]]
    lists = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
    values = pa.array(rows if lists else [bytes(row) for row in rows], kind)
    pq.write_table(pa.table({"label": ["a", "b", "c"], "hash": values}), path, row_group_size=2)
    got = read_codes(path)
    assert (got.codes.tolist(), got.n_bits, got.ids) == (rows, 24, None)
    pq.write_table(pa.table({"id": pa.array([3, 1, 2], pa.uint16()), "code": values}), path)
    assert read_codes(path).numbers.tolist() == [3, 1, 2]


def test_what_is_no_code_in_parquet_is_named(tmp_path: Path) -> None:
    path = tmp_path / "codes.parquet"
    cases = {
        "row 2 must be a code of 1 bytes": {"code": [b"a", b"b", b"cc"]},
        "row 1, code must have a value": {"code": [b"a", None]},
        "row 0, id must have a value": {"code": [b"a"], "id": pa.array([None], pa.int64())},
        r"hashlens\.codes\.pack": {"code": [[0.5, 1.5]]},
        "only one such column": {"a": [b"a"], "b": [b"b"]},
        "codes of 1 to 512 bytes": {"code": [b"a" * 513]},
    }
    for wanted, columns in cases.items():
        pq.write_table(pa.table(columns), path, row_group_size=1)
        with pytest.raises(HashlensError, match=rf"codes\.parquet.*{wanted}"):
            read_codes(path)
