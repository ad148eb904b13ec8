"""Errors of each component and messages of each stream: counts, and how many there are of late.

``error_rate`` and ``throughput_msg_per_sec`` have the names and the units of the catalogue (OBS-07,
OBS-08), so they are rates already; an alert is better made of the counts beside them.
"""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trader.ops.rates import RecentRates

Counts = Callable[[], Mapping[str, int]]


class RateCollector(Collector):
    """Gives counts as they are, and their rates of the last minute."""

    def __init__(
        self, monotonic: Callable[[], float], errors: Counts, streams: Counts, pages: Counts
    ) -> None:
        self._monotonic = monotonic
        self._errors, self._streams, self._pages = errors, streams, pages
        now_s = monotonic()
        self._error_rates, self._stream_rates = RecentRates(now_s), RecentRates(now_s)

    def collect(self) -> Iterator[Metric]:
        """Read the counts once."""
        now_s, errors, streams = self._monotonic(), self._errors(), self._streams()
        yield _counter("trader_errors", "Errors logged, or sent by the broker", "component", errors)
        yield _gauge(
            "error_rate",
            "Errors a second over the last minute",
            "component",
            self._error_rates.per_second(now_s, errors),
        )
        yield _counter("trader_stream_events", "Events recorded", "stream", streams)
        yield _gauge(
            "throughput_msg_per_sec",
            "Events a second over the last minute",
            "stream",
            self._stream_rates.per_second(now_s, streams),
        )
        yield _counter("trader_pages", "Pages sent", "severity", self._pages())


def _counter(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, count in counts.items():
        family.add_metric([key], count)
    return family


def _gauge(name: str, text: str, label: str, rates: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, rate in rates.items():
        family.add_metric([key], rate)
    return family
