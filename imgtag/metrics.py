"""What is counted, for Prometheus. docs/operations.md says what each figure means."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Every metric of one process, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "imgtag_http_request_seconds",
            "Time until the answer was complete",
            ("method", "route", "status"),
            buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600),
            registry=self.registry,
        )
        self.received_bytes = Counter(
            "imgtag_received_bytes",
            "Bytes of photos taken in by this process",
            registry=self.registry,
        )
        self.events = Histogram(
            "imgtag_event_seconds",
            "Time to handle one event, by what became of it",
            ("queue", "outcome"),
            buckets=(0.01, 0.05, 0.2, 1, 5, 30, 300),
            registry=self.registry,
        )
        self.waiting = Gauge(
            "imgtag_queue_waiting",
            "Events that are not acknowledged yet",
            ("queue",),
            registry=self.registry,
        )
        self.dead_letters = Gauge(
            "imgtag_queue_dead_letters",
            "Events that were given up on",
            ("queue",),
            registry=self.registry,
        )
        self.labeler_calls = Counter(
            "imgtag_labeler_calls",
            "Photos that a labeler was asked about, by what became of it",
            ("model", "outcome"),
            registry=self.registry,
        )
