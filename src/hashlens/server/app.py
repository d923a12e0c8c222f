"""The application: the routes over one collection, inside their limits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from starlette.middleware import Middleware

from hashlens import __version__
from hashlens.collection import Collection
from hashlens.server.duplicates import duplicate_routes
from hashlens.server.engine import Engine
from hashlens.server.errors import answer_errors
from hashlens.server.images import picture_routes
from hashlens.server.items import item_routes
from hashlens.server.limits import Limits
from hashlens.server.searching import search_routes
from hashlens.server.settings import Settings
from hashlens.server.state import state_routes
from hashlens.server.static import page_routes
from hashlens.server.watching import Watching
from hashlens.server.writing import writing_routes

_ROUTES = (
    search_routes,
    item_routes,
    picture_routes,
    writing_routes,
    duplicate_routes,
    state_routes,
)
_ABOUT = "Search a collection of images by image, by item or by code. Every distance is in bits."


def make_app(collection: Collection, settings: Settings | None = None) -> FastAPI:
    """Make the application that serves a collection.

    Parameters
    ----------
    collection : Collection
    settings : Settings, optional
        Default: those of ``hashlens serve``.

    Returns
    -------
    app : FastAPI
        An ASGI application. Its threads start and end with its lifespan.

    Examples
    --------
    >>> import tempfile
    >>> from hashlens.collection import index_photos
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     photos, _ = index_photos(f"{folder}/d.hl", "digits", features="pixels", n_bits=16)
    ...     paths = make_app(photos).openapi()["paths"]
    >>> list(paths["/search"])
    ['post', 'get']
    """
    settings = settings or Settings()
    engine = Engine(collection, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await anyio.to_thread.run_sync(engine.start)
        try:
            yield
        finally:
            await anyio.to_thread.run_sync(engine.stop)

    app = FastAPI(
        title="hashlens",
        description=_ABOUT,
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        middleware=[
            Middleware(Watching, metrics=engine.metrics),
            Middleware(Limits, settings=settings, metrics=engine.metrics),
        ],
    )
    answer_errors(app)
    for routes in _ROUTES:
        app.include_router(routes(engine))
    app.include_router(page_routes())
    _describe(app, collection)
    return app


def _describe(app: FastAPI, collection: Collection) -> None:
    """Let OpenAPI say what only this collection knows: the length of its codes."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        known = app.openapi_schema is not None
        schema = plain()
        if not known:
            _fit_lengths(schema, collection.n_bits)
        return schema

    app.openapi = described  # type: ignore[method-assign]


def _fit_lengths(schema: dict[str, Any], n_bits: int) -> None:
    operations = [*schema["paths"]["/search"].values(), *schema["paths"]["/duplicates"].values()]
    for operation in operations:
        for parameter in operation.get("parameters", ()):
            _fit(parameter["name"], parameter["schema"], n_bits)
        body = operation.get("requestBody", {"content": {}})["content"]
        for media in body.values():
            for name, described in media["schema"]["properties"].items():
                _fit(name, described, n_bits)


def _fit(name: str, schema: dict[str, Any], n_bits: int) -> None:
    for each in (schema, *schema.get("anyOf", ())):
        if name == "radius" and "maximum" in each:
            each["maximum"] = n_bits
    if name == "code":
        digits = 2 * ((n_bits + 7) // 8)
        schema["items"] = {"type": "string", "pattern": f"^[0-9a-f]{{{digits}}}$"}
