"""How complete the bars of each instrument are is there to be scraped (DAT-05)."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import CollectorRegistry

from tests.unit.engine.test_bar_status import ROW
from tests.unit.ops.support import READY
from trader.ops.metrics_bars import bar_metrics
from trader.ops.metrics_status import StatusCollector


def test_each_instrument_and_size_has_its_series() -> None:
    registry = CollectorRegistry(auto_describe=False)
    rows = (ROW, replace(ROW, size_s=5, share=None, is_warm=True, hold="no"))
    registry.register(StatusCollector(lambda: replace(READY, bars=rows)))
    value = registry.get_sample_value
    minutes, fives = ({"instrument": "AAPL", "size": size} for size in ("60", "5"))

    assert value("trader_bars_completeness", minutes) == 0.9333
    assert value("trader_bars_completeness", fives) is None
    assert value("trader_bars_held", minutes) == 118
    assert value("trader_bars_not_whole", minutes) == 1
    assert value("trader_bars_from_history", minutes) == 90
    assert value("trader_bars_warm", minutes) == 0
    assert value("trader_bars_warm", fives) == 1
    assert value("trader_bars_holding", minutes) == 0
    assert value("trader_bars_holding", fives) == 1


def test_without_bars_there_are_names_and_no_series() -> None:
    families = list(bar_metrics(()))
    assert "trader_bars_holding" in [family.name for family in families]
    assert [family.samples for family in families] == [[]] * len(families)
