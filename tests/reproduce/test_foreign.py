"""Scores of codes that any program wrote: by definition, in blocks, by a protocol."""

from itertools import permutations

import numpy as np
import pytest

from hashlens.errors import InputError
from hashlens.evaluation.protocols import protocol_named
from hashlens.reproduce import foreign
from hashlens.reproduce.code_files import read_codes
from hashlens.reproduce.foreign import score_codes
from written_codes import BITS, N, Y, saved, sides


def figure(marks, k, denominator):
    """Average precision of a ranking, counted."""
    k = len(marks) if k is None else k
    sums, hits = 0.0, 0
    for rank, mark in enumerate(marks[:k], 1):
        hits += mark
        sums += mark * hits / rank
    divisor = {"relevant": sum(marks), "retrieved": hits, "min": min(sum(marks), k)}[denominator]
    return sums / divisor if divisor else 0.0


def slow(distances, relevant, k, denominator):
    """Mean, best and worst over all orders of a database, each sorted by distance."""
    orders = list(permutations(range(len(distances))))
    found = []
    for order in orders:
        ranking = sorted(order, key=lambda item: distances[item])
        found.append(figure([int(relevant[item]) for item in ranking], k, denominator))
    return np.mean(found), max(found), min(found)


@pytest.mark.parametrize("denominator", ["relevant", "retrieved", "min"])
@pytest.mark.parametrize("k", [None, 3])
@pytest.mark.parametrize("several", [False, True])
def test_figures_equal_slow_loops_over_all_orders_of_ties(tmp_path, several, k, denominator):
    rng = np.random.default_rng(1)
    database, queries = rng.integers(0, 2, (6, 3)), rng.integers(0, 2, (3, 3))
    labels = [rng.integers(0, 3, 6), np.array([0, 1, 7])]  # nothing is of class 7
    if several:
        labels = [rng.integers(0, 2, (6, 4)), np.array([[1, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]])]
    scores = score_codes(*sides(tmp_path, database, queries, *labels), k=k, denominator=denominator)
    wanted = []
    for query, label in zip(queries, labels[1], strict=True):
        shared = labels[0] @ label > 0 if several else labels[0] == label
        wanted.append(slow((database != query).sum(1), shared, k, denominator))
    row = scores.row
    assert [row.map, row.map_best, row.map_worst] == pytest.approx(np.mean(wanted, axis=0).tolist())
    assert scores.n_without_relevant == 1
    assert (scores.n_queries, scores.n_database) == (3, 6)
    assert (row.ndcg is not None) == several


def test_several_labels_are_graded(tmp_path):
    bits = [[0, 0], [0, 1], [1, 1]]  # at distance 0, 1 and 2 of the query: no ties
    labels = [[0, 0, 1], [1, 1, 0], [1, 0, 0]]
    scores = score_codes(*sides(tmp_path, bits, [[0, 0]], labels, [[1, 1, 0]]))
    got, best = 3 / np.log2(3) + 1 / np.log2(4), 3 / np.log2(2) + 1 / np.log2(3)
    assert scores.row.ndcg == pytest.approx(got / best)
    assert scores.table()[0]["nDCG"] == f"{got / best:.3f}"


