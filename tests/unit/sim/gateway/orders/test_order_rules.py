"""At the start a gateway treats orders as usual."""

from __future__ import annotations

from decimal import Decimal

from trader.sim.gateway.orders.order_rules import OrderRules


def test_no_precaution_is_set_at_the_start() -> None:
    assert not OrderRules().has_presets
    assert OrderRules(size_max=Decimal(1)).has_presets
    assert OrderRules(percent_max=Decimal(1)).has_presets
