"""Preprocessing inside a graph is Pillow's, bit for bit."""

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from hashlens.data import Preprocessing
from hashlens.onnx import resizing
from hashlens.onnx.graph import IR_VERSION, OPSET, Graph
from hashlens.onnx.resizing import planes
from hashlens.onnx.session import open_session
from onnx import TensorProto, helper


def session_of(preprocessing, any_size=True):
    graph = Graph()
    graph.output(planes(graph, "images", preprocessing, any_size=any_size), "planes")
    ends = [
        helper.make_tensor_value_info(name, kind, list("nabc"))
        for name, kind in (("images", TensorProto.UINT8), ("planes", TensorProto.FLOAT))
    ]
    whole = helper.make_graph(graph.nodes, "g", ends[:1], ends[1:], graph.constants)
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(whole, opset_imports=opset, ir_version=IR_VERSION)
    return open_session(model.SerializeToString())


def differing(preprocessing, sizes, seed=0):
    """Pixels that differ, on noise of two values: its edges are the hardest, and overshoot."""
    session, rng = session_of(preprocessing), np.random.default_rng(seed)
    count = 0
    for height, width in sizes:
        images = (rng.random((2, height, width, 3)) > 0.5).astype(np.uint8) * 255
        images[1] = rng.integers(0, 256, images[1].shape)
        (got,) = session.run(None, {"images": images})
        wanted = np.stack([preprocessing.apply(image) for image in images])
        count += int((got.transpose(0, 2, 3, 1) != wanted).sum())
    return count


RANDOM = [(int(h), int(w)) for h, w in np.random.default_rng(1).integers(1, 90, (40, 2))]


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(32, 32),
        Preprocessing(28, 28, 1),
        Preprocessing(17, 40, 3, "crop"),
        Preprocessing(40, 17, 1, "crop"),
    ],
    ids=str,
)
def test_every_pixel_is_pillows(preprocessing):
    own = preprocessing.shape[:2]
    sides = [own, (own[0], 50), (50, own[1]), (1, 1), (300, 2), (2, 300), (301, 203), (203, 301)]
    assert differing(preprocessing, [*sides, *RANDOM]) == 0


def test_photos_of_every_shape():
    photos = [(224, 168), (168, 224), (224, 224), (480, 640), (640, 480), (90, 1200), (1200, 90)]
    assert differing(Preprocessing(224, 224, 3, "crop"), photos[:5]) == 0
    assert differing(Preprocessing(48, 48, 3, "crop"), photos) == 0


def test_the_order_of_the_passes_shows(monkeypatch):
    tall = [(90, 30), (80, 33)]
    assert differing(Preprocessing(32, 32), tall) == 0
    monkeypatch.setattr(resizing, "DOWN_FIRST", not resizing.DOWN_FIRST)
    assert differing(Preprocessing(32, 32), tall) > 0


def test_grey_and_fixed_sizes():
    images = np.random.default_rng(0).integers(0, 256, (3, 6, 9, 3), np.uint8)
    for n_channels in 1, 3:
        preprocessing = Preprocessing(6, 9, n_channels)
        (got,) = session_of(preprocessing, any_size=False).run(None, {"images": images})
        wanted = np.stack([preprocessing.apply(image) for image in images])
        assert np.array_equal(got.transpose(0, 2, 3, 1), wanted)
