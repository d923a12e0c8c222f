"""Errors as answers: ``{"error", "field"}``, whoever raised them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from hashlens.errors import BusyError, ImageError, InputError, UnreachableError

RETRY_SECONDS = 1
_LOCATIONS = {"query", "path", "body", "header"}


class ApiError(Exception):
    """An answer that is an error.

    Parameters
    ----------
    status : int, 400 to 599
    error : str
        What was wanted and what came.
    field : str, optional
        The parameter, part or header that is wrong.
    headers : mapping of str to str, optional
    """

    def __init__(
        self,
        status: int,
        error: str,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.field = field
        self.headers = headers

    def with_status(self, status: int) -> "ApiError":
        """The same with another status."""
        return ApiError(status, self.error, self.field, self.headers)

    def response(self) -> Response:
        """The answer itself."""
        body = {"error": self.error, "field": self.field}
        return JSONResponse(body, self.status, headers=self.headers)


def busy(error: str) -> ApiError:
    """Build the error that says: not now, try again soon."""
    return ApiError(503, error, headers={"Retry-After": str(RETRY_SECONDS)})


def refused_input(error: InputError, fields: Sequence[str]) -> ApiError:
    """Build the error for a parameter that the library refuses; its message begins with a name.

    Examples
    --------
    >>> refused_input(InputError("k must be an int >= 1. Got 0."), ["k"]).field
    'k'
    """
    first = re.split(r"\W", str(error), maxsplit=1)[0]
    return ApiError(422, str(error), first if first in fields else None)


def from_validation(errors: Sequence[Mapping[str, Any]]) -> ApiError:
    """Build the error for what pydantic refuses: the first of its findings, in the one shape."""
    first = errors[0]
    place = [str(part) for part in first["loc"] if part not in _LOCATIONS]
    name = place[0] if place else "request"
    if first["type"] == "extra_forbidden":
        return ApiError(422, f"{name} must be left out: there is no such parameter.", name)
    got = "" if first["type"] == "missing" else f" Got {str(first['input'])[:100]!r}."
    said = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    return ApiError(422, f"{name}: {said[:1].lower()}{said[1:]}.{got}", name if place else None)


def as_api_error(error: Exception) -> ApiError:
    """Find the answer to an error; of what nobody has foreseen it says nothing."""
    match error:
        case ApiError():
            return error
        case HTTPException():
            return ApiError(error.status_code, error.detail, None, error.headers)
        case RequestValidationError():
            return from_validation(error.errors())
        case ImageError():
            return ApiError(422, str(error), "image")
        case BusyError():  # its message names a path and a process
            return busy("another process is writing to the collection; try again")
        case UnreachableError():
            return busy("the server that has the collection does not answer; try again")
        case _:
            return ApiError(500, "internal error")


_FORESEEN = (
    ApiError,
    HTTPException,
    RequestValidationError,
    ImageError,
    BusyError,
    UnreachableError,
)


def answer_errors(app: FastAPI) -> None:
    """Make every foreseen error of the app, FastAPI's own too, an answer of the one shape."""

    async def answer(request: Request, error: Exception) -> Response:
        found = as_api_error(error)
        if found.status == 405:  # of several routes with one path, the header names the first
            path = getattr(request.scope.get("route"), "path", "")
            methods = [method.upper() for method in app.openapi()["paths"].get(path, ("get",))]
            found.headers = {"Allow": ", ".join(sorted(methods))}
        return found.response()

    for kind in _FORESEEN:
        app.add_exception_handler(kind, answer)
