"""How fresh strategies and the review are is there to be scraped (DAT-09)."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import CollectorRegistry

from tests.unit.engine.test_output_status import FRESH
from tests.unit.ops.support import READY
from trader.ops.metrics_output import output_metrics
from trader.ops.metrics_status import StatusCollector


def test_each_strategy_has_its_ages() -> None:
    registry = CollectorRegistry(auto_describe=False)
    first = replace(READY.strategies[0], output=FRESH)
    second = replace(first, name="other", output=replace(FRESH, problem="no quote for 301 s"))
    third = replace(first, name="unwatched", output=None)
    status = replace(READY, strategies=(first, second, third), risk_decision_age_s=7.5)
    registry.register(StatusCollector(lambda: status))

    def value(name: str, strategy: str = "momentum") -> float | None:
        return registry.get_sample_value(f"trader_strategy_{name}", {"strategy": strategy})

    assert value("output_age_seconds") == 0.4
    assert value("output_age_max_seconds") == 300
    assert value("wish_age_seconds") == 12
    assert value("decision_age_seconds") is None
    assert (value("output_stale"), value("output_stale", "other")) == (0, 1)
    assert value("output_stale", "unwatched") is None
    assert registry.get_sample_value("trader_risk_decision_age_seconds") == 7.5


def test_before_anything_was_there_nothing_is_scraped() -> None:
    assert list(output_metrics(READY)) == []
