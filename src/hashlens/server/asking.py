"""A question to the collection, and its answer."""

import time
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hashlens.collection import Collection, Hits
from hashlens.collection.promise import meaning_for
from hashlens.collection.queries import Queries
from hashlens.errors import InputError
from hashlens.evaluation.wording import in_words
from hashlens.server.errors import ApiError, refused_input
from hashlens.server.look import check_where, pictured
from hashlens.server.parameters import SearchParameters
from hashlens.server.schemas import Found, Hit, Query, QueryPart, Seconds

_FIELDS = tuple(SearchParameters.model_fields)
_LACKING = ("precision", "share", "rerank")  # refused by what the collection is, not by form


@dataclass(frozen=True, eq=False)
class Part:
    """One image, item or code of a question, as its code.

    Attributes
    ----------
    kind : {"image", "item", "code"}
    name : str or None
        What the client calls an image.
    id : int or None
        The item it is, or whose bytes it has.
    code : uint8 (ceil(n_bits / 8),)
    vector : float32 (d,), of length 1, or None for a code alone
    """

    kind: Literal["image", "item", "code"]
    name: str | None
    id: int | None
    code: NDArray[np.uint8]
    vector: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked, and the time that went before.

    Attributes
    ----------
    parts : list of Part
    asked : SearchParameters
    started : float
        On the clock of ``time.perf_counter``.
    decode_seconds, encode_seconds : float
    """

    parts: list[Part]
    asked: SearchParameters
    started: float = field(default_factory=time.perf_counter)
    decode_seconds: float = 0.0
    encode_seconds: float = 0.0


def check_asked(collection: Collection, asked: SearchParameters) -> None:
    """Refuse what this collection cannot answer, before anything is done for it.

    Raises
    ------
    ApiError
        422 for what is wrong by itself, 409 for what the collection cannot do, or not together.
    """
    check_where(asked.where)
    if asked.radius is not None and asked.radius > collection.n_bits:
        wanted = f"at most {collection.n_bits}, the bits of a code"
        raise ApiError(422, f"radius must be {wanted}. Got {asked.radius}.", "radius")
    if asked.rerank and not collection.stores_features:
        raise ApiError(409, "rerank must be left out: no features are stored.", "rerank")
    for name in ("precision", "share"):
        if getattr(asked, name) is not None and collection.distance_meaning is None:
            said = f"{name} must be left out: the model knows nothing of its distances."
            raise ApiError(409, said, name)
    if asked.radius is not None and asked.precision is not None:
        raise ApiError(409, "precision must be left out where radius is given.", "precision")


def answer(collection: Collection, question: Question) -> Found:
    """Search, and look up what is shown of each hit; runs in a thread."""
    asked = question.asked
    started = time.perf_counter()
    hits = _search(collection, question.parts, asked)
    searched = time.perf_counter() - started
    meaning = meaning_for(collection.distance_meaning, asked.share)
    return Found(
        query=_query(question),
        hits=_shown(hits),
        n_items=hits.n_items,
        n_bits=collection.n_bits,
        reranked=hits.reranked,
        partial=hits.partial,
        radius=hits.radius,
        revision=hits.revision,
        seconds=Seconds(
            total=time.perf_counter() - question.started,
            decode=question.decode_seconds,
            encode=question.encode_seconds,
            search=searched,
        ),
        promise=None if meaning is None else in_words(meaning, hits.radius),
    )


def _search(collection: Collection, parts: list[Part], asked: SearchParameters) -> Hits:
    vectors = [part.vector for part in parts if part.vector is not None]
    queries = Queries(
        np.stack([part.code for part in parts]),
        np.stack(vectors) if collection.stores_features else None,
    )
    wish = asked.model_dump(include=set(SearchParameters.model_fields) - {"k"})
    try:
        return collection.search_encoded(queries, asked.k, **wish, together=True)[0]
    except InputError as error:
        refused = refused_input(error, _FIELDS)
        raise refused.with_status(409) if refused.field in _LACKING else refused from error


def _shown(hits: Hits) -> list[Hit]:
    return [
        Hit(
            **pictured(hit, hits.content_hashes[i]),
            rank=i + 1,
            distance=hit.distance,
            similarity=hit.similarity,
            same_class=hit.same_class,
            code=hits.codes[i].tobytes().hex(),
        )
        for i, hit in enumerate(hits)
    ]


def _query(question: Question) -> Query:
    asked = question.asked
    parts = [
        QueryPart(kind=part.kind, name=part.name, id=part.id, code=part.code.tobytes().hex())
        for part in question.parts
    ]
    return Query(
        parts=parts,
        k=asked.k,
        radius=asked.radius,
        precision=asked.precision,
        share=asked.share,
        where=asked.where,
        rerank=asked.rerank,
    )
