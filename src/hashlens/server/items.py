"""The routes that read items: lists and facts."""

from typing import Annotated

from fastapi import APIRouter, Query

from hashlens.collection import Collection
from hashlens.errors import InputError
from hashlens.server.engine import Engine
from hashlens.server.errors import refused_input
from hashlens.server.look import check_where, item_of, of_one_commit, whole
from hashlens.server.parameters import ItemId, ListParameters, errors
from hashlens.server.schemas import Item, Items


def item_routes(engine: Engine) -> APIRouter:
    """The routes ``/items`` and below that change nothing."""
    router = APIRouter(tags=["items"])
    collection = engine.collection

    @router.get("/items", responses=errors(503))
    async def list_items(asked: Annotated[ListParameters, Query()]) -> Items:
        """List the items that match, by ascending id."""
        check_where(asked.where)

        def read(revision: int) -> Items:
            if asked.where is None:
                found = collection.items(first=asked.first, n=asked.n)
                total = len(collection)
            else:
                ids = _select(collection, asked.where)
                found = collection.look_up(ids[asked.first : asked.first + asked.n])
                total = len(ids)
            return Items(
                items=[Item(**whole(item)) for item in found],
                total=total,
                first=asked.first,
                n=asked.n,
                revision=revision,
            )

        return await engine.reading(lambda: of_one_commit(collection, read))

    @router.get("/items/{id}", responses=errors(404))
    async def show_item(id: ItemId) -> Item:
        """Show what is known of an item."""
        return await engine.reading(lambda: Item(**whole(item_of(collection, id))))

    return router


def _select(collection: Collection, where: str) -> list[int]:
    try:
        return [int(item_id) for item_id in collection.select(where)]
    except InputError as error:
        raise refused_input(error, ["where"]) from error
