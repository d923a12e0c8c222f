"""Bits of all lengths in figures, in words and in a picture."""

import numpy as np
import pytest

from hashlens.codes import hamming, pack
from hashlens.errors import InputError
from hashlens.evaluation import DistanceMeaning
from hashlens.reproduce.bit_picture import write_picture
from hashlens.reproduce.bit_report import report_bits
from hashlens.reproduce.bit_verdict import verdict


def bits_of_classes(n: int = 120, n_bits: int = 12, flip: float = 0.1):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    centres = rng.random((3, n_bits)) < 0.5
    return centres[labels] ^ (rng.random((n, n_bits)) < flip), labels


def words_of(bits, labels=None, meaning=None):
    return verdict(report_bits(pack(bits), [bits.shape[1]], labels)[-1], meaning)


def test_each_length_is_that_of_the_first_bits():
    bits, labels = bits_of_classes()
    reports = report_bits(pack(bits), [5, 8, 12], labels)
    assert [report.n_bits for report in reports] == [5, 8, 12]
    for report in reports:
        alone = report_bits(pack(bits[:, : report.n_bits]), [report.n_bits], labels)[0]
        assert report.to_dict() == alone.to_dict()


def test_distances_are_those_of_all_pairs():
    bits, labels = bits_of_classes()
    found = report_bits(pack(bits), [12], labels)[0].separation
    distances = hamming(pack(bits), pack(bits), 12)
    same = (labels[:, None] == labels) & ~np.eye(120, dtype=bool)
    assert found.within.tolist() == np.bincount(distances[same], minlength=13).tolist()
    other = labels[:, None] != labels
    assert found.between.tolist() == np.bincount(distances[other], minlength=13).tolist()


def test_of_many_images_some_are_drawn_to_measure_distances_from(monkeypatch):
    monkeypatch.setattr("hashlens.reproduce.bit_report.MAX_ASKING", 40)
    bits, labels = bits_of_classes()
    first, again = (report_bits(pack(bits), [12], labels)[0].separation for _ in range(2))
    assert first.n_queries == 40
    assert first.within.sum() + first.between.sum() == 40 * 119
    assert first.within.tolist() == again.within.tolist()
    other = report_bits(pack(bits), [12], labels, seed=1)[0].separation
    assert other.within.tolist() != first.within.tolist()


def test_images_without_a_label_take_no_part_in_figures_by_class():
    bits, labels = bits_of_classes()
    labelled = np.arange(120) < 90
    report = report_bits(pack(bits), [12], labels, labelled)[0]
    alone = report_bits(pack(bits[:90]), [12], labels[:90])[0]
    assert report.health.n_codes == 120
    assert report.separation.to_dict() == alone.separation.to_dict()
    assert report.collisions.across_classes == alone.collisions.across_classes
    nobody = report_bits(pack(bits), [12], labels, np.zeros(120, bool))[0]
    assert (nobody.n_classes, nobody.collisions.across_classes) == (0, None)


def test_several_labels_an_image():
    bits, labels = bits_of_classes()
    report = report_bits(pack(bits), [12], np.eye(3, dtype=bool)[labels])[0]
    assert report.n_classes == 3
    assert report.to_dict() == report_bits(pack(bits), [12], labels)[0].to_dict()


def test_good_bits_are_called_good():
    bits = np.random.default_rng(0).random((400, 32)) < 0.5
    words = words_of(bits)
    assert [word.level for word in words] == ["good"] * 4 + ["fair"]
    assert "unknown" in words[-1].text


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda bits: bits[:, 3].fill(True), "The same in every image: bit 3 (1 of 32)"),
        (
            lambda bits: bits.__setitem__((slice(None), 9), bits[:, 4]),
            "Repeats of an earlier bit: bit 9 (1 of 32). As much is said by 31 bits",
        ),
        (lambda bits: bits.__iand__(bits[::-1] & bits[:, ::-1]), "Bits lean to one side"),
    ],
)
def test_bad_bits_are_named_with_what_to_do(spoil, said):
    bits = np.random.default_rng(0).random((400, 32)) < 0.5
    spoil(bits)
    poor = [word.text for word in words_of(bits) if word.level == "poor"]
    assert len(poor) == 1
    assert said in poor[0]


def test_codes_that_repeat_themselves_are_called_long():
    bits = np.repeat(np.random.default_rng(0).random((400, 4)) < 0.5, 8, axis=1)
    bits ^= np.random.default_rng(1).random(bits.shape) < 0.02
    assert "fewer bits may do as well" in " ".join(word.text for word in words_of(bits))


def test_classes_that_are_not_told_apart_are_said():
    bits, labels = bits_of_classes(flip=0.5)
    words = {word.text: word.level for word in words_of(bits[:, :4], labels)}
    text = " ".join(text for text, level in words.items() if level == "poor")
    assert "share their code with one of another class: no radius parts them" in text
    assert "train on labelled images" in text
    clear, labels = bits_of_classes(flip=0.0)
    text = " ".join(word.text for word in words_of(clear, labels) if word.level == "good")
    assert "No image shares its code with one of another class" in text
    assert "in 100.0 % of cases" in text


def test_promises_are_said():
    pairs = np.array([500, 500])
    sure = DistanceMeaning(pairs, np.array([500, 250]), np.array([300, 300]), 600)
    few = DistanceMeaning(pairs, np.array([500, 250]), np.array([10, 10]), 20)
    bits, labels = bits_of_classes(20)
    assert words_of(bits, labels, sure)[-1] == (
        "good", "A precision of 0.9 is promised within 0 bits.",
    )  # fmt: skip
    words = words_of(bits, labels, few)
    assert words[0] == ("fair", "Fewer than 100 images: take all of this as rough.")
    assert "No precision above 0.79 is promised, from 20 images" in words[-1].text


@pytest.mark.parametrize("with_labels", [True, False])
@pytest.mark.parametrize("name", ["bits.png", "bits.svg"])
def test_the_picture_is_drawn(tmp_path, name, with_labels):
    bits, labels = bits_of_classes()
    bits[:, 2] = True
    report = report_bits(pack(bits), [12], labels if with_labels else None)[-1]
    pairs = np.full(13, 100)
    meaning = DistanceMeaning(pairs, np.arange(96, -1, -8), np.full(13, 50), 100)
    file = write_picture(tmp_path / name, "title", report, meaning if with_labels else None)
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")
    again = write_picture(tmp_path / f"2{name}", "title", report, meaning if with_labels else None)
    assert again.read_bytes() == content


def test_a_picture_of_next_to_nothing(tmp_path):
    report = report_bits(pack([[1]]), [1])[-1]
    assert write_picture(tmp_path / "one.png", "title", report, None).stat().st_size > 1000
    with pytest.raises(InputError, match=r"picture must be a name that ends with \.png or \.svg"):
        write_picture(tmp_path / "one.jpg", "title", report, None)
