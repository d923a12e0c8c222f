"""The routes on the collection as a whole: duplicates, figures, health, metrics."""

from fastapi import APIRouter
from fastapi.responses import Response

from hashlens.errors import HashlensError
from hashlens.server.engine import Engine, PerRevision
from hashlens.server.errors import busy
from hashlens.server.overview import overview
from hashlens.server.parameters import errors
from hashlens.server.schemas import Health, Stats


def state_routes(engine: Engine) -> APIRouter:
    """The routes ``/stats``, ``/healthz`` and ``/metrics``."""
    router = APIRouter(tags=["state"])
    collection, metrics = engine.collection, engine.metrics
    kept = PerRevision[int, Stats](most=1)
    engine.at_stop(kept.stop)

    @router.get("/stats", responses=errors())
    async def show_stats() -> Stats:
        """Show what the collection holds, and how good its codes are."""
        revision = await engine.reading(lambda: collection.revision)
        return await kept.value(revision, lambda: overview(collection, engine.settings, revision))

    @router.get("/healthz", responses=errors(503))
    async def show_health() -> Health:
        """Tell whether the collection can be read."""

        def look() -> Health:
            return Health(status="ok", n_items=len(collection), revision=collection.revision)

        try:
            return await engine.reading(look)
        except HashlensError as error:
            raise busy("the collection cannot be read") from error

    @router.get("/metrics", response_class=Response, responses=_METRICS)
    async def show_metrics() -> Response:
        """Show the counters, as Prometheus reads them."""

        def look() -> bytes:
            metrics.items.set(len(collection))
            metrics.revision.set(collection.revision)
            return metrics.text()

        return Response(await engine.reading(look), media_type=_TEXT)

    return router


_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_METRICS = {
    200: {"description": "Counters.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    **errors(),
}
