"""``hashlens export``."""

import pytest

pytest.importorskip("onnxruntime")

from calling import answer, call, printed, refused
from exported import hasher_model
from hashlens.hashers import LSH


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hasher_model(LSH(n_bits=20), method="lsh").save("birds")
    return tmp_path


def test_what_it_answers():
    got = answer("export", "birds", "birds.onnx", "--outputs", "codes, features", "--check", 6)
    check = {"images": 6, "bits": 120, "bits_differing": 0, "farthest_of_median": 0.0}
    assert got == {
        "file": "birds.onnx",
        "size_bytes": got["size_bytes"],
        "n_bits": 20,
        "outputs": ["codes", "features"],
        "any_size": True,
        "int8": False,
        "check": check,
    }


def test_images_of_ones_own_and_what_is_printed():
    words = ("export", "birds", "birds.onnx", "--images", "digits", "--check", "9", "--fixed-size")
    done = call(*words)
    assert done.exit_code == 0
    assert done.stdout.startswith("birds.onnx: 20 bits, 0.0 MB, codes")
    assert "9 images: all 180 bits are the same" in done.stderr
    assert "OUT must be a file that is not there" in refused(*words)
    assert "20 bits" in printed(*words, "--overwrite")


def test_wrong_words():
    for words, wanted in (
        (("--int8",), "is needed, to calibrate with"),
        (("--force",), "is for --int8"),
    ):
        done = call("export", "birds", "birds.onnx", *words)
        assert done.exit_code == 2
        assert wanted in " ".join(done.output.replace("│", " ").split())
    assert "one with a network" in refused(
        "export", "birds", "birds.onnx", "--int8", "--images", "digits"
    )
    assert "n_bits must be a length" in refused("export", "birds", "birds.onnx", "--bits", 16)
