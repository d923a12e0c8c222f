"""The routes of an item's pictures: the image itself, and thumbnails."""

import io
import os
import stat
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BeforeValidator, Field

from hashlens.collection import Item as StoredItem
from hashlens.errors import ImageError, InputError
from hashlens.server.caching import cache_control, has_already
from hashlens.server.engine import Engine
from hashlens.server.errors import ApiError
from hashlens.server.forms import safe_name
from hashlens.server.look import bare_name, item_of
from hashlens.server.parameters import ItemId, Parameters, errors
from hashlens.server.pictures import TYPES, content_type, thumbnail

_CHUNK = 1 << 18
_VERSION = Field("", max_length=64, description="Any text: part of the address only.")
_BYTES = {"schema": {"type": "string", "format": "binary"}}


def _number(text: object) -> object:
    """An address holds text."""
    return int(text) if isinstance(text, str) and text in ("160", "320") else text


Size = Annotated[Literal[160, 320], BeforeValidator(_number)]


class ImageParameters(Parameters):
    """Which version of an image."""

    v: str = _VERSION


class ThumbnailParameters(Parameters):
    """Which thumbnail."""

    v: str = _VERSION
    size: Size = Field(160, description="Longest side, in pixels.")


def picture_routes(engine: Engine) -> APIRouter:
    """The routes of an item's image and thumbnail."""
    router = APIRouter(tags=["pictures"])
    collection = engine.collection

    @router.get("/items/{id}/image", response_class=Response, responses=_PICTURES)
    async def show_image(
        id: ItemId,
        asked: Annotated[ImageParameters, Query()],
    ) -> Response:
        """Give the image as it was indexed, byte for byte."""
        del asked

        def opened() -> tuple[StoredItem, BinaryIO, str, int]:
            item = item_of(collection, id)
            file = _opened(engine, item)
            kind = content_type(file)
            if kind is None:
                file.close()
                raise _gone(item)
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            return item, file, kind, size

        item, file, kind, size = await engine.reading(opened)
        headers = {
            "Cache-Control": "private, no-cache",
            "Content-Disposition": f'inline; filename="{_header_name(item, kind)}"',
            "Content-Length": str(size),
        }
        return StreamingResponse(_chunks(engine, file, size), headers=headers, media_type=kind)

    @router.get("/items/{id}/thumbnail", response_class=Response, responses=_THUMBNAILS)
    async def show_thumbnail(
        request: Request,
        id: ItemId,
        asked: Annotated[ThumbnailParameters, Query()],
    ) -> Response:
        """Give a small JPEG of the image, upright."""
        item = await engine.reading(lambda: item_of(collection, id))
        tag = f'"{item.content_hash[:32]}-{asked.size}"'
        headers = {"ETag": tag, "Cache-Control": cache_control(asked.v, item.content_hash)}
        if has_already(request, tag):
            return Response(status_code=304, headers=headers)
        jpeg = await _thumbnail(engine, item, asked.size)
        return Response(jpeg, headers=headers, media_type="image/jpeg")

    return router


async def _thumbnail(engine: Engine, item: StoredItem, size: int) -> bytes:
    key = item.content_hash, size
    found = engine.thumbnails.find(key)
    if found is not None:
        return found

    def make() -> bytes:
        try:
            return thumbnail(_picture(engine, item), size, engine.settings.max_pixels)
        except ImageError as error:
            raise _gone(item) from error

    jpeg = await engine.encoder.decoding(make)
    engine.thumbnails.put(key, jpeg)
    return jpeg


def _picture(engine: Engine, item: StoredItem) -> Path | bytes:
    try:
        return engine.collection.picture(item.id)
    except InputError as error:  # removed since it was looked up
        raise ApiError(404, f"there is no item {item.id}.", "id") from error
    except ImageError as error:
        raise _gone(item) from error


def _opened(engine: Engine, item: StoredItem) -> BinaryIO:
    picture = _picture(engine, item)
    if isinstance(picture, bytes):
        return io.BytesIO(picture)
    try:
        # What is opened is looked at, not the path: that may be another file, or a pipe, by now.
        handle = os.open(picture, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _gone(item) from error
    file = os.fdopen(handle, "rb")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        file.close()
        raise _gone(item)
    return file


async def _chunks(engine: Engine, file: BinaryIO, size: int) -> AsyncIterator[bytes]:
    """Read the file as it is sent; never more than was announced."""
    with file:
        while size > 0:
            chunk = await engine.reading(partial(file.read, min(_CHUNK, size)))
            if not chunk:
                return
            size -= len(chunk)
            yield chunk


def _gone(item: StoredItem) -> ApiError:
    return ApiError(410, f"item {item.id} has no image any more: its file is gone or broken.", "id")


def _header_name(item: StoredItem, kind: str) -> str:
    """A name to save the image under: plain, and with the ending of what it is."""
    stem = safe_name(bare_name(item.path)).encode("ascii", "replace").decode().replace("?", "_")
    ending = kind.partition("/")[2].partition("+")[0].removeprefix("x-portable-")
    return stem if "." in stem else f"{stem}.{ending}"


_BINARY = {"content": dict.fromkeys(sorted(set(TYPES.values())), _BYTES)}
_PICTURES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The image.", **_BINARY},
    **errors(404, 410),
}
_THUMBNAILS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The thumbnail.", "content": {"image/jpeg": _BYTES}},
    304: {"description": "It is what the client has (If-None-Match)."},
    **errors(404, 410),
}
