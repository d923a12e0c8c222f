"""The parameters of requests, and the responses that OpenAPI names."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hashlens.server.errors import from_validation
from hashlens.server.schemas import Error

MAX_K = 1000
_MAX_ID = (1 << 63) - 1

ItemId = Annotated[int, Path(ge=0, le=_MAX_ID, description="Number of the item.")]
Where = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2000,
        description="SQL expression over id, name, label, added and the keys of the metadata.",
        json_schema_extra={"format": "sql-expression"},
    ),
]


class Parameters(BaseModel):
    """Base of all parameters: an unknown one is an error."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class SearchParameters(Parameters):
    """How to search."""

    k: int = Field(20, ge=1, le=MAX_K, description="Most items to find.")
    radius: int | None = Field(None, ge=0, le=4096, description="Only items within so many bits.")
    precision: float | None = Field(
        None,
        gt=0,
        le=1,
        description="In place of radius: as far as this share is promised to be of the class.",
    )
    share: float | None = Field(
        None, gt=0, lt=1, description="How much of the collection a query's class is."
    )
    where: Where | None = None
    rerank: bool | None = Field(None, description="Order the nearest codes by their features.")


class AskParameters(SearchParameters):
    """What to search by, and how."""

    id: list[Annotated[int, Field(ge=0, le=_MAX_ID)]] = Field(
        default=[], max_length=16, description="Items to search by, as one question."
    )
    code: list[Annotated[str, Field(min_length=2, max_length=1024)]] = Field(
        default=[], max_length=16, description="Codes to search by, in hex."
    )


class ListParameters(Parameters):
    """Which items to list."""

    where: Where | None = None
    first: int = Field(0, ge=0, le=_MAX_ID, description="How many of them to pass over.")
    n: int = Field(100, ge=1, le=1000, description="Most items to list.")


class DuplicateParameters(Parameters):
    """Which duplicates to look for, and which groups to show."""

    tier: Literal["identical", "same", "similar"] = Field("same", description="How far to look.")
    radius: int | None = Field(
        None, ge=0, le=4096, description="Codes differ in so many bits at most."
    )
    similarity: float | None = Field(None, ge=-1, le=1, description="Least cosine of the features.")
    first: int = Field(0, ge=0, le=_MAX_ID, description="How many groups to pass over.")
    n: int = Field(100, ge=1, le=1000, description="Most groups to show.")


def search_parameters(asked: SearchParameters, fields: Mapping[str, str]) -> SearchParameters:
    """Put the fields of a form over the parameters of the address.

    Raises
    ------
    ApiError
        422 for the first that is wrong or unknown.
    """
    given = {name: getattr(asked, name) for name in asked.model_fields_set}
    try:
        return SearchParameters.model_validate(given | dict(fields))
    except ValidationError as error:
        raise from_validation(error.errors()) from error


def properties(model: type[Parameters]) -> dict[str, Any]:
    """Describe parameters as the fields of a form."""
    found: dict[str, Any] = model.model_json_schema()["properties"]
    return {name: _without_null(schema) for name, schema in found.items()}


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A form has no null: a field is given or left out."""
    kept = {key: value for key, value in schema.items() if key not in ("anyOf", "default", "title")}
    for choice in schema.get("anyOf", ()):
        kept |= choice if choice != {"type": "null"} else {}
    return kept


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors that an endpoint may answer with, beside those of all."""
    return {
        status: {
            "model": Error,
            "description": _DESCRIPTIONS[status],
            **({"headers": _RETRY} if status == 503 else {}),
        }
        for status in sorted({*statuses, 400, 422, 500})
    }


_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_DESCRIPTIONS = {
    400: "The request is malformed, or meant for another host.",
    401: "The token is missing or wrong.",
    403: "Writing is not allowed, or another site asks.",
    404: "There is no such item.",
    408: "The body came too slowly.",
    409: "The collection cannot answer this, or its parameters contradict each other.",
    410: "The image's file is gone, or is no image any more.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "A parameter or an image is wrong; the field names it.",
    500: "An error that nobody has foreseen.",
    503: "Busy: try again.",
}
