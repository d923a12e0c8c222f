"""One model, several code lengths: ``--bits 8,16`` in train, one of them in what follows."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calling import answer, call
from hashlens.collection import Collection
from hashlens.errors import InputError
from hashlens.model import Model

NETWORK = ("--set", "trunk=resnet-8", "--set", "n_features=16", "--epochs", "1")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(40):
        file = folder / ("owl", "cat")[i % 2] / f"{i}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(file)
    return folder


@pytest.fixture(scope="module")
def model(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "owls"
    result = answer("train", photos, "--out", out, "--bits", "12,4,8", *NETWORK)
    assert (result["n_bits"], result["lengths"]) == (12, [4, 8, 12])
    assert result["settings"]["trunk"] == "resnet-8"
    return out


def bits_of(codes: dict[str, str], n_bits: int) -> list[str]:
    return [
        f"{int.from_bytes(bytes.fromhex(c), 'little'):012b}"[::-1][:n_bits] for c in codes.values()
    ]


def test_a_shorter_code_is_the_beginning_of_the_longer_one(model: Path, photos: Path) -> None:
    whole = answer("encode", model, photos)
    short = answer("encode", model, photos, "--bits", "4")
    assert (whole["n_bits"], short["n_bits"]) == (12, 4)
    assert bits_of(short["codes"], 4) == bits_of(whole["codes"], 4)
    loaded = Model.load(model)
    assert loaded.encode(photos / "owl" / "0.png", n_bits=8).shape == (1, 1)
    with pytest.raises(InputError, match=r"trained for: 4, 8, 12. Got 6"):
        loaded.shortened(6)
    with pytest.raises(InputError, match=r"trained for: 4, 8. Got 12"):
        loaded.shortened(8).shortened(12)


def test_a_collection_takes_the_length_that_was_picked(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "photos.hl"
    words = ("index", photos, "--out", out, "--model", model)
    assert answer(*words, "--bits", "8")["n_bits"] == 8
    assert answer(*words)["already"] == 40
    assert answer(*words, "--bits", "8")["already"] == 40
    refused = call(*words, "--bits", "4")
    assert "--bits must be 8, as" in str(refused.exception)
    collection = Collection.open(out)
    assert collection.search(photos / "owl" / "0.png", k=1).distances.tolist() == [0]


def test_evaluate_measures_the_length_that_was_picked(model: Path, photos: Path) -> None:
    rows = answer("evaluate", model, photos, "--bits", "4")["rows"]
    assert rows[0]["n_bits"] == 4


def test_hashers_that_are_nested_can_be_cut_and_others_say_so(photos: Path, tmp_path: Path) -> None:
    words = ("--features", "pixels", "--bits", "4,8")
    answer("train", photos, "--out", tmp_path / "pcah", "--method", "pcah", *words)
    assert answer("encode", tmp_path / "pcah", photos, "--bits", "4")["n_bits"] == 4
    refused = call("train", photos, "--out", tmp_path / "itq", "--method", "itq", *words)
    assert "one length: the codes of itq cannot be cut" in str(refused.exception)


@pytest.mark.parametrize("words", [("--bits", "8,x"), ("--bits", "0"), ("--set", "trunk")])
def test_wrong_words_are_usage_errors(photos: Path, tmp_path: Path, words: tuple[str]) -> None:
    assert call("train", photos, "--out", tmp_path / "m", *words).exit_code == 2
