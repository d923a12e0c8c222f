"""The page: its files are read once, and nothing else of the disk is ever looked at."""

import hashlib
import mimetypes
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hashlens.server.caching import has_already
from hashlens.server.errors import ApiError

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def page_routes() -> APIRouter:
    """The routes ``/``, ``/favicon.ico`` and ``/static/NAME``."""
    router = APIRouter(include_in_schema=False)
    kept = _files()

    @router.get("/")
    def index(request: Request) -> Response:
        return _answer(request, kept, "index.html")

    @router.get("/favicon.ico")
    def icon(request: Request) -> Response:
        return _answer(request, kept, "icon.svg")

    @router.get("/static/{name}")
    def asset(request: Request, name: str) -> Response:
        return _answer(request, kept, name)

    return router


def _files() -> dict[str, bytes]:
    folder = files("hashlens.server") / "web"
    if not folder.is_dir():
        return {}
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def _answer(request: Request, kept: dict[str, bytes], name: str) -> Response:
    content = kept.get(name)
    if content is None:
        raise ApiError(404, "there is no such file.")
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Security-Policy": PAGE_POLICY}
    if has_already(request, tag):
        return Response(status_code=304, headers=headers)
    suffix = name[name.rfind(".") :]
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(content, headers=headers, media_type=kind)
