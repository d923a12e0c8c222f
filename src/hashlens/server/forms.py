"""Uploads: a multipart form to images and fields, each of them bounded."""

import re
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from hashlens.data import MAX_PIXELS
from hashlens.server.errors import ApiError
from hashlens.server.settings import MAX_IMAGES

_MAX_FIELDS = 16
_MAX_FIELD_BYTES = 64 * 1024
_MAX_NAME = 80
_TYPES = "image/png, image/jpeg, image/webp, image/gif, image/bmp, image/tiff"


@dataclass(frozen=True)
class Upload:
    """One image of a request.

    Attributes
    ----------
    name : str
        What the client calls the file; harmless in a log, in a header and as a file's name.
    data : bytes
    """

    name: str
    data: bytes


@asynccontextmanager
async def read_form(request: Request) -> AsyncIterator[FormData]:
    """Read the body as a multipart form; big parts of it lie on the disk.

    Raises
    ------
    ApiError
        415 if it is another type, 413 and 408 as the limits say, 400 if it is no form, or has too
        many parts.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise ApiError(415, "the body must be multipart/form-data.", "Content-Type")
    parser = _Parser(
        request.headers,
        request.stream(),
        max_files=MAX_IMAGES,
        max_fields=_MAX_FIELDS,
        max_part_size=_MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
        if not parser.has_ended:
            raise ApiError(400, "the form is cut short: its last boundary is missing.")
        yield form
    except MultiPartException as error:
        raise ApiError(400, error.message) from error
    finally:
        parser.close()


class _Parser(MultiPartParser):
    """Notices the end of a form, and closes the files of one that has none."""

    has_ended = False

    def on_headers_finished(self) -> None:
        """Take an image without a file name for a file all the same."""
        disposition = self._current_part.content_disposition
        _, options = parse_options_header(disposition)
        if options.get(b"name") == b"image" and b"filename" not in options:
            self._current_part.content_disposition = (disposition or b"") + b"; filename=image"
        super().on_headers_finished()

    def on_end(self) -> None:
        self.has_ended = True

    def close(self) -> None:
        for file in self._files_to_close_on_error:
            file.close()


def files_of(form: FormData) -> list[UploadFile]:
    """Find the parts called ``image``.

    Raises
    ------
    ApiError
        422 if there is none, or a file under another name.
    """
    parts = form.multi_items()
    for name, part in parts:
        if isinstance(part, UploadFile) and name != "image":
            raise ApiError(422, f"{name[:50]} must be text, or left out.", name[:50])
    files = [part for _, part in parts if isinstance(part, UploadFile)]
    if not files:
        raise ApiError(422, f"image must be given: 1 to {MAX_IMAGES} files. Got none.", "image")
    return files


def fields_of(form: FormData) -> dict[str, str]:
    """Give the parts that are text; 422 if one comes twice."""
    found: dict[str, str] = {}
    for name, part in form.multi_items():
        if isinstance(part, str):
            if name in found:
                raise ApiError(422, f"{name[:50]} must be given once. Got it twice.", name[:50])
            found[name] = part
    return found


async def read_files(files: Sequence[UploadFile]) -> list[Upload]:
    """Take the files' bytes into memory."""
    return [Upload(safe_name(file.filename or ""), await file.read()) for file in files]


def safe_name(name: str) -> str:
    r"""Keep of a client's name for a file what is harmless anywhere: its last part, tidied.

    Examples
    --------
    >>> safe_name("../../etc/passwd"), safe_name("C:\\photos\\Eule am See.jpg"), safe_name("..")
    ('passwd', 'Eule am See.jpg', 'image')
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = re.sub(r"[^\w .()+-]", "_", last).strip(" .")
    return kept[-_MAX_NAME:].strip(" .") or "image"


def form_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """Describe a form of images and fields for OpenAPI."""
    image = {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "minItems": 1,
        "maxItems": MAX_IMAGES,
        "description": f"Images of a known format, each of at most {MAX_PIXELS:,} pixels.",
    }
    schema = {
        "type": "object",
        "properties": {"image": image, **properties},
        "required": ["image"],
        "additionalProperties": False,
    }
    media = {"schema": schema, "encoding": {"image": {"contentType": _TYPES}}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": media}}}
