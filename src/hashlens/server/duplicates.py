"""The route of duplicates: found once a commit, shown group by group."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from hashlens.collection import Collection
from hashlens.collection import Item as StoredItem
from hashlens.collection.dedup.report import Duplicate as Found
from hashlens.collection.dedup.report import Duplicates
from hashlens.errors import InputError
from hashlens.server.engine import Engine, PerRevision
from hashlens.server.errors import ApiError, refused_input
from hashlens.server.look import whole
from hashlens.server.parameters import DuplicateParameters, errors
from hashlens.server.schemas import Group, Groups

_FIELDS = ("radius", "similarity")
_Key = tuple[int, str, int | None, float | None]


def duplicate_routes(engine: Engine) -> APIRouter:
    """The route ``/duplicates``."""
    router = APIRouter(tags=["state"])
    collection = engine.collection
    kept = PerRevision[_Key, Duplicates](most=4)
    engine.at_stop(kept.stop)

    @router.get("/duplicates", responses=errors(409, 503))
    async def list_duplicates(asked: Annotated[DuplicateParameters, Query()]) -> Groups:
        """List groups of pictures that are there more than once; nothing is changed."""
        if asked.radius is not None and asked.radius > collection.n_bits:
            said = f"radius must be at most {collection.n_bits}. Got {asked.radius}."
            raise ApiError(422, said, "radius")
        revision = await engine.reading(lambda: collection.revision)
        key = revision, asked.tier, asked.radius, asked.similarity

        def find() -> Duplicates:
            return collection.duplicates(
                asked.tier, radius=asked.radius, similarity=asked.similarity
            )

        try:
            found = await kept.value(key, find)
        except InputError as error:
            raise refused_input(error, _FIELDS).with_status(409) from error
        return await engine.reading(lambda: _shown(collection, found, asked, revision))

    return router


def _shown(
    collection: Collection, found: Duplicates, asked: DuplicateParameters, revision: int
) -> Groups:
    groups = found.groups[asked.first : asked.first + asked.n]
    ids = [each.id for group in groups for each in (group.kept, *group.others)]
    items = {item.id: item for item in collection.look_up(ids)}
    shown = [
        Group.model_validate(
            {
                "tier": group.tier,
                "items": [
                    _facts(each, items[each.id])
                    for each in (group.kept, *group.others)
                    if each.id in items
                ],
            }
        )
        for group in groups
    ]
    limit = found.limits.get(found.tier)
    by_features = limit is not None and collection.stores_features
    return Groups(
        groups=shown,
        total=len(found.groups),
        n_items=len({each.id for g in found.groups for each in (g.kept, *g.others)}),
        spare_bytes=found.spare_bytes,
        first=asked.first,
        n=asked.n,
        tier=asked.tier,
        radius=limit and limit.radius,
        similarity=limit.similarity if limit is not None and by_features else None,
        revision=revision,
        seconds=found.seconds,
    )


def _facts(each: Found, item: StoredItem) -> dict[str, Any]:
    width, height = each.facts.pixels or (None, None)
    return {
        **whole(item),
        "distance": each.distance,
        "similarity": each.similarity,
        "width": width,
        "height": height,
        "size_bytes": each.facts.size_bytes,
    }
