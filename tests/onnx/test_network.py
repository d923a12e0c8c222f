"""Networks as files: the exporter of torch takes seconds, so few run by default."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("onnxscript")

from exported import IMAGES, deep_model
from hashlens.errors import InputError
from hashlens.methods import METHODS, is_deep, load_method
from hashlens.onnx import on_runtime, quantizing, write_onnx, writing
from hashlens.onnx.assembling import network_part
from hashlens.onnx.quantizing import INT8_PLAN, write_int8

CASES = [
    (name, settings)
    for name in METHODS
    if is_deep(name)
    for settings in load_method(name).examples_for_tests()
]


@pytest.fixture(scope="module")
def model():
    settings = {"n_bits": 12, "trunk": "resnet-8"}
    return deep_model("dnnh-fc", flip_average=True, lengths=(4, 12), **settings)


@pytest.fixture(autouse=True)
def exported_once(model, monkeypatch):
    """The network of `model` is exported once for all tests."""
    if not hasattr(exported_once, "made"):
        exported_once.made = network_part(model)
    for module in (writing, quantizing):
        monkeypatch.setattr(module, "network_part", lambda _: exported_once.made)


def test_images_of_any_number(model, tmp_path):
    from hashlens.onnx.session import open_session

    report = write_onnx(model, tmp_path / "m.onnx", images=IMAGES.images, check=20)
    assert report.agreement.only_rounding
    images = np.stack([IMAGES.images.read(i) for i in range(5)])
    (codes,) = open_session(report.path).run(None, {"images": images})
    assert np.array_equal(codes, model.encode(images))


def test_a_shorter_length(model, tmp_path):
    report = write_onnx(model.shortened(4), tmp_path / "m.onnx", outputs=("codes", "projection"))
    assert report.agreement.n_bits == 32 * 4
    assert report.agreement.only_rounding


def test_8_bits_are_kept_or_refused_by_the_bits_that_differ(model, tmp_path):
    path = tmp_path / "m.onnx"
    report = write_int8(model, path, IMAGES.images, replace(INT8_PLAN, force=True))
    assert (report.int8, report.agreement.n_images) == (True, 30)
    assert report.agreement.share < 0.1
    write_int8(model, path, IMAGES.images, replace(INT8_PLAN, most=1.0))
    path.unlink()
    with pytest.raises(InputError, match="in all but -100% of the bits"):
        write_int8(model, path, IMAGES.images, replace(INT8_PLAN, most=-1.0))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_every_deep_method(name, settings, tmp_path, monkeypatch):
    monkeypatch.undo()
    model = deep_model(name, **settings)
    report = write_onnx(model, tmp_path / "m.onnx", images=IMAGES.images, check=20)
    assert report.agreement.only_rounding
    own, got = model.embed(IMAGES), on_runtime(model).embed(IMAGES)
    assert np.allclose(own.features, got.features, atol=1e-4)
    assert (own.logits is None) == (got.logits is None)