def test_leave_one_out_takes_each_item_out_of_its_own_search(tmp_path):
    bits, y = BITS[:6, :3], np.array([0, 0, 1, 1, 0, 2])
    codes = read_codes(saved(tmp_path, "c.npy", bits), saved(tmp_path, "l.npy", y))
    scores = score_codes(codes)
    wanted = []
    for i in range(6):
        rest = np.delete(np.arange(6), i)
        wanted.append(slow((bits[rest] != bits[i]).sum(1), y[rest] == y[i], None, "relevant"))
    row = scores.row
    assert [row.map, row.map_best, row.map_worst] == pytest.approx(np.mean(wanted, axis=0).tolist())
    assert (scores.n_queries, scores.n_database) == (6, 5)
    within = [
        (y[near] == y[i]).mean() if near.size else 0.0
        for i in range(6)
        for near in [np.array([j for j in range(6) if j != i and (bits[j] != bits[i]).sum() <= 2])]
    ]
    assert row.precision_within_2 == pytest.approx(np.mean(within))


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("leave_one_out", [False, True])
def test_blocks_of_queries_change_nothing(tmp_path, monkeypatch, leave_one_out, several):
    # The first have nothing relevant but themselves: no block looks like the whole.
    labels = np.where(np.arange(N) < 10, 50 + np.arange(N), 0)
    asked = np.r_[labels[:10] + 50, labels[10:40]]
    if several:
        labels, asked = (y[:, None] // [1, 2, 50] % 2 for y in (labels, asked))
    left, right = sides(tmp_path, BITS, BITS[:40] ^ 1, labels, asked)
    queries = None if leave_one_out else right
    whole = score_codes(left, queries)
    monkeypatch.setattr(foreign, "BLOCK", 7)
    parts = score_codes(left, queries)
    assert parts.n_without_relevant == whole.n_without_relevant > 0
    assert parts.table() == whole.table()
    assert parts.curve == whole.curve
    assert parts.row.map == pytest.approx(whole.row.map, abs=1e-12)


def test_names_of_two_files_are_matched(tmp_path):
    codes = saved(tmp_path, "c.npy", BITS[:4])
    (tmp_path / "a.txt").write_text("owl\ncat\nowl\ndog\n", "utf-8")
    (tmp_path / "b.txt").write_text("dog\ndog\nzebra\nowl\n", "utf-8")
    saved(tmp_path, "n.npy", [3, 0, 1, 0])
    left = read_codes(codes, tmp_path / "a.txt")
    scores = score_codes(left, read_codes(codes, tmp_path / "b.txt", like=left))
    numbers = [saved(tmp_path, "l.npy", [1, 0, 1, 2]), saved(tmp_path, "m.npy", [2, 2, 9, 1])]
    left = read_codes(codes, numbers[0])
    assert scores.curve == score_codes(left, read_codes(codes, numbers[1], like=left)).curve
    with pytest.raises(InputError, match=r"a.txt and .*n.npy must be labels of one kind"):
        score_codes(read_codes(codes, tmp_path / "a.txt"), read_codes(codes, tmp_path / "n.npy"))


def test_a_protocol_gives_the_rules(tmp_path):
    left, right = sides(tmp_path, BITS, BITS[:20] ^ 1, Y, Y[:20])
    cut = score_codes(left, right, protocol=protocol_named("dlbh-full"))
    assert (cut.rules["k"], cut.rules["denominator"]) == (1000, "retrieved")
    same = score_codes(left, right, k=1000, denominator="retrieved")
    assert cut.table() == same.table()
    assert score_codes(left, protocol=protocol_named("ritq-loo")).rules["leave_one_out"]
    for queries, name, k, wanted in (
        (None, "dlbh-full", None, "the queries of dlbh-full must be given"),
        (right, "ritq-loo", None, "the queries of ritq-loo must be left out"),
        (right, "classification", None, "one that ranks"),
        (right, "dlbh-full", 5, "k and denominator must be left out with a protocol"),
    ):
        with pytest.raises(InputError, match=wanted):
            score_codes(left, queries, k=k, protocol=protocol_named(name))


def test_queries_that_are_the_database_are_doubted(tmp_path):
    left, right = sides(tmp_path, BITS, 2.0 * BITS - 1, Y, Y)
    assert "every query finds itself" in score_codes(left, right).doubts[0]
    left, right = sides(tmp_path, BITS, BITS[:30], Y, Y[:30])
    assert score_codes(left, right).doubts == ()
    np.savez(tmp_path / "both.npz", db=BITS, q=BITS ^ 1)
    left = read_codes(tmp_path / "both.npz:db", tmp_path / "dl.npy")
    right = read_codes(tmp_path / "both.npz:q", tmp_path / "dl.npy", like=left)
    assert score_codes(left, right).doubts == ()


def test_refuses_leave_one_out_of_one(tmp_path):
    one = read_codes(saved(tmp_path, "c.npy", BITS[:1]), saved(tmp_path, "l.npy", Y[:1]))
    with pytest.raises(InputError, match="two codes or more"):
        score_codes(one)
