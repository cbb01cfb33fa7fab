"""Server metrics in Prometheus' text format."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

PREFIX = "recbole_adasid_"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
HISTORIES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Histogram:
    """A cumulative histogram; only one thread may add to it.

    Args:
        bounds: upper bounds of the buckets, ascending.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds, self.counts, self.total = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str, labels: str = "") -> Iterator[str]:
        """Yield its lines, with ``labels`` such as `route="/items"`."""
        counts, so_far = list(self.counts), 0
        for bound, count in zip([*map(str, self.bounds), "+Inf"], counts):
            so_far += count
            marks = f'{labels},le="{bound}"' if labels else f'le="{bound}"'
            yield f"{name}_bucket{{{marks}}} {so_far}"
        marked = f"{{{labels}}}" if labels else ""
        yield f"{name}_sum{marked} {self.total!r}"
        yield f"{name}_count{marked} {so_far}"


class Metrics:
    """Counters and histograms of a server."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int], int] = {}
        self.seconds: dict[str, Histogram] = {}
        self.batches, self.decoding = Histogram(HISTORIES), Histogram(SECONDS)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request; called in the event loop."""
        self.requests[route, status] = self.requests.get((route, status), 0) + 1
        self.seconds.setdefault(route, Histogram(SECONDS)).add(seconds)

    def decoded(self, histories: int, seconds: float) -> None:
        """Count a batch; called in the decoder's thread."""
        self.batches.add(histories)
        self.decoding.add(seconds)

    def text(self, gauges: dict[str, tuple[str, float]]) -> str:
        """Return all metrics as text; ``gauges`` are descriptions and current values by name."""
        lines = _head("requests_total", "counter", "requests by route and status")
        for (route, status), count in sorted(self.requests.items()):
            lines.append(f'{PREFIX}requests_total{{route="{route}",status="{status}"}} {count}')
        lines += _head("request_seconds", "histogram", "seconds until the whole response was sent")
        for route, histogram in sorted(self.seconds.items()):
            lines += histogram.lines(f"{PREFIX}request_seconds", f'route="{route}"')
        lines += _head("batch_histories", "histogram", "histories per batch")
        lines += self.batches.lines(f"{PREFIX}batch_histories")
        lines += _head("batch_seconds", "histogram", "seconds to decode a batch")
        lines += self.decoding.lines(f"{PREFIX}batch_seconds")
        for name, (about, value) in gauges.items():
            lines += [*_head(name, "gauge", about), f"{PREFIX}{name} {value!r}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP {PREFIX}{name} {about}", f"# TYPE {PREFIX}{name} {kind}"]
