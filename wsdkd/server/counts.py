"""What Prometheus reads from ``/metrics``."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Counts:
    """Of one server; nothing is shared with others in the process."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.answers = Counter("wsdkd_answers", "Answers to /predict.", ["status"], registry=registry)
        self.seconds = Histogram(
            "wsdkd_answer_seconds", "From a request to its answer.", buckets=SECONDS, registry=registry
        )
        self.batch = Histogram(
            "wsdkd_batch_pictures", "Pictures that went through together.", buckets=SIZES, registry=registry
        )
        self.waiting = Gauge("wsdkd_waiting_pictures", "Pictures that wait.", registry=registry)
        self.reloads = Counter("wsdkd_reloads", "Students loaded anew.", ["student"], registry=registry)

    def text(self) -> bytes:
        """In Prometheus' form of text."""
        return generate_latest(self._registry)
