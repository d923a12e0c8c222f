"""A section: what could not be read is not written, and what is read stays in bounds."""

import json
import struct
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashlens.errors import FormatError, InputError
from hashlens.search.file.sections import TYPES, Section, decoded, encoded


@pytest.mark.parametrize(
    ("kind", "facts", "arrays"),
    [
        ("too_long_", {}, {}),
        ("codes", {"n_items": -1}, {}),
        ("codes", {}, {"a": np.zeros(3)}),
        ("codes", {}, {"a": np.array([None])}),
        ("codes", {}, {"a": np.zeros((1,) * 5, int)}),
        ("codes", {}, {"../a": np.zeros(1, int)}),
        ("codes", {}, {f"a{i:063}": np.zeros(1, int) for i in range(9000)}),
    ],
)
def test_what_could_not_be_read_is_not_written(kind, facts, arrays):
    with pytest.raises(InputError, match=r"must be .+\. Got "):
        encoded(Section(kind, facts, arrays))


SIZES = st.one_of(st.integers(-1, 9), st.sampled_from([2**31, 2**61, 2**63, 10**30, True, None]))
ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*TYPES, "float64", "object", "V8", ">u8", "O", 3]),
        "shape": st.one_of(st.lists(SIZES, max_size=5), SIZES),
        "offset": st.one_of(st.sampled_from([0, 64]), SIZES),
    }
)
TABLE = st.one_of(
    st.fixed_dictionaries(
        {
            "facts": st.dictionaries(st.text(max_size=3), SIZES, max_size=2),
            "arrays": st.dictionaries(st.sampled_from("ab"), ENTRY, min_size=1, max_size=2),
        }
    ).map(lambda table: json.dumps(table).encode()),
    st.sampled_from([b"[" * 5000, b"{}", b"\xff", b"1e999", b"9" * 5000, b'{"facts":{}}']),
)


@settings(max_examples=100, deadline=None)
@given(table=TABLE, body=st.sampled_from([0, 64, 128]), wrong=st.sampled_from([0, 0, 64, -64, 7]))
def test_a_section_with_right_checksums_but_wrong_contents_stays_in_bounds(table, body, wrong):
    """What a program with other ideas, or a foe, could write."""
    table += b" " * (-len(table) % 64)
    rest = bytes(range(body))
    sizes = struct.pack("<QQ", max(0, 128 + len(table) + body + wrong), len(table))
    fields = b"HASHSECTcodes\0\0\0" + sizes + sha256(table).digest() + sha256(rest).digest()
    data = np.frombuffer(fields + sha256(fields).digest() + table + rest, np.uint8)
    try:
        found, _, length = decoded(Path("codes.index"), data, 0, verify=True)
    except FormatError as error:
        assert str(error).startswith("codes.index must hold whole sections")  # noqa: PT017
        return
    assert length == len(data)
    stored = json.loads(table)
    assert found.facts == stored["facts"]
    assert sum(-(-array.nbytes // 64) * 64 for array in found.arrays.values()) == body
    for name, array in found.arrays.items():
        assert list(array.shape) == stored["arrays"][name]["shape"]
        assert array.dtype == stored["arrays"][name]["dtype"]
        start = stored["arrays"][name]["offset"]
        assert array.tobytes() == rest[start : start + array.nbytes]
