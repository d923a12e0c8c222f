"""What is shown of items: one, and pages of them."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from hashlens.collection import Collection
from hashlens.data import BytesImages
from hashlens.errors import InputError


def test_an_item_is_shown_whole(made: Collection, photos: Path) -> None:
    made.update([{"id": 1, "writer": "Ada", "year": 1843, "tags": ["a", None]}])
    item = made.item(1)
    file = photos / "cat" / "0001.png"
    assert (item.id, item.path, item.label) == (1, str(file), "cat")
    assert item.metadata == {"writer": "Ada", "year": 1843, "tags": ["a", None]}
    assert item.content_hash == hashlib.sha256(file.read_bytes()).hexdigest()
    assert item.added is not None
    age = datetime.now(UTC) - datetime.fromisoformat(item.added)
    assert timedelta(-1) < age < timedelta(minutes=5)
    assert made.item(2).metadata == {}


def test_a_change_keeps_when_an_item_was_added(made: Collection) -> None:
    with_name = BytesImages([b"P5 1 1 255 A"], ["a"])
    made.add(with_name)
    made.update([{"id": 31, "year": 1843}])
    before = made.item(31)
    made.add(BytesImages([b"P5 1 1 255 B"], ["a"]))
    after = made.item(31)
    assert (after.added, after.metadata) == (before.added, {"year": 1843})
    assert after.content_hash != before.content_hash


def test_items_come_in_pages(made: Collection) -> None:
    made.remove([2, 29])
    ids = [1, *range(3, 29), 30]
    assert [item.id for item in made.items()] == ids
    assert [item.id for item in made.items(first=5, n=4)] == ids[5:9]
    assert [item.id for item in made.items("label = 'owl'", first=1, n=2)] == [
        item.id for item in made.items(n=99) if item.label == "owl"
    ][1:3]
    assert made.items(first=28) == made.items(n=0) == made.items("id > 99") == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"first": -1}, "first must be an int >= 0"),
        ({"n": 1.5}, "n must be an int >= 0"),
        ({"where": "no such"}, "where must be"),
    ],
)
def test_a_wrong_page_is_refused(made: Collection, words: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        made.items(**words)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [0, 31, 2**63, 2**80, -1, 1.0, "1", True, None])
def test_no_such_item(made: Collection, wrong: object) -> None:
    for look in (made.item, made.picture, made.search):
        if look != made.search or isinstance(wrong, int):
            with pytest.raises(InputError, match=r"(item id|query) must be"):
                look(wrong)  # type: ignore[operator]


def test_the_codes_and_labels_are_those_of_the_items(made: Collection) -> None:
    made.remove(1)
    codes, labels = made.stored_codes()
    items = made.items()
    assert labels.tolist() == [item.label for item in items]
    wanted = made.model.encode([item.path for item in items])
    assert np.array_equal(codes, wanted)
