"""The collection as a whole over HTTP: figures, health, metrics."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from hashlens import __version__
from hashlens.codes import unpack
from hashlens.collection import Collection
from hashlens.errors import FormatError
from hashlens.server import make_app, overview


def test_figures_are_those_of_the_collection(client: TestClient, photos: Collection) -> None:
    stats = client.get("/stats").json()
    codes, _ = photos.stored_codes()
    bits = unpack(codes, 16)
    assert (stats["name"], stats["version"]) == ("c.hl", __version__)
    assert (stats["n_items"], stats["n_removed"], stats["n_bits"]) == (40, 0, 16)
    assert stats["labels"] == {"cat": 20, "owl": 20}
    assert stats["bits"]["ones"] == pytest.approx(bits.mean(axis=0).tolist())
    apart = (bits[:, None, :] != bits[None, :, :]).sum(axis=2)[np.triu_indices(40, 1)]
    assert stats["distances"]["n_pairs"] == 780
    assert stats["distances"]["counts"] == np.bincount(apart, minlength=17).tolist()
    assert stats["distances"]["mean"] == pytest.approx(apart.mean())
    assert stats["meaning"] is None
    assert stats["model"]["method"] == "itq"
    assert stats["model"]["features"] == "pixels"
    assert stats["limits"] == {
        "max_upload_bytes": 32 << 20,
        "max_pixels": 100_000_000,
        "max_images": 8,
        "max_k": 1000,
    }


def test_of_many_items_pairs_are_drawn() -> None:
    codes = np.random.default_rng(0).integers(0, 256, (5000, 8), np.uint8)
    found = overview.distances(codes, 64)
    assert found.n_pairs == 200_000
    assert found.mean == pytest.approx(32, abs=0.1)


def test_an_empty_collection_has_figures_too(client: TestClient, photos: Collection) -> None:
    photos.remove(where="id > 0")
    stats = client.get("/stats").json()
    assert (stats["n_items"], stats["labels"]) == (0, {})
    assert stats["bits"] == {"n_codes": 0, "ones": [], "dead": [], "mean_correlation": None}
    assert stats["distances"] == {"n_pairs": 0, "counts": [0] * 17, "mean": None}
    assert client.get("/search?code=ffff").json()["hits"] == []
    assert client.get("/items").json()["total"] == 0


def test_figures_are_computed_once_a_commit(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    plain = overview.overview

    def counted(*words: Any) -> Any:
        calls.append(1)
        return plain(*words)

    monkeypatch.setattr("hashlens.server.state.overview", counted)
    first = client.get("/stats").json()
    assert client.get("/stats").json() == first
    client.delete("/items/1")
    assert client.get("/stats").json()["n_items"] == 39
    assert len(calls) == 2


def samples(client: TestClient) -> dict[tuple[str, tuple[str, ...]], float]:
    text = client.get("/metrics").text
    families = text_string_to_metric_families(text)
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_count_what_happens(client: TestClient, picture: Callable[..., bytes]) -> None:
    client.get("/items/1")
    client.get("/items/99")
    client.get("/nothing/at/all")
    client.post("/search", files={"image": picture(500)})
    client.delete("/items/1")
    found = samples(client)
    assert found["hashlens_requests_total", ("GET", "/items/{id}", "200")] == 1
    assert found["hashlens_requests_total", ("GET", "/items/{id}", "404")] == 1
    assert found["hashlens_requests_total", ("GET", "unmatched", "404")] == 1
    assert found["hashlens_requests_total", ("POST", "/search", "200")] == 1
    assert found["hashlens_request_seconds_count", ("POST", "/search")] == 1
    assert found["hashlens_search_seconds_count", ("encode",)] == 1
    assert found["hashlens_batch_images_count", ()] == 2
    assert found["hashlens_items", ()] == 39
    assert found["hashlens_revision", ()] == client.get("/healthz").json()["revision"]
    assert found["hashlens_queue_images", ()] == 0
    assert found["process_open_fds", ()] > 0
    assert found["process_resident_memory_bytes", ()] > 0


def test_a_collection_that_cannot_be_read_is_not_healthy(
    client: TestClient, photos: Collection
) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    (photos.path / "catalogue.db").rename(photos.path / "elsewhere.db")
    refused = client.get("/healthz")
    assert refused.status_code == 503
    assert refused.json() == {"error": "the collection cannot be read", "field": None}


def test_what_nobody_foresaw_says_nothing_of_the_inside(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("inner secret")

    monkeypatch.setattr(Collection, "look_up", fail)
    response = client.get("/items/1")
    assert response.status_code == 500
    assert response.json() == {"error": "internal error", "field": None}
    assert "inner secret" in caplog.text
    assert client.get("/healthz").status_code == 200


def test_a_request_is_one_line_in_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hashlens.server")
    client.get("/items/1")
    client.get("/nothing%0D%0Aforged")
    lines = [record.getMessage() for record in caplog.records if record.name == "hashlens.server"]
    assert len(lines) == 2
    assert "GET /items/1 200" in lines[0]
    assert "GET /nothing%0D%0Aforged 404" in lines[1]


@pytest.mark.parametrize("broken", [False, True])
def test_a_search_before_the_first_request_loads_what_it_needs(
    photos: Collection, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    asked: list[object] = []

    def search(query: object, k: int) -> None:
        asked.append((query, k))
        if broken:
            raise FormatError("damaged")

    monkeypatch.setattr(photos, "search", search)
    with TestClient(make_app(photos), base_url="http://localhost") as client:
        assert asked == [(photos.items(n=1)[0].id, 1)]
        assert client.get("/healthz").status_code == 200


def test_an_empty_collection_is_served(photos: Collection) -> None:
    photos.remove([item.id for item in photos.items(n=100)])
    with TestClient(make_app(photos), base_url="http://localhost") as client:
        assert client.get("/stats").json()["n_items"] == 0
