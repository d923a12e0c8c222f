"""``hashlens bench search``: each work once, answers that are wrong, peers that are not there."""

import json
from dataclasses import replace

import numpy as np
import pytest

from calling import answer, call, printed, refused
from hashlens.bench import Plan, bench_search, peers
from hashlens.bench.numpy_peer import NumpyScan
from hashlens.bench.peer import Engine, Peer
from hashlens.bench.works import DEFAULT, WORKS
from hashlens.cli.bench import PEER_NAMES, WORK_NAMES
from hashlens.errors import InputError, MissingExtraError

SMALL = Plan(
    data=("clustered-10",),
    n_codes=(2000,),
    n_bits=(48,),
    k=(10,),
    threads=1,
    quick=True,
)


def measured(work: str, **fields: object) -> list[dict]:
    return bench_search(replace(SMALL, works=(work,), **fields))["rows"]


@pytest.mark.parametrize("work", [work for work in WORKS if work != "multi-index"])
def test_each_work_measures_this_project_beside_numpy(work):
    rows = measured(work, peers=("numpy",))
    assert rows
    for row in rows:
        assert (row["work"], row["n_codes"], row["n_bits"]) == (work, 2000, 48)
        assert next(iter(row["engines"])) == "hashlens"
        for engine in row["engines"].values():
            assert engine["median_seconds"] > 0
            assert engine["quartile_seconds"] <= engine["third_quartile_seconds"]
    beside = [name for row in rows for name in row["engines"]]
    assert ("numpy" in beside) == (work not in ("choice", "storing"))


def test_scans_show_the_limit_of_the_machine_and_full_recall():
    alone, batch = (measured(work, peers=("numpy",))[0] for work in ("one-query", "batch"))
    assert (alone["n_queries"], batch["n_queries"]) == (1, 1000)
    for row in (alone, batch):
        assert 0 < row["limit"]["median_seconds"] < row["engines"]["numpy"]["median_seconds"]
        assert {engine["recall"] for engine in row["engines"].values()} == {1.0}


def test_the_indexes_of_all_peers_that_are_installed():
    alone, row = measured("multi-index")
    assert (alone["n_queries"], row["n_queries"]) == (1, 1000)
    assert 0.1 < alone["regret"] < 10
    engines = row["engines"]
    assert {"hashlens", "hashlens multi-index", "hashlens scan"} <= set(engines)
    for name in ("hashlens", "hashlens multi-index", "hashlens scan", "faiss heap"):
        assert engines[name]["recall"] == 1
    assert engines["faiss MultiHash"]["recall"] == 1
    assert "flips" in engines["faiss MultiHash"]["note"]
    assert 0.3 < engines["faiss HNSW"]["recall"] <= 1
    assert engines["faiss HNSW"]["build_seconds"] > 0
    assert row["chosen"] in ("scan", "multi-index")
    ways = (engines[f"hashlens {way}"]["median_seconds"] for way in ("multi-index", "scan"))
    assert row["regret"] == pytest.approx(engines["hashlens"]["median_seconds"] / min(ways))


class Fake(NumpyScan):
    """Tells the right neighbours, but for what `spoil` does."""

    exact = True

    def engines(self):
        return [Engine("fake", self.spoilt)]

    def spoilt(self, queries, k):
        distances, ids = self.search(queries, k)
        return self.spoil(distances.astype(np.int32), ids)

    def spoil(self, distances, ids):
        return distances, ids


class Liar(Fake):
    def spoil(self, distances, ids):
        distances[-1, -1] -= 1
        return distances, ids


class Stutterer(Fake):
    def spoil(self, distances, ids):
        ids[:, 1], distances[:, 1] = ids[:, 0], distances[:, 0]
        return distances, ids


class Forgetful(Fake):
    """Never finds the nearest code."""

    def search(self, queries, k):
        distances, ids = super().search(queries, k + 1)
        return distances[:, 1:], ids[:, 1:]


class Approximate(Forgetful):
    exact = False


