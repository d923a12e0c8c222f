"""The file: what it says of itself, what it gives, and when it is not kept."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from PIL import Image

import onnx
from exported import IMAGES, hasher_model
from hashlens import __version__
from hashlens.errors import InputError, MissingExtraError
from hashlens.features import Pixels
from hashlens.hashers import LSH
from hashlens.onnx import Agreement, agreement, hashing, on_runtime, write_onnx
from hashlens.onnx.agreement import ROUNDING
from hashlens.onnx.session import open_session

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text("utf-8")


@pytest.fixture(scope="module")
def model():
    return hasher_model(LSH(n_bits=21), Pixels(9, 6, normalize=True))


def test_what_the_file_says(model, tmp_path):
    outputs = ("codes", "projection", "features")
    report = write_onnx(model, tmp_path / "new" / "m.onnx", outputs=outputs, check=5)
    assert [file.name for file in report.path.parent.iterdir()] == ["m.onnx"]
    assert report.size_bytes == report.path.stat().st_size
    file = onnx.load(report.path)
    said = {entry.key: entry.value for entry in file.metadata_props}
    assert (said["method"], said["n_bits"], said["hashlens"]) == ("itq", "21", __version__)
    assert json.loads(said["training_data"])["checksum"] == "ab12"
    assert json.loads(said["preprocessing"]) == model.preprocessing.to_dict()
    shapes = {
        end.name: [d.dim_param or d.dim_value for d in end.type.tensor_type.shape.dim]
        for end in (*file.graph.input, *file.graph.output)
    }
    assert shapes["images"] == ["n", "height", "width", 3]
    assert [shapes[name] for name in outputs] == [["n", 3], ["n", 21], ["n", 162]]


def test_outputs_are_those_of_the_model(model, tmp_path):
    report = write_onnx(model, tmp_path / "m.onnx", outputs=("codes", "features", "projection"))
    images = np.stack([IMAGES.images.read(i) for i in range(7)])
    codes, features, projection = open_session(report.path).run(None, {"images": images})
    own = model.embed(images)
    assert np.array_equal(codes, own.codes)
    assert np.allclose(features, own.features, atol=1e-6)
    assert np.array_equal(projection >= 0, np.unpackbits(codes, 1, 21, "little") > 0)


def test_fixed_size_and_images_of_ones_own(model, tmp_path):
    report = write_onnx(
        model, tmp_path / "m.onnx", any_size=False, images=IMAGES.images, check=1000
    )
    assert (report.any_size, report.agreement.n_images) == (False, 60)
    session = open_session(report.path)
    assert session.get_inputs()[0].shape == ["n", 9, 6, 3]
    images = np.zeros((1, 8, 8, 3), np.uint8)
    with pytest.raises(InputError, match="graph runs on any number"):
        agreement.run(session, images)


def test_a_file_with_other_codes_is_not_kept(model, tmp_path, monkeypatch):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")
    linear = hashing._linear
    monkeypatch.setattr(hashing, "_linear", lambda g, v, h: g("Neg", linear(g, v, h)))
    with pytest.raises(InputError, match=r"Got 32 images: \d+ of 672 bits differ \(\d"):
        write_onnx(model, path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


def test_bits_at_the_threshold_are_counted_and_forgiven(model, tmp_path):
    class Nudged:
        def run(self, names, given):
            (codes,) = session.run(names, given)
            near = np.abs(
                model.encoder.embed(model.preprocessing.apply(given["images"][0])[None])[1]
            )
            codes[0, near.argmin() // 8] ^= 1 << near.argmin() % 8
            return (codes,)

    session = open_session(write_onnx(model, tmp_path / "m.onnx").path)
    shown = [IMAGES.images.read(i) for i in range(20)]
    found = agreement.agreement(Nudged(), model, shown)
    assert (found.n_images, found.n_bits, found.n_differing) == (20, 420, 20)
    assert found.share == 20 / 420
    assert found.farthest > 0
    assert "20 images: 20 of 420 bits differ" in str(found)
    assert Agreement(1, 10, 1, ROUNDING).only_rounding
    assert not Agreement(1, 10, 1, 2 * ROUNDING).only_rounding


@pytest.mark.parametrize(
    ("name", "outputs", "wanted"),
    [
        ("m.pt", ("codes",), "path must be a file name that ends with .onnx"),
        ("m.onnx", ("features",), "outputs must be codes, and then others"),
        ("m.onnx", ("codes", "logits"), "outputs must be one of codes, features, projection"),
        ("m.onnx", ("codes", "codes"), "each once"),
    ],
)
def test_wrong_words(model, tmp_path, name, outputs, wanted):
    with pytest.raises(InputError, match=wanted):
        write_onnx(model, tmp_path / name, outputs=outputs)
    assert not list(tmp_path.iterdir())


def test_without_the_extra(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"hashlens\[onnx\]"):
        write_onnx(model, tmp_path / "m.onnx")


def test_the_model_on_the_runtime_is_the_model(model):
    other = on_runtime(model)
    assert on_runtime(other) is other
    own, got = model.embed(IMAGES), other.embed(IMAGES)
    assert np.array_equal(own.codes, got.codes)
    assert np.allclose(own.features, got.features, atol=1e-6)
    assert got.logits is None


def test_the_example_of_the_page_needs_no_hashlens(model, tmp_path):
    write_onnx(model, tmp_path / "birds.onnx")
    Image.fromarray(IMAGES.images.read(0)).save(tmp_path / "owl.png")
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)[:1]
    code = "import sys\nsys.modules['hashlens'] = sys.modules['torch'] = None\n" + example
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert model.encode(IMAGES)[0].tobytes().hex() in done.stdout
