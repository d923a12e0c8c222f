"""A model that is quick to make, and folders of small pictures, as fixtures."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hashlens.collection import Collection
from hashlens.model import Model
from small_collections import small_model, write_photos


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Model]:
    return small_model


@pytest.fixture(scope="session")
def make_photos() -> Callable[..., Path]:
    return write_photos


@pytest.fixture(scope="session")
def model() -> Model:
    return small_model(24)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "photos", 30)


@pytest.fixture
def made(tmp_path: Path, model: Model, photos: Path) -> Collection:
    """A collection of 30 pictures."""
    collection = Collection.create(tmp_path / "c.hl", model)
    collection.add(photos)
    return collection
