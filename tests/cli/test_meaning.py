"""What a distance means, and whether the bits are any good, on the command line."""

from pathlib import Path

import pytest

from calling import answer, call, printed, refused
from hashlens.collection import Collection
from hashlens.model import Model
from hashlens.training import TrainOptions, train


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lengths in one model, measured on 389 digits."""
    out = tmp_path_factory.mktemp("meaning") / "digits"
    options = TrainOptions(features="pixels", validation=0.3, out=out)
    train("digits", method="pcah", n_bits=(16, 24), options=options)
    return out


@pytest.fixture(scope="module")
def photos(model: Path) -> Path:
    out = model.with_name("digits.hl")
    Collection.create(out, Model.load(model)).add("digits")
    return out


@pytest.fixture(scope="module")
def unknowing(photos: Path) -> Path:
    """The same items under a model that knows nothing of its distances."""
    model = Model.load(photos / "model")
    del model.card["distances"]
    out = photos.with_name("old.hl")
    Collection.create(out, model).add("digits")
    return out


def test_search_as_far_as_a_precision_is_promised(photos: Path) -> None:
    result = answer("search", photos, "id:9", "--precision", "0.7", "-k", "200")
    meaning = Collection.open(photos).distance_meaning
    assert meaning is not None
    promise = result["promise"]
    assert promise["radius"] == meaning.radius_for(0.7)
    assert promise["promised_within"] == meaning.promised_within(promise["radius"]) >= 0.7
    assert promise["measured_on"] == 389
    for hit in result["queries"][0]["hits"]:
        assert hit["distance"] <= promise["radius"]
        assert hit["same_class"] == meaning.precision_at(hit["distance"])


def test_the_table_says_the_share_and_the_sentence_the_promise(photos: Path) -> None:
    text = printed("search", photos, "id:9", "--precision", "0.7")
    assert "same class" in text
    assert " % " in text.partition("same class")[2]
    assert "over many queries: 95 % sure, measured on 389 images that training kept out" in text
    text = printed("search", photos, "id:9")
    assert "same class: share of the images at that distance, measured on 389 images" in text


def test_a_stated_share_is_taken(photos: Path) -> None:
    usual = answer("search", photos, "id:9", "--precision", "0.7")["promise"]
    rare = answer("search", photos, "id:9", "--precision", "0.7", "--share", "0.03")["promise"]
    assert rare["share"] == pytest.approx(0.03)
    assert rare["radius"] < usual["radius"]
    assert "where a class is 3 % of the" in printed("search", photos, "id:9", "--share", "0.03")


def test_the_page_says_it_too(photos: Path, tmp_path: Path) -> None:
    page = tmp_path / "found.html"
    printed("search", photos, "id:9", "--precision", "0.7", "--html", page)
    text = page.read_text("utf-8")
    assert "0 bits · " in text
    assert "measured on 389 images that training kept out" in text


def test_search_refuses_what_it_cannot_promise(photos: Path, unknowing: Path) -> None:
    said = refused("search", unknowing, "id:9", "--precision", "0.7")
    assert "precision must be left out for a model that knows nothing of its distances" in said
    assert "the most that this model promises" in refused(
        "search", photos, "id:9", "--precision", "1"
    )
    both = call("search", photos, "id:9", "--precision", "0.7", "--radius", "2")
    assert both.exit_code == 2
    assert "--precision" in both.stderr
    assert call("search", photos, "id:9", "--precision", "2").exit_code == 2


def test_a_model_that_knows_nothing_shows_nothing(unknowing: Path) -> None:
    assert "same class" not in printed("search", unknowing, "id:9")
    result = answer("search", unknowing, "id:9", "--radius", "3")
    assert result["promise"] is None
    assert {hit["same_class"] for hit in result["queries"][0]["hits"]} == {None}


def test_nothing_found_is_said_with_the_radius(photos: Path, tmp_path: Path) -> None:
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    result = call("search", photos, tmp_path / "noise.png", "--radius", "0")
    assert "nothing found within 0 bits" in result.stderr


def test_evaluate_shows_promises_beside_measurements(model: Path, tmp_path: Path) -> None:
    result = answer("evaluate", model, "digits", "--report", tmp_path)["calibration"]
    assert result["n_kept_out"] == 389
    assert len(result["promised"]) == 25
    text = printed("evaluate", model, "digits")
    assert "precision within a radius, promised from 389 images that training kept out" in text
    assert result["verdict"] in text
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "What a distance means" in page
    assert result["verdict"] in page
    assert "promised (dashed), measured on the test queries (blue)" in page
    assert page.count("<svg") == 2


def test_a_shortened_model_is_held_to_the_promises_of_its_length(model: Path) -> None:
    result = answer("evaluate", model, "digits", "--bits", "16")["calibration"]
    assert len(result["promised"]) == 17


def test_inspect_measures_every_length(model: Path) -> None:
    result = answer("inspect", model, "digits")
    assert (result["bits"]["n_bits"], result["bits"]["n_codes"]) == (24, 1797)
    assert [bits["n_bits"] for bits in result["bits"]["shorter"]] == [16]
    assert len(result["bits"]["balance"]) == 24
    assert len(result["bits"]["most_correlated"]) == 10
    assert 0 < result["bits"]["across_classes"] < result["bits"]["shorter"][0]["across_classes"]
    assert result["bits"]["distances"]["nearer"] > 0.6
    assert len(result["meaning"]["promised"]) == 25
    assert {word["level"] for word in result["verdict"]} <= {"good", "fair", "poor"}


def test_inspect_is_read_by_people(model: Path) -> None:
    text = printed("inspect", model, "digits")
    for part in ("16 bits", "24 bits", "mean balance", "most correlated bits: ", "good: "):
        assert part in text
    assert "precision promised at most" in printed("inspect", model)


def test_inspect_of_a_collection_measures_its_own_images(
    photos: Path, unknowing: Path, model: Path
) -> None:
    found = answer("inspect", photos)["bits"]
    assert found["n_codes"] == 1797
    assert found["across_classes"] == answer("inspect", model, "digits")["bits"]["across_classes"]
    assert "What a distance means is unknown" in printed("inspect", unknowing)
    assert answer("inspect", unknowing)["meaning"] is None


def test_inspect_draws_a_picture(photos: Path, model: Path, tmp_path: Path) -> None:
    file = tmp_path / "bits.png"
    result = call("inspect", photos, "--picture", file)
    assert f"picture: {file}" in result.stderr
    assert file.read_bytes().startswith(b"\x89PNG")
    for words in (
        (model, "--picture", file),
        (photos, "digits"),
        (photos, "--picture", tmp_path / "bits.jpg"),
    ):
        assert call("inspect", *words).exit_code == 2