@pytest.mark.parametrize("work", ["one-query", "batch"])
@pytest.mark.parametrize(
    ("peer", "words"),
    [
        (Liar, "the distance fake tells must be"),
        (Stutterer, "the answer of fake must be of distinct codes"),
        (Forgetful, "the answers of fake must be those of a brute-force scan"),
    ],
)
def test_a_wrong_answer_is_refused(monkeypatch, peer, words, work):
    monkeypatch.setitem(peers.PEERS, "numpy", peer)
    with pytest.raises(InputError, match=words):
        measured(work, peers=("numpy",))


def test_an_approximate_peer_is_shown_with_its_recall(monkeypatch):
    monkeypatch.setitem(peers.PEERS, "numpy", Approximate)
    [row] = measured("batch", peers=("numpy",), data=("random",))
    fake = row["engines"]["fake"]
    assert 0.85 < fake["recall"] < 1
    assert not fake["exact"]


class Missing(Peer):
    module, package = "no_such_engine", "no-such-engine"


def test_a_missing_peer_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(peers.PEERS, "pynear-mih", Missing)
    with pytest.raises(MissingExtraError, match=r"pip install 'hashlens\[bench\]'"):
        measured("one-query", peers=("pynear",))
    result = call("bench", "search", "--quick", "--works", "ranking", "--n", 500)
    assert result.exit_code == 0
    assert "not installed, so left out: no-such-engine" in " ".join(result.stderr.split())


def test_too_little_memory_is_refused_with_words_before_anything_is_made(monkeypatch):
    monkeypatch.setattr("hashlens.bench.memory.available_bytes", lambda: 1 << 30)
    monkeypatch.setattr("hashlens.bench.bench.sample_of", lambda case: pytest.fail(str(case)))
    with pytest.raises(InputError, match=r"100,000,000 x 64 bits.*GiB of memory, 1\.0 are free"):
        measured("large", n_codes=(100_000_000,), n_bits=(64,), quick=False, peers=())


def test_a_peer_that_would_take_hours_is_left_out(monkeypatch):
    monkeypatch.setattr(NumpyScan, "most_codes", 1000)
    result = bench_search(replace(SMALL, works=("batch",), peers=("numpy",)))
    assert list(result["rows"][0]["engines"]) == ["hashlens"]
    assert any("numpy would take hours" in text for text in result["left_out"])


def test_the_command_on_a_file_of_codes(tmp_path):
    codes = np.random.default_rng(0).integers(0, 256, (600, 2), np.uint8)
    codes[:, 1] &= 15
    np.save(tmp_path / "codes.npy", codes)
    words = ("bench", "search", "--codes", tmp_path / "codes.npy", "--bits", 12, "--quick")
    words += ("--works", "one-query", "-k", "3,5", "--peers", "numpy")
    out = tmp_path / "new" / "search.json"
    result = answer(*words, "--out", out)
    assert [(r["data"], r["n_codes"], r["n_bits"], r["k"]) for r in result["rows"]] == [
        ("codes.npy", 540, 12, 3),
        ("codes.npy", 540, 12, 5),
    ]
    assert json.loads(out.read_text()) == result
    assert {"load_average", "versions", "commit", "processor"} <= set(result["environment"])
    text = printed(*words)
    assert "one-query: 540 x 12, codes.npy, k 3" in text
    assert "100.00 %" in text
    assert call(*words, "--n", 5).exit_code == 2


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--works", "bach"), "Did you mean 'batch'"),
        (("--peers", "nunpy"), "Did you mean 'numpy'"),
        (("--data", "clusterd"), "Did you mean 'clustered'"),
        (("-k", "3000", "--n", "2000", "--works", "batch"), "k must be at most 2000"),
    ],
)
def test_what_is_not_known_is_refused(words, wanted):
    assert wanted in refused("bench", "search", "--quick", *words)


@pytest.mark.parametrize("words", [("--n", "many"), ("--n", "0k"), ("--threads", "0")])
def test_a_wrong_number_is_a_usage_error(words):
    assert call("bench", "search", *words).exit_code == 2


def test_the_help_has_an_example_and_all_names():
    for words in (("bench",), ("bench", "search")):
        text = printed(*words, "--help")
        assert "Example: hashlens bench search" in text
    assert all(name in text.replace("- ", "-") for name in WORK_NAMES)
    assert tuple(WORKS) == WORK_NAMES
    assert set(PEER_NAMES) == {peers.first_word(name) for name in peers.PEERS}
    assert set(DEFAULT) <= set(WORKS)
