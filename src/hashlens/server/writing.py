"""The routes that write: adding uploads, removing items."""

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import Field, ValidationError

from hashlens.collection import Collection
from hashlens.collection.metadata import Metadata
from hashlens.data import BytesImages, Dataset
from hashlens.errors import InputError
from hashlens.server.engine import Engine
from hashlens.server.errors import ApiError, from_validation
from hashlens.server.forms import Upload, fields_of, files_of, form_schema, read_files, read_form
from hashlens.server.look import item_of, whole
from hashlens.server.parameters import ItemId, Parameters, errors, properties
from hashlens.server.schemas import Added, AddedItem

_MAX_METADATA = 16_384
_MAX_KEYS = 100
_LETTERS = "A-Za-z_À-ÖØ-öø-ɏЀ-ӿぁ-ゖァ-ヺ一-鿿가-힣"
_NOT_A_KEY = "[iI][dD]|[pP][aA][tT][hH]|[lL][aA][bB][eE][lL]|[nN][aA][mM][eE]|[aA][dD][dD][eE][dD]"
KEY = f"^(?!({_NOT_A_KEY})$)[{_LETTERS}][{_LETTERS}0-9 -]{{0,99}}$"
"""Names of metadata: a filter can ask for them, and no item has them already."""

_METADATA = {
    "type": "object",
    "propertyNames": {"pattern": KEY, "maxLength": 100},
    "maxProperties": _MAX_KEYS,
    "description": "Values by name, as JSON, for all of the images.",
}


class UploadFields(Parameters):
    """What is said of the uploaded images; brackets in a label would be JSON by mistake."""

    label: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f\[\]{}]+$",
        description="Label of all of the images.",
    )
    metadata: str | None = Field(None, max_length=_MAX_METADATA)

    def parsed(self) -> dict[str, Any]:
        """The metadata as an object.

        Raises
        ------
        ApiError
            422 if it is none.
        """
        if self.metadata is None:
            return {}
        try:
            found = json.loads(self.metadata)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or len(found) > _MAX_KEYS:
            wanted = f"a JSON object of at most {_MAX_KEYS} values"
            raise ApiError(422, f"metadata must be {wanted}.", "metadata")
        for key in found:
            if not re.match(KEY, key) or key.endswith("\n"):
                wanted = "letters, digits, spaces and - _, and not id, path, name, label or added"
                said = f"the names in metadata must be {wanted}. Got {key[:100]!r}."
                raise ApiError(422, said, "metadata")
        try:
            Metadata.of([{"path": "image", **found}])
        except InputError as error:
            said = str(error).removeprefix("metadata, row 1: ")
            raise ApiError(422, f"metadata: {said}", "metadata") from error
        return found


def writing_routes(engine: Engine) -> APIRouter:
    """The routes ``POST /items`` and ``DELETE /items/{id}``."""
    router = APIRouter(tags=["writing"], dependencies=[Depends(_permission(engine))])
    collection = engine.collection

    @router.post(
        "/items",
        status_code=201,
        response_model=Added,
        responses={
            200: {"model": Added, "description": "All of them were items already."},
            **errors(401, 403, 408, 413, 415, 503),
        },
        openapi_extra=form_schema(properties(UploadFields) | {"metadata": _METADATA}),
    )
    async def add_items(request: Request) -> Response:
        """Add images; one whose bytes are those of an item is that item."""
        with engine.encoder.places(0):  # refused before the body is read
            pass
        async with read_form(request) as form:
            files = files_of(form)
            fields = _fields(fields_of(form))
            metadata = fields.parsed()
            with engine.encoder.places(len(files)):
                uploads = await read_files(files)
                for upload in uploads:
                    await engine.encoder.decoding(
                        partial(engine.encoder.check, upload.data, upload.name)
                    )
                added = await engine.writing(
                    lambda: _add(collection, uploads, fields.label, metadata)
                )
        content = added.model_dump(mode="json")
        return JSONResponse(content, 201 if added.added else 200)

    @router.delete("/items/{id}", status_code=204, responses=errors(401, 403, 404, 503))
    async def remove_item(id: ItemId) -> None:
        """Remove an item; its image's file stays where it is."""

        def remove() -> None:
            item_of(collection, id)
            try:
                collection.remove([id])
            except InputError as error:  # another process was quicker
                raise ApiError(404, f"there is no item {id}.", "id") from error

        await engine.writing(remove)

    return router


def _permission(engine: Engine) -> Callable[..., Any]:
    """What is checked before a write; OpenAPI asks for a token only where there is one."""
    settings = engine.settings
    bearer = HTTPBearer(auto_error=False, description="The token of hashlens serve --token.")

    async def may_write() -> None:
        if not settings.writable:
            raise ApiError(403, "this server only reads: nothing can be added or removed.")

    async def has_token(
        shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    ) -> None:
        given = b"" if shown is None else shown.credentials.encode("utf-8", "replace")
        if not secrets.compare_digest(given, (settings.token or "").encode()):
            engine.metrics.rejected.labels("token").inc()
            said = "the token must be shown: Authorization: Bearer TOKEN."
            raise ApiError(401, said, "Authorization", {"WWW-Authenticate": "Bearer"})
        await may_write()

    return may_write if settings.token is None else has_token


def _fields(fields: dict[str, str]) -> UploadFields:
    try:
        return UploadFields.model_validate(fields)
    except ValidationError as error:
        raise from_validation(error.errors()) from error


def _add(
    collection: Collection, uploads: Sequence[Upload], label: str | None, metadata: dict[str, Any]
) -> Added:
    """Add what is new; runs in the one thread that writes."""
    hashes = [hashlib.sha256(upload.data).hexdigest() for upload in uploads]
    new = {
        content: upload
        for content, upload in zip(hashes, uploads, strict=True)
        if not collection.with_content(content)
    }
    if new:
        _add_new(collection, new, label, metadata)
    items = []
    for content in hashes:
        item = collection.with_content(content)[0]
        items.append(AddedItem(**whole(item), already=new.pop(content, None) is None))
    n_already = sum(item.already for item in items)
    return Added(
        items=items,
        added=len(items) - n_already,
        already=n_already,
        revision=collection.revision,
    )


def _add_new(
    collection: Collection,
    new: Mapping[str, Upload],
    label: str | None,
    metadata: dict[str, Any],
) -> None:
    names = [f"{content[:16]}-{upload.name}" for content, upload in new.items()]
    images = BytesImages([upload.data for upload in new.values()], names)
    labels = None if label is None else np.zeros(len(names), np.int64)
    data = Dataset("uploads", images, labels, () if label is None else (label,))
    said = Metadata.of([{"path": name, **metadata} for name in names]) if metadata else None
    report = collection.add(data, metadata=said)
    for skipped in report.skipped:
        raise ApiError(422, f"{skipped.name.partition('-')[2]}: {skipped.reason}", "image")
