"""The encoder: batches across requests, a queue that ends, errors that stay with their request."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from hashlens.collection import Collection
from hashlens.data import Preprocessing
from hashlens.errors import ImageError
from hashlens.model import Embedding
from hashlens.server import Settings
from hashlens.server.encoding import Encoder
from hashlens.server.errors import ApiError
from hashlens.server.metrics import Metrics


class CountedModel:
    """Encodes an image as the mean of its pixels; notes the size of every batch."""

    preprocessing = Preprocessing(24, 24)

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.batches: list[int] = []

    def embed_pixels(self, pixels: np.ndarray[Any, Any]) -> Embedding:
        self.batches.append(len(pixels))
        time.sleep(self.seconds)
        if pixels[0, 0, 0, 0] == 13:
            raise RuntimeError("unlucky")
        means = pixels.mean(axis=(1, 2, 3), dtype=np.float32)[:, None]
        return Embedding(means.astype(np.uint8), means, None, np.arange(len(pixels)), ())


@contextmanager
def encoder(model: CountedModel, **settings: Any) -> Iterator[Encoder]:
    made = Encoder(lambda: model, Settings(**settings), Metrics())  # type: ignore[arg-type]
    made.start()
    try:
        yield made
    finally:
        made.stop()


def plain(value: int) -> bytes:
    return b"P5 24 24 255 " + bytes([value]) * 576


async def _encode(made: Encoder, value: int) -> int:
    with made.places(1):
        encoding = await made.encode([plain(value)], ["a"])
        return int(encoding.images[0].code[0])


def test_requests_are_encoded_together() -> None:
    model = CountedModel(seconds=0.03)

    async def many(made: Encoder) -> list[int]:
        return await asyncio.gather(*(_encode(made, value) for value in range(100, 140)))

    with encoder(model, batch=16) as made:
        assert asyncio.run(many(made)) == list(range(100, 140))
    assert model.batches[0] == 1  # the blank image that warms the model up
    assert sum(model.batches[1:]) == 40
    assert len(model.batches) <= 8
    assert max(model.batches) <= 16


def test_a_lone_request_waits_for_nobody() -> None:
    with encoder(CountedModel(), gather_seconds=1.0) as made:
        asyncio.run(_encode(made, 1))
        started = time.monotonic()
        asyncio.run(_encode(made, 1))
        assert time.monotonic() - started < 0.5


def test_an_error_stays_with_its_batch() -> None:
    async def one_after_another(made: Encoder) -> int:
        with pytest.raises(RuntimeError, match="unlucky"):
            await _encode(made, 13)
        with pytest.raises(ImageError), made.places(1):
            await made.encode([b"no image"], ["a"])
        return await _encode(made, 14)

    with encoder(CountedModel()) as made:
        assert asyncio.run(one_after_another(made)) == 14


def test_a_full_queue_refuses_at_once_and_empties() -> None:
    async def crowd(made: Encoder) -> list[Any]:
        asked = [_encode(made, value) for value in range(20)]
        return await asyncio.gather(*asked, return_exceptions=True)

    with encoder(CountedModel(seconds=0.05), queue=5) as made:
        answers = asyncio.run(crowd(made))
        refused = [each for each in answers if isinstance(each, ApiError)]
        assert len(refused) == 15
        assert {error.status for error in refused} == {503}
        assert asyncio.run(_encode(made, 7)) == 7


def test_a_request_that_is_given_up_leaves_no_trace() -> None:
    async def give_up(made: Encoder) -> int:
        tasks = [asyncio.create_task(_encode(made, value)) for value in range(50, 54)]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return await _encode(made, 9)

    with encoder(CountedModel(seconds=0.1), queue=4) as made:
        assert asyncio.run(give_up(made)) == 9


def test_a_busy_server_says_when_to_come_back(
    serve: Callable[..., TestClient],
    photos: Collection,
    picture: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = serve(queue=1)
    begun, go_on = threading.Event(), threading.Event()
    embed = type(photos.model).embed_pixels

    def slowly(self: Any, pixels: Any) -> Embedding:
        begun.set()
        assert go_on.wait(10)
        return embed(self, pixels)

    monkeypatch.setattr(type(photos.model), "embed_pixels", slowly)

    def ask(seed: int) -> Any:
        return client.post("/search", files={"image": picture(seed)})

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, 400)
        assert begun.wait(10)
        refused = ask(401)
        assert client.get("/search?id=1").status_code == 200
        text = client.get("/metrics").text
        go_on.set()
        assert first.result(10).status_code == 200
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert set(refused.json()) == {"error", "field"}
    assert 'hashlens_rejected_total{reason="queue"} 1.0' in text
    assert "hashlens_queue_images 1.0" in text
    assert ask(401).status_code == 200
