"""Bars are written with the instrument's own zone, epochs on request, dates for days."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.unit.sim.support import Bench
from trader.sim.gateway.feeds import bar_rows
from trader.sim.market.bars import Bar
from trader.sim.model.instruments import Instrument

ONE = Decimal(1)
BAR = Bar(1775140200.0, Decimal("1.50"), Decimal(4), Decimal(1), Decimal("2.5"), 250)


def item(name: str) -> Instrument:
    found = Bench().market.catalogue.symbol(name)
    assert found is not None
    return found


def test_stamps_have_the_zone_of_the_instrument() -> None:
    assert bar_rows.stamp(item("AAPL"), BAR, 1) == "20260402 10:30:00 US/Eastern"
    assert bar_rows.stamp(item("SIMD"), BAR, 1) == "20260402 16:30:00 MET"
    assert bar_rows.stamp(item("AAPL"), BAR, 2) == "1775140200"
    day = Bar(0, ONE, ONE, ONE, ONE, 5, date(2026, 4, 2))
    assert bar_rows.stamp(item("AAPL"), day, 2) == "20260402"


def test_rows_and_updates_have_their_own_order() -> None:
    apple = item("AAPL")
    assert bar_rows.row(apple, BAR, 2) == [
        "1775140200", "1.5", "4", "1", "2.5", 250, "2.25", 2,
    ]  # fmt: skip
    assert bar_rows.update(apple, BAR, 2) == ["1775140200", "1.5", "2.5", "4", "1", "2.25", 250]


def test_what_did_not_trade_has_no_volume() -> None:
    quoted = Bar(0, ONE, ONE, ONE, ONE, -1)
    assert bar_rows.row(item("AAPL"), quoted, 2)[5:] == [-1, -1, -1]
    assert bar_rows.update(item("AAPL"), quoted, 2)[5:] == [-1, -1]
