"""Hierarchical search measured, on a data set enlarged by augmented copies."""

import json

import numpy as np
import pytest

from hashlens.codes import hamming
from hashlens.data import Dataset, Preprocessing
from hashlens.data.digests import pixel_digests
from hashlens.data.images import ArrayImages
from hashlens.data.synthetic import synthetic_images
from hashlens.errors import FormatError, InputError
from hashlens.evaluation import feature_histograms, precision_at, relevance
from hashlens.feature_encoder import fit_encoder
from hashlens.features import load_features
from hashlens.hashers import PCAH
from hashlens.model import Model
from hashlens.neighbors import DistanceHistograms
from hashlens.reproduce.copies import Copies, block_pixels
from hashlens.reproduce.enlarged import check_disk, enlarge
from hashlens.reproduce.feature_search import FeatureSearch
from hashlens.reproduce.hierarchical import CODES, FEATURES, Study, measure, unseen_queries
from hashlens.watcher import Watcher

COPIES = Copies(n_items=500, seed=3, block=64)
KS = (1, 5, 50)


def pcah_model(data, n_bits):
    features = load_features("pixels", preprocessing=Preprocessing(16, 16, 3))
    encoder, _ = fit_encoder(features, features.transform(data.images.pixels), PCAH(n_bits))
    return Model("pcah", n_bits, features.preprocessing, (), encoder)


@pytest.fixture(scope="module")
def data():
    return synthetic_images(200, 4, seed=0)


@pytest.fixture(scope="module")
def others():
    return synthetic_images(60, 4, seed=1)


@pytest.fixture(scope="module")
def model(data):
    return pcah_model(data, 6)  # few bits: most distances are shared


@pytest.fixture(scope="module")
def database(model, data, tmp_path_factory):
    return enlarge(model, data, tmp_path_factory.mktemp("encoded"), COPIES)


@pytest.fixture(scope="module")
def queries(model, others, database):
    return unseen_queries(model, others, database, 20)


@pytest.fixture(scope="module")
def rows(database, queries):
    study = Study(sizes=(300, 500), candidates=(20, 500), ks=KS, n_timed=3, timed_k=5)
    return {(row["items"], row["search"]): row for row in measure(database, queries, study)}


def precisions(row):
    return [row[f"precision@{k}"] for k in KS]


def test_all_images_come_first_then_changed_copies_of_each(database, model, data):
    pixels = data.images.pixels
    n = len(pixels)
    assert np.array_equal(database.digests[:n], pixel_digests(pixels))
    assert len(np.unique(database.digests)) == len(database) == 500
    assert np.array_equal(database.labels, np.resize(data.labels, 500))
    blocks = np.concatenate([block_pixels(pixels, COPIES, b) for b in range(8)])
    assert np.array_equal(database.codes, model.encode(blocks))
    mirrored = [shows(copy, image) for copy, image in zip(blocks[n : n + 60], pixels, strict=False)]
    assert 10 < sum(mirrored) < 50


def shows(copy, image):
    """Whether the copy is mirrored; its inner part must be the image's, shifted by 2 at most."""
    inner = copy[2:14, 2:14].ravel()
    shifts = [(flip, y, x) for flip in (False, True) for y in range(5) for x in range(5)]
    fits = [
        np.corrcoef(inner, image[:, :: -1 if flip else 1][y : y + 12, x : x + 12].ravel())[0, 1]
        for flip, y, x in shifts
    ]
    assert max(fits) > 0.9
    return shifts[int(np.argmax(fits))][0]


def test_an_interrupted_run_goes_on_and_writes_the_same_bytes(model, data, database, tmp_path):
    class Impatient(Watcher):
        def advance(self, done, total, note=""):  # noqa: ARG002
            if (done, total) == (192, 500):
                raise KeyboardInterrupt

    class Counting(Watcher):
        def __init__(self):
            self.blocks = 0

        def advance(self, done, total, note=""):  # noqa: ARG002
            self.blocks += total == 500

    with pytest.raises(KeyboardInterrupt):
        enlarge(model, data, tmp_path, COPIES, Impatient())
    later, again = Counting(), Counting()
    resumed = enlarge(model, data, tmp_path, COPIES, later)
    finished = enlarge(model, data, tmp_path, COPIES, again)
    assert (later.blocks, again.blocks) == (8 - 3, 0)
    assert finished.seconds == resumed.seconds > 0
    for name in ("features", "codes", "digests"):
        assert getattr(resumed, name).tobytes() == getattr(database, name).tobytes()


def test_a_folder_of_another_run_is_refused(model, data, others, tmp_path):
    copies = Copies(n_items=100, block=64)
    enlarge(model, data, tmp_path, copies)
    refused = [
        (model, data, Copies(n_items=100, block=64, seed=1)),
        (model, others, copies),
        (model, others.subset(np.resize(np.arange(60), 200)), copies),
        (pcah_model(data, 30), data, copies),
        (pcah_model(others, 6), data, copies),
    ]
    for other, images, wanted in refused:
        with pytest.raises(InputError, match="folder must be a new folder, or one of"):
            enlarge(other, images, tmp_path, wanted)
    (tmp_path / "progress.json").write_text("{")
    with pytest.raises(FormatError, match=r"progress\.json"):
        enlarge(model, data, tmp_path, copies)
    (tmp_path / "progress.json").unlink()
    with pytest.raises(InputError, match="folder must be a new folder"):
        enlarge(model, data, tmp_path, copies)


