"""A small collection behind the server's application, called in this process."""

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from hashlens.collection import Collection, index_photos
from hashlens.server import Settings, make_app

N_BITS = 16
Serve = Callable[..., TestClient]


def draw(seed: int, side: int = 24, kind: str = "PNG") -> bytes:
    """Make an image of random pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    return draw


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 40 photos in two folders, and the collection of them."""
    folder = tmp_path_factory.mktemp("served")
    for i in range(40):
        file = folder / "photos" / ("owl", "cat")[i % 2] / f"{i:02d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(draw(i))
    index_photos(folder / "c.hl", folder / "photos", features="pixels", n_bits=N_BITS)
    return folder


@pytest.fixture
def photos(original: Path, tmp_path: Path) -> Collection:
    """A collection that the test may change; its photos are shared."""
    shutil.copytree(original / "c.hl", tmp_path / "c.hl")
    return Collection.open(tmp_path / "c.hl")


@pytest.fixture
def serve(photos: Collection) -> Iterator[Serve]:
    """Start the application with given settings; give a client of it."""
    with ExitStack() as stack:

        def started(**settings: Any) -> TestClient:
            app = make_app(photos, Settings(**settings))
            client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
            return stack.enter_context(client)

        yield started


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve()
