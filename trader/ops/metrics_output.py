"""Gauges of how fresh the output of each strategy is, and of the last risk decision."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from trader.engine.output_status import OutputStatus
from trader.engine.status import Status

_GAUGES: tuple[tuple[str, str, Callable[[OutputStatus], float | bool | None]], ...] = (
    (
        "trader_strategy_output_age_seconds",
        "Since it last answered a quote or a bar",
        lambda row: row.answered_age_s,
    ),
    (
        "trader_strategy_output_age_max_seconds",
        "How old that may become while its session is on",
        lambda row: row.age_s_max,
    ),
    (
        "trader_strategy_output_stale",
        "1 while its output is older than it may be",
        lambda row: bool(row.problem),
    ),
    ("trader_strategy_wish_age_seconds", "Since its last wish", lambda row: row.wished_age_s),
    (
        "trader_strategy_decision_age_seconds",
        "Since a wish of its was last decided on",
        lambda row: row.decided_age_s,
    ),
)


def output_metrics(status: Status) -> Iterator[Metric]:
    """Give each gauge with one value for each strategy; nothing of what has not been yet."""
    rows = [(row.name, row.output) for row in status.strategies if row.output is not None]
    for name, text, value_of in _GAUGES if rows else ():
        family = GaugeMetricFamily(name, text, labels=["strategy"])
        for strategy, output in rows:
            value = value_of(output)
            if value is not None:
                family.add_metric([strategy], float(value))
        yield family
    if status.risk_decision_age_s is not None:
        age = GaugeMetricFamily("trader_risk_decision_age_seconds", "Since risk was decided on")
        age.add_metric([], status.risk_decision_age_s)
        yield age
