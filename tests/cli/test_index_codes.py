"""``hashlens index --from-codes``: a collection from shards of codes."""

from pathlib import Path

import pytest

from calling import answer, call, refused
from hashlens.collection import Collection
from hashlens.training import TrainOptions, train


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("models") / "m", 16)


def trained(out: Path, n_bits: int) -> Path:
    train("digits", method="lsh", n_bits=n_bits, options=TrainOptions(features="pixels", out=out))
    return out


@pytest.fixture
def codes(photos: Path, model: Path, tmp_path: Path) -> Path:
    answer("encode", model, photos, "--out", tmp_path / "codes", "--shard-size", "5")
    return tmp_path / "codes"


def test_a_collection_is_made_and_added_to(
    photos: Path, model: Path, codes: Path, tmp_path: Path
) -> None:
    out, indexed = tmp_path / "out.hl", tmp_path / "indexed.hl"
    table = tmp_path / "table.csv"
    table.write_text(f"path,year\n{photos / 'owl' / '0.png'},2020\n")
    words = ("index", "--from-codes", codes, "--out", out)
    result = answer(*words, "--model", model, "--metadata", table)
    assert (result["added"], result["items"], result["metadata"]["updated"]) == (12, 12, 1)
    answer("index", photos, "--out", indexed, "--model", model, "--metadata", table)
    found = [answer("search", place, "id:2", "--rerank")["queries"] for place in (out, indexed)]
    assert found[0] == found[1]
    assert answer(*words)["already"] == 12
    assert answer("index", photos, "--out", out)["already"] == 12
    assert "0 added, 12 already there" in call(*words, "--model", model).stderr


def test_without_features_the_collection_has_none(
    photos: Path, model: Path, tmp_path: Path
) -> None:
    codes, out = tmp_path / "bare", tmp_path / "out.hl"
    answer("encode", model, photos, "--out", codes, "--no-features")
    answer("index", "--from-codes", codes, "--out", out, "--model", model)
    assert not Collection.open(out).stores_features


def test_a_wrong_model_makes_nothing(codes: Path, tmp_path: Path) -> None:
    other, out = trained(tmp_path / "other", 24), tmp_path / "out.hl"
    said = refused("index", "--from-codes", codes, "--out", out, "--model", other)
    assert "model must be the model that made the codes in" in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "must be given, or else --from-codes"),
        (["photos", "--from-codes", "c"], "must be given, or else --from-codes"),
        (["--from-codes", "c"], "must be given for a new collection"),
        (["--from-codes", "c", "--model", "m", "--bits", "8"], "goes with a SOURCE of images"),
        (["--from-codes", "c", "--workers", "2"], "goes with a SOURCE of images"),
        (["--from-codes", "c", "--data-dir", "d"], "goes with a SOURCE of images"),
        (["--from-codes", "c", "--download"], "goes with a SOURCE of images"),
        (["--from-codes", "c", "--prune"], "is for a SOURCE that is a folder"),
    ],
)
def test_wrong_words_make_nothing(tmp_path: Path, words: list[str], message: str) -> None:
    result = call("index", *words, "--out", tmp_path / "out.hl")
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("\u2502", " ").split())
    assert not (tmp_path / "out.hl").exists()
