"""Gauges of the bars that are kept: how many there are, and how many there should be."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from prometheus_client.core import GaugeMetricFamily, Metric

from trader.engine.bar_status import BarRow

_LABELS = ("instrument", "size")


def bar_metrics(rows: Iterable[BarRow]) -> Iterator[Metric]:
    """Give each gauge with one value for each instrument and size; no series where no bars are."""
    kept = tuple(rows)
    gauges: tuple[tuple[str, str, Callable[[BarRow], Decimal | int | bool | None]], ...] = (
        (
            "trader_bars_completeness",
            "Whole bars of the session so far, as a share of those it should have had",
            lambda row: row.share,
        ),
        ("trader_bars_held", "Bars held, those of the broker included", lambda row: row.held),
        ("trader_bars_not_whole", "Bars held that were watched in part", lambda row: row.part),
        ("trader_bars_from_history", "Bars held as the broker told them", lambda row: row.told),
        ("trader_bars_warm", "1 while as many are held as are wanted", lambda row: row.is_warm),
        (
            "trader_bars_holding",
            "1 while new risk waits for them, of the strategies that look at them",
            lambda row: bool(row.hold),
        ),
    )
    for name, text, value_of in gauges:
        family = GaugeMetricFamily(name, text, labels=_LABELS)
        for row in kept:
            value = value_of(row)
            if value is not None:
                family.add_metric([row.symbol, str(row.size_s)], float(value))
        yield family
