"""What a hasher does: determinism, independence of rows, scikit-learn's manners, documentation."""

import re

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hashlens.codes import binarize, code_size, hamming
from hashlens.hashers import Hasher, LinearHasher
from hashlens.testing.given import N_FEATURES, easy_clusters, refused, require


def _fitted(hasher: Hasher) -> Hasher:
    return hasher.fit(*easy_clusters())


def check_input_untouched(hasher: Hasher) -> None:
    """Fit, project and transform leave their input as it was, and work on a read-only one."""
    vectors, labels = easy_clusters()
    before = vectors.copy()
    vectors.setflags(write=False)
    labels.setflags(write=False)
    hasher.fit(vectors, labels).transform(vectors)
    hasher.project(vectors)
    require(np.array_equal(vectors, before), "the input was changed")


def check_codes_are_signs(hasher: Hasher) -> None:
    """Codes are the packed signs of the projections; float32 stays float32."""
    vectors, _ = easy_clusters()
    _fitted(hasher)
    for dtype in np.float32, np.float64:
        projections = hasher.project(vectors.astype(dtype))
        require(projections.shape == (len(vectors), hasher.n_bits), f"shape {projections.shape}")
        require(projections.dtype == dtype, f"{dtype.__name__} became {projections.dtype}")
        codes = hasher.transform(vectors.astype(dtype))
        require(codes.dtype == np.uint8, f"codes are {codes.dtype}")
        require(codes.shape == (len(vectors), code_size(hasher.n_bits)), f"shape {codes.shape}")
        require(np.array_equal(codes, binarize(projections)), "codes are not the signs")


def check_rows_independent(hasher: Hasher) -> None:
    """The projection of a row does not depend on its companions, beyond rounding."""
    vectors, _ = easy_clusters()
    together = _fitted(hasher).project(vectors)
    alone = np.concatenate([hasher.project(vectors[i : i + 1]) for i in range(len(vectors))])
    reverse = hasher.project(vectors[::-1])[::-1]
    scale = np.abs(together).max()
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-9 * scale)
    np.testing.assert_allclose(reverse, together, rtol=0, atol=1e-9 * scale)


def check_same_seed_same_result(hasher: Hasher) -> None:
    """Two fits on the same data with the same parameters give the same projections, exactly."""
    vectors, labels = easy_clusters()
    first = clone(hasher).fit(vectors, labels).project(vectors)
    np.random.default_rng().random()  # no generator of the process takes part
    second = clone(hasher).fit(vectors, labels).fit(vectors, labels).project(vectors)
    require(np.array_equal(first, second), "the same seed gave another result")


def check_better_than_chance(hasher: Hasher) -> None:
    """On clusters no one could miss, unseen rows are nearer to their own class."""
    vectors, labels = easy_clusters(n=160)
    hasher.fit(vectors[:120], labels[:120])
    codes, same = hasher.transform(vectors[120:]), labels[120:, None] == labels[120:]
    distances = hamming(codes, codes, hasher.n_bits)
    near, far = distances[same], distances[~same]
    # probability that a row of the same class is nearer than one of another, ties counted half
    wins = (near[:, None] < far).mean() + 0.5 * (near[:, None] == far).mean()
    require(wins > 0.75, f"same-class rows are nearer in {wins:.0%} of pairs; chance is 50%")


def check_constructor_only_stores(hasher: Hasher) -> None:
    """The constructor sets its parameters, as they came, and nothing else."""
    odd = {name: object() for name in hasher.get_params()}
    made = type(hasher)(**odd)
    require(vars(made) == odd, f"the constructor set {sorted(vars(made))}, not just its parameters")


def check_clones(hasher: Hasher) -> None:
    """A clone of a fitted hasher has its parameters and nothing that was learnt."""
    copy = clone(_fitted(hasher))
    require(copy.get_params() == hasher.get_params(), "clone lost parameters")
    require(vars(copy) == copy.get_params(), "clone kept what was learnt")


