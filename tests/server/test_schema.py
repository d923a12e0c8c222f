"""OpenAPI says what the server does: schemathesis asks all that it allows, and what it does not."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from hashlens.collection import Collection
from hashlens.server import Settings, make_app

KINDS = ("png", "jpeg", "webp", "gif", "bmp", "tiff")
FILTERS = ("label = 'owl'", "id > 3", "1", "name LIKE '%1%' AND added IS NOT NULL")
# A list of one text is sent as that text. schemathesis knows this of forms, but not of forms that
# hold an image too.
AS_SENT = re.compile(r"in body - violates `type` at /properties/label \(was string, became array\)")
ADDRESSES = {
    "/search": {"get", "post"},
    "/items": {"get", "post"},
    "/items/{id}": {"get", "delete"},
    "/items/{id}/image": {"get"},
    "/items/{id}/thumbnail": {"get"},
    "/duplicates": {"get"},
    "/stats": {"get"},
    "/healthz": {"get"},
    "/metrics": {"get"},
}


@pytest.fixture
def ask_everything(
    original: Path, tmp_path: Path, picture: Callable[..., bytes]
) -> Callable[..., list[str]]:
    """Let schemathesis loose on a server; give the failures it finds.

    What no schema can say is said here: what an image is, and what a filter.
    """
    shutil.copytree(original / "c.hl", tmp_path / "c.hl")
    for kind in KINDS:
        images = st.integers(0, 60).map(lambda seed, kind=kind: picture(seed, 8, kind.upper()))
        schemathesis.openapi.media_type(f"image/{kind}", images)
    schemathesis.openapi.format("sql-expression", st.sampled_from(FILTERS))

    def ask(max_examples: int, **settings: Any) -> list[str]:
        app = make_app(
            Collection.open(tmp_path / "c.hl"), Settings(allow_hosts=("testserver",), **settings)
        )
        config = SchemathesisConfig(seed=0)
        schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
        schema.config.generation.update(max_examples=max_examples)
        found = []
        for event in from_schema(schema).execute():
            found += failures(event)
        return found

    return ask


def failures(event: Any) -> list[str]:
    match event:
        case events.ScenarioFinished():
            return [
                f"{event.recorder.label}: {check.name}: {check.failure_info.failure.message}"
                for checks in event.recorder.checks.values()
                for check in checks
                if check.failure_info is not None
                and not AS_SENT.search(check.failure_info.failure.message)
            ]
        case events.NonFatalError() | events.FatalError():
            return [str(event)]
        case events.PhaseFinished() if event.status in (Status.ERROR, Status.INTERRUPTED):
            return [f"{event.phase.name}: {event.status}"]
    return []


def test_every_endpoint_is_described(client: Any) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {path: set(methods) for path, methods in paths.items()} == ADDRESSES
    for path, methods in paths.items():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["description"], path
            for status in ("400", "422", "500"):
                shape = operation["responses"][status]["content"]["application/json"]["schema"]
                assert shape == {"$ref": "#/components/schemas/Error"}


def test_the_server_does_what_its_schema_says(ask_everything: Callable[..., list[str]]) -> None:
    assert ask_everything(2) == []


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"token": "t"}, {"read_only": True}])
def test_it_does_so_with_many_examples(
    ask_everything: Callable[..., list[str]], settings: dict[str, Any]
) -> None:
    assert ask_everything(50, **settings) == []
