"""The routes that search: by uploaded images, by items, by codes."""

import contextlib
import hashlib
import time
from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from hashlens.codes import Code
from hashlens.collection import Collection
from hashlens.collection.queries import Queries
from hashlens.errors import InputError
from hashlens.server.asking import Part, Question, answer, check_asked
from hashlens.server.encoding import Encoding
from hashlens.server.engine import Engine
from hashlens.server.errors import ApiError, refused_input
from hashlens.server.forms import Upload, fields_of, files_of, form_schema, read_files, read_form
from hashlens.server.parameters import (
    AskParameters,
    SearchParameters,
    errors,
    properties,
    search_parameters,
)
from hashlens.server.schemas import Found
from hashlens.vectors import unit_rows


def search_routes(engine: Engine) -> APIRouter:
    """The routes ``POST /search`` and ``GET /search``."""
    router = APIRouter(tags=["search"])
    collection = engine.collection

    @router.post(
        "/search",
        response_model=Found,
        responses=errors(403, 408, 409, 413, 415, 503),
        openapi_extra=form_schema(properties(SearchParameters)),
    )
    async def search_by_image(
        request: Request, asked: Annotated[SearchParameters, Query()]
    ) -> Response:
        """Find the items most like an image; several images are one question."""
        started = time.perf_counter()
        with engine.encoder.places(0):  # refused before the body is read
            pass
        async with read_form(request) as form:
            files = files_of(form)
            wanted = search_parameters(asked, fields_of(form))
            check_asked(collection, wanted)
            with engine.encoder.places(len(files)):
                parts, encoding = await _encoded(engine, await read_files(files))
        times = encoding.decode_seconds, encoding.encode_seconds
        question = Question(parts, wanted, started, *times)
        return await _searched(engine, question)

    @router.get("/search", response_model=Found, responses=errors(404, 409))
    async def search_by_item(asked: Annotated[AskParameters, Query()]) -> Response:
        """Find the items most like one that is there, or nearest to a code."""
        started = time.perf_counter()
        check_asked(collection, asked)
        if not asked.id and not asked.code:
            raise ApiError(404, "there is nothing to search by: id or code must be given.", "id")
        parts = await engine.reading(lambda: _stored(collection, asked))
        return await _searched(engine, Question(parts, asked, started))

    return router


async def _searched(engine: Engine, question: Question) -> Response:
    found = await engine.reading(lambda: answer(engine.collection, question))
    for step, seconds in found.seconds:
        engine.metrics.steps.labels(step).observe(seconds)
    return Response(found.model_dump_json(), media_type="application/json")


async def _encoded(engine: Engine, uploads: Sequence[Upload]) -> tuple[list[Part], Encoding]:
    """Find what is known, and encode the rest together."""
    known = await engine.reading(lambda: [_known(engine.collection, each) for each in uploads])
    rest = [upload for upload, part in zip(uploads, known, strict=True) if part is None]
    encoding = await engine.encoder.encode([u.data for u in rest], [u.name for u in rest])
    fresh = iter(zip(rest, encoding.images, strict=True))
    parts = []
    for part in known:
        if part is None:
            upload, image = next(fresh)
            vector = unit_rows(image.features[None])[0]
            part = Part("image", upload.name, None, image.code, vector)
        parts.append(part)
    return parts, encoding


def _known(collection: Collection, upload: Upload) -> Part | None:
    """Take the code of an item with the same bytes, so that an item finds itself at distance 0."""
    for item in collection.with_content(hashlib.sha256(upload.data).hexdigest()):
        with contextlib.suppress(InputError):  # removed since
            return _part("image", upload.name, item.id, collection.encode([item.id]))
    return None


def _stored(collection: Collection, asked: AskParameters) -> list[Part]:
    parts = []
    for item_id in asked.id:
        try:
            parts.append(_part("item", None, item_id, collection.encode([item_id])))
        except InputError as error:
            raise ApiError(404, f"there is no item {item_id}.", "id") from error
    for text in asked.code:
        try:
            code = Code.from_hex(text, collection.n_bits)
        except InputError as error:
            raise refused_input(error, ["code"]) from error
        parts.append(_part("code", None, None, collection.encode([code])))
    return parts


def _part(
    kind: Literal["image", "item", "code"], name: str | None, item_id: int | None, found: Queries
) -> Part:
    vector = None if found.vectors is None else found.vectors[0]
    return Part(kind, name, item_id, found.codes[0], vector)