def check_in_pipeline(hasher: Hasher) -> None:
    """A Pipeline gives what its steps give by hand."""
    vectors, labels = easy_clusters()
    scaled = StandardScaler().fit_transform(vectors)
    by_hand = clone(hasher).fit(scaled, labels).transform(scaled)
    piped = make_pipeline(StandardScaler(), hasher).fit(vectors, labels)
    require(np.array_equal(piped.transform(vectors), by_hand), "the Pipeline gives other codes")
    n_names = len(piped.get_feature_names_out())
    require(n_names == code_size(hasher.n_bits), f"{n_names} names for the bytes of a code")


def check_learnt_restores(hasher: Hasher) -> None:
    """``restore(learnt())`` on a clone gives the same projections, exactly."""
    vectors, _ = easy_clusters()
    state = _fitted(hasher).learnt()
    for name, array in state.items():
        require(name.endswith("_"), f"{name} does not end with an underscore")
        require(array.dtype.kind in "fiu", f"{name} is {array.dtype}: not a plain array")
    again = clone(hasher).restore(state)
    require(
        np.array_equal(again.project(vectors), hasher.project(vectors)),
        "restored: other projections",
    )
    require(again.n_features_in_ == N_FEATURES, "restored: other n_features_in_")


def check_nested(hasher: Hasher) -> None:
    """Where a hasher is nested, its first bits are what a fit with fewer bits gives."""
    if not hasher.nested:
        return
    vectors, labels = easy_clusters()
    fewer = max(1, hasher.n_bits // 2)
    short = clone(hasher).set_params(n_bits=fewer).fit(vectors, labels).project(vectors)
    whole = hasher.fit(vectors, labels).project(vectors)
    np.testing.assert_allclose(whole[:, :fewer], short, rtol=0, atol=1e-9 * np.abs(whole).max())


def check_progress(hasher: Hasher) -> None:
    """Progress that is told starts above 0, never falls and ends whole; telling changes nothing."""
    vectors, labels = easy_clusters()
    told: list[tuple[int, int]] = []
    clone(hasher).fit(vectors, labels, progress=lambda *step: told.append(step))
    done = [step[0] for step in told]
    require(done == sorted(done), "progress falls")
    require(all(0 < d <= total for d, total in told), "progress beyond its total")
    require(not told or told[-1][0] == told[-1][1], "progress does not end whole")


def check_labels_wanted(hasher: Hasher) -> None:
    """A method that learns from labels refuses a fit without them, and labels of other rows."""
    vectors, labels = easy_clusters()
    if hasher.labels == "required":
        with refused("no labels"):
            clone(hasher).fit(vectors)
    if hasher.labels != "ignored":
        for bad in labels[:-1], labels + 0.5, np.array(3), np.full((len(labels), 2), 7):
            with refused(f"labels {bad!r}"):
                clone(hasher).fit(vectors, bad)


def check_documented(hasher: Hasher) -> None:
    """The docstring has the objective, every parameter, a reference and an example."""
    text = type(hasher).__doc__ or ""
    for section in "Parameters", "Attributes", "References", "Examples":
        require(re.search(rf"^ *{section}\n *-+$", text, re.MULTILINE), f"no section {section}")
    require(".. math::" in text, "no objective as `.. math::`")
    require(">>> " in text, "no example")
    for name in hasher.get_params():
        require(re.search(rf"^ +{name} : ", text, re.MULTILINE), f"{name} is not documented")


def check_linear_form(hasher: Hasher) -> None:
    """A linear hasher's weights and offset give its projection; others have nothing to show."""
    if not isinstance(hasher, LinearHasher):
        return
    vectors, _ = easy_clusters()
    _fitted(hasher)
    weights, offset = hasher.linear_form()
    np.testing.assert_allclose(vectors @ weights + offset, hasher.project(vectors), atol=1e-9)
