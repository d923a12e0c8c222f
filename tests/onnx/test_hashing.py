"""Every hasher, on every kind of features without a network, gives the same bits as a file."""

import pytest

pytest.importorskip("onnxruntime")

from exported import hasher_model
from hashlens.errors import InputError
from hashlens.features import GIST
from hashlens.hashers import ITQ
from hashlens.methods import METHODS, is_deep, load_method
from hashlens.onnx import write_onnx

HASHERS = [name for name in METHODS if not is_deep(name)]


@pytest.mark.parametrize("name", HASHERS)
def test_every_hasher(name, tmp_path):
    hasher = load_method(name).examples_for_tests()[-1]
    report = write_onnx(hasher_model(hasher, method=name), tmp_path / "m.onnx", check=20)
    assert report.agreement.n_bits == 20 * hasher.n_bits
    assert report.agreement.n_differing == 0


@pytest.mark.parametrize("normalize", [False, True])
def test_gist(normalize, tmp_path):
    model = hasher_model(ITQ(n_bits=13), GIST(normalize=normalize))
    report = write_onnx(model, tmp_path / "m.onnx", check=20)
    assert report.agreement.n_bits == 260
    assert report.agreement.only_rounding
    assert report.agreement.n_differing <= 1


class Shifted(ITQ):
    """A hasher that a graph knows nothing of."""

    def _project(self, X):
        return super()._project(X) + 1


def test_a_hasher_that_no_graph_knows_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"hasher must be one matrix, or one of DSH, .* Shifted"):
        write_onnx(hasher_model(Shifted(n_bits=8)), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())
