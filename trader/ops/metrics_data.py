"""Gauges of the market data: lines, coverage, farms, what holds against quotes, and the delay."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric

from trader.core.market import QuoteRule
from trader.engine.data_status import DataStatus

_STATES = ("ok", "inactive", "connecting", "broken")


def data_metrics(data: DataStatus | None) -> Iterator[Metric]:
    """Give every gauge of the market data; nothing while nobody watches over them."""
    if data is None:
        return
    for name, text, value in (
        ("trader_data_lines_used", "Market data lines of ours", data.used),
        ("trader_data_lines_max", "Market data lines that the settings allow", data.lines_max),
        ("trader_data_lines_denied", "Instruments that the broker denies quotes", len(data.denied)),
        ("trader_data_taken", "1 while another session has the market data", data.is_taken),
        ("trader_data_expected", "Instruments that must have quotes now", data.expected),
        ("trader_data_waiting", "Of these without a price in time", len(data.waiting)),
        ("trader_data_unusable", "Of these with one that must not be traded on",
         len(data.unusable)),
        ("trader_data_usable_share", "Share that can be traded on", data.usable_share),
    ):  # fmt: skip
        family = GaugeMetricFamily(name, text)
        family.add_metric([], float(value))
        yield family
    rules = GaugeMetricFamily("trader_quotes_held", "Quotes by what holds", labels=["rule"])
    found = dict(data.rules)
    for rule in QuoteRule:
        rules.add_metric([rule], found.get(rule, 0))
    yield rules
    farms = GaugeMetricFamily("trader_farm_state", "1 for its state", labels=["farm", "state"])
    for farm in data.farms:
        for state in _STATES:
            farms.add_metric([farm.name, state], float(farm.state == state))
    yield farms
    delay = HistogramMetricFamily("trader_quote_delay_seconds", "From the socket to a strategy")
    buckets = [(f"{bound:g}" if bound < float("inf") else "+Inf", n) for bound, n in data.buckets]
    delay.add_metric([], buckets, data.delay_sum_s)
    yield delay
