"""The index under scikit-learn's names, beside scikit-learn's own search."""

import numpy as np
import pytest
from sklearn.cluster import DBSCAN
from sklearn.neighbors import NearestNeighbors

from hashlens.codes import pack
from hashlens.errors import InputError
from hashlens.search import HammingIndex

BITS = np.random.default_rng(0).random((120, 20)) < 0.5
BITS[:30] = BITS[0]  # equal codes
QUERIES = np.random.default_rng(1).random((7, 20)) < 0.5
IDS = np.arange(120) * 3 + 1


@pytest.fixture(scope="module")
def index():
    return HammingIndex(pack(BITS), 20, ids=IDS)


@pytest.fixture(scope="module")
def peer():
    return NearestNeighbors(metric="hamming", algorithm="brute").fit(BITS)


@pytest.mark.parametrize("queries", [QUERIES, None])
def test_distances_are_those_of_scikit_learn(index, peer, queries):
    packed = None if queries is None else pack(queries)
    wanted, _ = peer.kneighbors(queries, 6)
    distances, ids = index.kneighbors(packed, 6)
    assert np.allclose(distances, 20 * wanted)
    assert (index.kneighbors(packed, 6, return_distance=False) == ids).all()
    if queries is None:
        assert (ids != IDS[:, None]).all()
    balls, names = index.radius_neighbors(packed, 6)
    peers, rows = peer.radius_neighbors(queries, 6.01 / 20)
    for ball, name, other, row in zip(balls, names, peers, rows, strict=True):
        assert np.allclose(ball, 20 * np.sort(other))
        assert set(name) == set(IDS[row])


def test_graphs_have_the_columns_of_the_items(index, peer):
    graph = index.radius_neighbors_graph(radius=6, mode="distance")
    wanted = peer.radius_neighbors_graph(radius=6.01 / 20, mode="distance")
    assert np.allclose(graph.toarray(), 20 * wanted.toarray())
    near = index.kneighbors_graph(pack(QUERIES), 6, mode="distance").toarray()
    assert np.allclose(np.sort(near)[:, -6:], 20 * np.sort(peer.kneighbors(QUERIES, 6)[0]))
    assert (index.kneighbors_graph(pack(QUERIES), 6).toarray().sum(1) == 6).all()
    groups = DBSCAN(eps=3, min_samples=5, metric="precomputed").fit_predict(graph)
    assert len(set(groups[:30])) == 1
    assert groups[0] >= 0


def test_more_neighbours_than_codes_are_marked(index):
    distances, ids = index.kneighbors(n_neighbors=150)
    assert (ids[:, 119:] == -1).all()
    assert (ids[:, :119] >= 0).all()
    assert distances.dtype == np.int32


def test_a_wrong_mode_is_refused(index):
    with pytest.raises(InputError, match="mode must be one of connectivity, distance"):
        index.kneighbors_graph(mode="distances")
