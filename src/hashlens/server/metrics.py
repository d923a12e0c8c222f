"""What the server counts, as Prometheus reads it."""

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_IMAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counters of one server, in a registry of its own.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.rejected.labels("queue").inc()
    >>> b'hashlens_rejected_total{reason="queue"} 1.0' in metrics.text()
    True
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "hashlens_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "hashlens_request_seconds",
            "Time from the headers of a request to the end of its answer.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.steps = Histogram(
            "hashlens_search_seconds",
            "Time that searches spend in each step.",
            ["step"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.batches = Histogram(
            "hashlens_batch_images",
            "Images that were encoded together.",
            buckets=_IMAGES,
            registry=self.registry,
        )
        self.rejected = Counter(
            "hashlens_rejected",
            "Requests that a limit refused.",
            ["reason"],
            registry=self.registry,
        )
        self.in_flight = self._gauge("requests_in_flight", "Requests being answered.")
        self.queue = self._gauge("queue_images", "Images being decoded, waiting or encoded.")
        self.items = self._gauge("items", "Items of the collection.")
        self.revision = self._gauge("revision", "Last commit of the collection.")

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(f"hashlens_{name}", help_text, registry=self.registry)

    def follow(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Read a gauge from a function from now on."""
        gauge.set_function(value)

    def text(self) -> bytes:
        """All counters in Prometheus' text format."""
        return generate_latest(self.registry)
