"""The file of a shard holds what was put there, the same bytes each time, or says it does not."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hashlens.data import Skipped
from hashlens.encoding import shard_header
from hashlens.encoding.shard_file import CodeRows, read_footer, read_shard, write_shard
from hashlens.encoding.shard_header import DamagedShardError, Header, shard_name
from hashlens.errors import FormatError

HEADER = Header(12, "ab" * 32, "cd" * 32, 1, 3, 4, (Skipped("bad\udcff.png", "is no image"),))


def some_rows(n: int = 3, n_features: int = 5) -> CodeRows:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 16, (n, 2), dtype=np.uint8)
    features = rng.random((n, n_features)).astype(np.float16) if n_features else None
    hashes = [bytes([i]) * 32 for i in range(n)]
    labels: list[str | None] = ["owl", None, "owl|cat", "é"]
    names = [f"/photos/{i}é.png" for i in range(n)]
    return CodeRows(names, np.arange(n) % 2 == 0, hashes, labels[:n], codes, features)


def same(a: CodeRows, b: CodeRows) -> None:
    assert (a.names, a.content_hashes, a.labels) == (b.names, b.content_hashes, b.labels)
    np.testing.assert_array_equal(a.has_file, b.has_file)
    np.testing.assert_array_equal(a.codes, b.codes)
    assert a.codes.dtype == b.codes.dtype == np.uint8
    if a.features is None or b.features is None:
        assert a.features is b.features
    else:
        np.testing.assert_array_equal(a.features, b.features)
        assert b.features.dtype == np.float16


@pytest.mark.parametrize(("n", "n_features"), [(3, 5), (3, 0), (0, 5), (0, 0)])
def test_what_is_written_is_read(tmp_path: Path, n: int, n_features: int) -> None:
    path = tmp_path / shard_name(1, 3)
    header = Header(12, "ab" * 32, "cd" * 32, 1, 3, n + 1, HEADER.skipped)
    rows = some_rows(n, n_features)
    write_shard(path, header, rows)
    footer, found = read_shard(path)
    assert footer == read_footer(path)
    assert (footer.header, footer.n_rows, footer.n_features) == (header, n, n_features)
    same(rows, found)
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        files.append(tmp_path / place / shard_name(1, 3))
        write_shard(files[-1], HEADER, some_rows())
    assert files[0].read_bytes() == files[1].read_bytes()


def test_other_programs_read_it(tmp_path: Path) -> None:
    path = tmp_path / shard_name(1, 3)
    write_shard(path, HEADER, some_rows())
    table = pq.read_table(path)
    assert table.column("code").to_pylist() == [bytes(row) for row in some_rows().codes]
    assert [str(field.type) for field in table.schema] == [
        "string",
        "bool",
        "fixed_size_binary[32]",
        "string",
        "fixed_size_binary[2]",
        str(table.schema.field("feature").type),
    ]
    assert table.schema.field("feature").type.list_size == 5
    assert str(table.schema.field("feature").type.value_type) == "halffloat"
    about = json.loads(table.schema.metadata[b"hashlens"])
    assert about["format"] == "hashlens-codes"
    assert about["skipped"] == [["bad\udcff.png", "is no image"]]


def test_a_changed_byte_changes_nothing_unnoticed(tmp_path: Path) -> None:
    path = tmp_path / shard_name(1, 3)
    write_shard(path, HEADER, some_rows())
    footer, rows = read_shard(path)
    whole, noticed = path.read_bytes(), 0
    for i in range(0, len(whole), 3):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0x41]) + whole[i + 1 :])
        try:
            found, found_rows = read_shard(path)
        except FormatError as error:
            noticed += str(path) in str(error)
        else:  # a byte that nobody reads, as of what program wrote it
            assert found == footer
            same(rows, found_rows)
    assert noticed > len(whole) / 6


@pytest.mark.parametrize("n_bytes", [0, 3, 100, -1])
def test_a_cut_file_is_named(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / shard_name(1, 3)
    write_shard(path, HEADER, some_rows())
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(FormatError, match=rf"{path} must be a whole shard of codes. Got"):
        read_footer(path)


def test_a_shard_under_another_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / shard_name(2, 3)
    write_shard(path, HEADER, some_rows())
    with pytest.raises(FormatError, match="Got shard 1 of 3 under that name"):
        read_footer(path)


def test_a_newer_version_is_not_taken_for_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / shard_name(1, 3)
    with monkeypatch.context() as patch:
        patch.setattr(shard_header, "VERSION", 2)
        write_shard(path, HEADER, some_rows())
    with pytest.raises(FormatError, match=r"must have format version 1. Got 2. A newer") as caught:
        read_footer(path)
    assert not isinstance(caught.value, DamagedShardError)


def test_any_parquet_is_no_shard(tmp_path: Path) -> None:
    path = tmp_path / shard_name(1, 3)
    write_shard(path, HEADER, some_rows())
    pq.write_table(pq.read_table(path).replace_schema_metadata({}), path)
    with pytest.raises(FormatError, match="Got a file without the mark of one"):
        read_footer(path)
