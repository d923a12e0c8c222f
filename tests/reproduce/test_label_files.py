"""Labels from files: what they are taken to be, and what is refused."""

import numpy as np
import pytest

from hashlens.errors import FormatError, InputError
from hashlens.reproduce.label_files import matched, read_labels

Y = np.random.default_rng(0).integers(0, 4, 60)


def read(folder, name, content):
    """Write text, bytes or an array, and read it as labels."""
    if isinstance(content, np.ndarray):
        np.save(folder / name, content)
    else:
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(raw)
    return read_labels(folder / name)


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (Y + 0.5, "reals that are not whole"),
        (np.eye(4)[Y] - 1, r"a matrix of shape \(60, 4\) from -1 to 0"),
        (Y * 1j, "must be labels"),
        (np.zeros((2, 3, 4)), "must be labels"),
        (np.zeros(0), "must be labels"),
        (np.array([["owl", "cat"]] * 60), "must be labels"),
        (Y * -1e30, "numbers beyond those of 64 bits"),
        (Y * 1e30, "numbers beyond those of 64 bits"),
        (Y.astype(np.uint64) + 2**63, "numbers beyond those of 64 bits"),
    ],
)
def test_refuses_arrays(tmp_path, array, wanted):
    with pytest.raises(InputError, match=wanted):
        read(tmp_path, "l.npy", array)


@pytest.mark.parametrize(
    ("name", "text", "error", "wanted"),
    [
        ("a.csv", "owl\ncat,dog\n", InputError, r"a.csv, line 2 must be one label. Got 'cat,dog'"),
        ("a.txt", "owl\n\ncat\n", InputError, r"a.txt, line 2 must be one label. Got ''"),
        ("a.txt", "", InputError, "must be labels"),
        ("a.txt", b"\xff\xfe\x00", FormatError, "must be text in UTF-8"),
        ("a.csv", "9" * 200_000, FormatError, "must be text in UTF-8, one label a line"),
    ],
)
def test_refuses_text(tmp_path, name, text, error, wanted):
    with pytest.raises(error, match=wanted):
        read(tmp_path, name, text)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_only_the_end_of_a_line_ends_a_label(tmp_path, ending):
    names = ["barn owl", "owl\x0c2", "owl\u2028 3", "owl\x85"]
    labels = read(tmp_path, "a.txt", ending.join(names) + ending)
    assert labels.values.tolist() == [name.strip() for name in names]


@pytest.mark.parametrize("kind", ["txt", "csv"])
def test_names_that_only_look_like_numbers_to_python_stay_names(tmp_path, kind):
    assert read(tmp_path, f"n.{kind}", "1_0\n10\n").values.tolist() == ["1_0", "10"]
    assert read(tmp_path, f"n.{kind}", "-1\n+2\n007\n").values.tolist() == [-1, 2, 7]
    assert read(tmp_path, f"n.{kind}", f"1\n{2**64}\n").values.tolist() == ["1", str(2**64)]


def test_names_of_two_files_get_one_numbering(tmp_path):
    left, right = read(tmp_path, "a.txt", "owl\ncat\n"), read(tmp_path, "b.txt", "cat\ndog\n")
    mine, theirs = matched(left, right)
    assert mine[1] == theirs[0]
    assert len({*mine.tolist(), *theirs.tolist()}) == 3
    with pytest.raises(InputError, match="labels of one kind, of the same classes"):
        matched(left, read(tmp_path, "c.txt", "1\n2\n"))