def test_a_disk_too_small_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match=r"folder must be on a disk with 1,000,0.* MB free"):
        check_disk(tmp_path, 10**18)


def test_no_query_is_in_the_database(model, data, others, database):
    pixels = np.concatenate([data.images.pixels[:50], others.images.pixels])
    labels = np.concatenate([data.labels[:50], others.labels])
    mixed = Dataset("mixed", ArrayImages(pixels), labels, others.classes)
    queries = unseen_queries(model, mixed, database, 60)
    assert queries.left_out == 50
    assert np.array_equal(queries.codes, model.encode(others))
    assert np.array_equal(queries.labels, others.labels)
    with pytest.raises(InputError, match="at least 61 images that the database does not have"):
        unseen_queries(model, mixed, database, 61)


def test_all_items_as_candidates_is_the_exhaustive_search(rows, database, queries):
    everything = rows[500, "500 by codes, then features"]
    assert precisions(everything) == precisions(rows[500, FEATURES])
    search = FeatureSearch(database.features)
    for query in queries.features:
        squares = ((database.features.astype(np.float64) - query) ** 2).sum(axis=1)
        slow = np.lexsort((np.arange(500), squares))
        assert np.array_equal(search.nearest(query, 500), slow)
        assert np.array_equal(search.nearest(query, 50), slow[:50])
        assert np.array_equal(search.order(np.arange(500), query, 50), slow[:50])


def test_equal_features_come_in_the_order_of_their_ids():
    vectors = np.array([[1, 0], [0, 1], [5, 5], [1, 0], [0, -1]], np.float32)
    search = FeatureSearch(vectors)
    origin = np.zeros(2, np.float32)
    assert search.nearest(origin, 3).tolist() == [0, 1, 3]
    assert search.nearest(origin, 9).tolist() == [0, 1, 3, 4, 2]
    assert search.order(np.array([4, 2, 3]), origin, 2).tolist() == [3, 4]


def test_precision_of_codes_is_that_of_the_histograms(rows, database, queries):
    distances = hamming(queries.codes, database.codes, 6)
    same = queries.labels[:, None] == database.labels
    counts = DistanceHistograms(
        np.stack([(distances == t).sum(axis=1) for t in range(7)], axis=1),
        np.stack([((distances == t) & same).sum(axis=1) for t in range(7)], axis=1),
    )
    assert rows[500, CODES]["ends early"] == (counts.total[:, 0] >= 5).mean() > 0
    assert precisions(rows[500, CODES]) == pytest.approx(precision_at(counts, KS).mean(axis=0))


def test_precision_of_features_is_that_of_the_control_row(rows, database, queries):
    relevant = relevance(queries.labels, database.labels[:300])
    blocks = feature_histograms(
        queries.features, database.features[:300], relevant, metric="euclidean"
    )
    wanted = np.concatenate([precision_at(block, KS) for block in blocks]).mean(axis=0)
    assert precisions(rows[300, FEATURES]) == pytest.approx(wanted)


def test_precision_of_candidates_by_slow_loops(rows, database, queries):
    hits = []
    for code, feature, label in zip(queries.codes, queries.features, queries.labels, strict=True):
        distances = hamming(code[None], database.codes, 6)[0]
        near = sorted(range(500), key=lambda i: (distances[i], i))[:20]
        near.sort(key=lambda i: ((database.features[i].astype(float) - feature) ** 2).sum())
        hits.append([database.labels[i] == label for i in near])
    row = rows[500, "20 by codes, then features"]
    assert row["precision@5"] == pytest.approx(np.mean(np.array(hits)[:, :5]))
    assert row["precision@50"] is None  # there are 20


def test_rows_say_sizes_ways_and_times(rows):
    assert [search for items, search in rows if items == 300] == [
        FEATURES, CODES, "20 by codes, then features"
    ]  # fmt: skip
    for row in rows.values():
        low, high = row["quartiles ms"]
        assert 0 < low <= row["median ms"] <= high
        assert row["speed-up"] > 0
    assert rows[500, FEATURES]["speed-up"] == 1
    json.dumps(list(rows.values()), allow_nan=False)


def test_what_cannot_be_measured_is_refused(model, data, database, queries, tmp_path):
    with pytest.raises(InputError, match="n_items must be an int >= 1"):
        Copies(n_items=0)
    with pytest.raises(InputError, match="ks must be at least one int >= 1"):
        Study(sizes=(10,), ks=())
    with pytest.raises(InputError, match="candidates must be an int >= 1"):
        Study(sizes=(10,), candidates=(0,))
    with pytest.raises(InputError, match="sizes must be at most 500, the items"):
        measure(database, queries, Study(sizes=(501,)))
    nameless = Dataset("nameless", data.images, None, ())
    with pytest.raises(InputError, match="the data must be labelled"):
        enlarge(model, nameless, tmp_path, COPIES)
    with pytest.raises(InputError, match="the queries must be labelled"):
        unseen_queries(model, nameless, database, 1)
