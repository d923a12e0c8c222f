"""Adding, removing, filtering, saving in place: always the answers of a fresh index."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashlens.codes import code_size, hamming
from hashlens.errors import BusyError, FormatError, InputError
from hashlens.search import HammingIndex


def random_codes(rng, n, n_bits):
    codes = rng.integers(0, 256, (n, code_size(n_bits)), dtype=np.uint8)
    if n_bits % 8:
        codes[:, -1] &= (1 << n_bits % 8) - 1
    return codes


def check_like_fresh(index, held, rng):
    """The index answers as one made at once from the codes that it should hold."""
    ids = np.array(sorted(held), np.int64)
    size = code_size(index.n_bits)
    codes = np.array([held[i] for i in ids], np.uint8).reshape(len(ids), size)
    queries = random_codes(rng, 5, index.n_bits)
    where = rng.random(len(ids)) < 0.5
    fresh = HammingIndex(codes, index.n_bits, ids=ids)
    assert (index.ids == ids).all()
    assert (index.codes() == codes).all()
    assert index.n_items == len(ids)
    for mask in (None, where):
        for k in (1, 7, 400):
            got, wanted = index.search(queries, k, where=mask), fresh.search(queries, k, where=mask)
            assert (got.ids == wanted.ids).all()
            assert (got.distances == wanted.distances).all()
        radius = index.n_bits // 3
        balls = index.radius_search(queries, radius, where=mask)
        wanted_balls = fresh.radius_search(queries, radius, where=mask)
        assert (balls.offsets == wanted_balls.offsets).all()
        assert (balls.ids == wanted_balls.ids).all()
        assert (balls.distances == wanted_balls.distances).all()
    assert (index.rank(queries).ids == fresh.rank(queries).ids).all()
    marks = rng.integers(0, 2, (5, len(ids)), dtype=np.uint8)
    exclude = rng.integers(-1, max(len(ids), 1), 5) if len(ids) else None
    counts = index.histograms(queries, lambda a, b: marks[a:b], exclude=exclude)
    wanted_counts = fresh.histograms(queries, lambda a, b: marks[a:b], exclude=exclude)
    assert (counts.total == wanted_counts.total).all()
    assert (counts.relevant == wanted_counts.relevant).all()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add at", "remove", "save", "load"]), st.integers(0, 2**32 - 1)
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(STEPS, st.sampled_from([5, 16, 20, 48, 64, 100]), st.sampled_from([0, 1, 63, 64, 200]))
def test_any_order_of_changes_gives_the_answers_of_a_fresh_index(
    tmp_path_factory, steps, n_bits, n
):
    rng = np.random.default_rng(n)
    path = tmp_path_factory.mktemp("index") / "codes.index"
    codes = random_codes(rng, n, n_bits)
    index, held = HammingIndex(codes, n_bits), dict(enumerate(codes))
    for step, seed in steps:
        rng = np.random.default_rng(seed)
        if step == "add":
            more = random_codes(rng, int(rng.integers(0, 150)), n_bits)
            held |= dict(zip(index.add(more).tolist(), more, strict=True))
        elif step == "add at":
            free = np.setdiff1d(rng.integers(0, 3000, 40), index.ids)
            more = random_codes(rng, len(free), n_bits)
            order = rng.permutation(len(free))
            index.add(more, free[order])
            held |= dict(zip(free[order].tolist(), more, strict=True))
        elif step == "remove":
            gone = rng.permutation(index.ids)[: len(held) // 3]
            index.remove(gone)
            held = {i: code for i, code in held.items() if i not in set(gone.tolist())}
        elif step == "save":
            index.save(path)
        elif path.exists():
            index.save(path)
            index = HammingIndex.load(path, mmap=bool(rng.integers(2)))
    check_like_fresh(index, held, rng)


def test_what_is_new_is_appended_to_the_file_and_nothing_else_is_written(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "codes.index"
    codes = random_codes(rng, 5000, 64)
    HammingIndex(codes, 64).save(path)
    index, before = HammingIndex.load(path), path.read_bytes()
    index.add(codes[:10])
    index.remove([3, 4])
    index.save()
    after = path.read_bytes()
    header = 4096
    assert after[header : len(before)] == before[header:]
    assert len(after) - len(before) < 4096
    again = HammingIndex.load(path)
    assert again.n_items == 5008
    assert (again.codes() == index.codes()).all()


def test_many_small_additions_do_not_copy_the_index_each_time():
    index = HammingIndex(np.zeros((0, 8), np.uint8), 64)
    rooms = set()
    for start in range(0, 4000, 10):
        index.add(np.full((10, 8), start % 251, np.uint8))
        rooms.add(index._segments[0].blocks.ctypes.data)
    assert index.n_items == 4000
    assert len(rooms) < 12


def test_where_is_a_mask_inside_the_search():
    codes = random_codes(np.random.default_rng(0), 500, 32)
    index = HammingIndex(codes, 32)
    where = np.zeros(500, bool)
    where[[7, 400]] = True
    found = index.search(codes[:1], 3, where=where)
    distances = hamming(codes[:1], codes[[7, 400]], 32)[0]
    assert found.ids[0].tolist() == [*np.array([7, 400])[np.argsort(distances)], -1]


def test_of_two_that_save_to_one_file_the_second_is_refused(tmp_path):
    path, codes = tmp_path / "codes.index", random_codes(np.random.default_rng(0), 50, 64)
    HammingIndex(codes, 64).save(path)
    one, two, three = (HammingIndex.load(path) for _ in range(3))
    one.add(codes[:1])
    one.save()
    two.add(codes[:2])
    three.add(codes[:2])
    three.remove([0])
    three.add(codes[:1], [0])  # lays the codes out anew: the file would be written whole
    for late in (two, three):
        with pytest.raises(BusyError, match=r"codes\.index"):
            late.save()
    assert HammingIndex.load(path).n_items == 51
    two.save(tmp_path / "other.index")
    assert HammingIndex.load(tmp_path / "other.index").n_items == 52


def test_a_file_of_many_segments_is_written_anew(tmp_path):
    path, codes = tmp_path / "codes.index", random_codes(np.random.default_rng(0), 300, 64)
    HammingIndex(codes[:1], 64).save(path)
    for i in range(1, 205):
        index = HammingIndex.load(path)
        index.add(codes[i : i + 1])
        index.save()
    again = HammingIndex.load(path)
    assert len(again._segments) < 20
    assert (again.codes() == codes[:205]).all()


def test_damage_that_was_not_looked_for_stays_in_bounds(tmp_path):
    """Set padding bits give distances above n_bits: wrong answers, but no memory outside."""
    path, codes = tmp_path / "codes.index", random_codes(np.random.default_rng(0), 320, 3)
    HammingIndex(codes, 3).save(path)
    data = bytearray(path.read_bytes())
    data[-640:] = b"\xff" * 640
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"codes\.index"):
        HammingIndex.load(path)
    index = HammingIndex.load(path, verify=False)
    assert (index.search(codes[:2], 320).distances >= 13).all()
    assert index.radius_search(codes, 3).counts.sum() == 0
    marks = np.zeros((2, 320), np.uint8)
    assert index.histograms(codes[:2], lambda a, b: marks[a:b]).total.sum() == 0


INDEX = HammingIndex(np.zeros((4, 2), np.uint8), 12, ids=[2, 3, 5, 7])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: INDEX.add(np.zeros((1, 3), np.uint8)), "codes"),
        (lambda: INDEX.add(np.zeros((1, 2), np.uint8), [5]), "ids"),
        (lambda: INDEX.add(np.zeros((2, 2), np.uint8), [9, 9]), "ids"),
        (lambda: INDEX.remove([4]), "ids"),
        (lambda: INDEX.remove([2, 8]), "ids"),
        (lambda: INDEX.remove([2.0]), "ids"),
        (lambda: INDEX.search(np.zeros((1, 2), np.uint8), 1, where=np.ones(3, bool)), "where"),
        (lambda: INDEX.search(np.zeros((1, 2), np.uint8), 1, where=np.ones(4)), "where"),
        (lambda: INDEX.save(), "path"),
    ],
)
def test_a_refused_change_changes_nothing(call, name):
    with pytest.raises(InputError, match=rf"^{name} must be .+\. Got .+"):
        call()
    assert INDEX.ids.tolist() == [2, 3, 5, 7]
    assert INDEX.search(np.zeros((1, 2), np.uint8), 9).ids[0, :5].tolist() == [2, 3, 5, 7, -1]
