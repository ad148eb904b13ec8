"""Falsified quotes show what a broken feed shows; the rest of the quote is untouched."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.support import Bench
from trader.sim.gateway.feeds.market_faults import (
    Distortion,
    Falsity,
    MarketFaults,
    Permission,
    falsified,
)
from trader.sim.market.quotes import Quote


@pytest.fixture
def quote() -> Quote:
    bench = Bench()
    return bench.market.quote(bench.market.catalogue.all()[0])


def test_each_distortion_is_false_in_its_own_way(quote: Quote) -> None:
    shown = {kind: falsified(quote, Falsity(kind, Decimal(5))) for kind in Distortion}
    none = Decimal(-1)
    assert (shown[Distortion.NO_DATA].bid, shown[Distortion.NO_DATA].last) == (none, none)
    assert shown[Distortion.ZERO].ask == 0
    assert shown[Distortion.NAN].bid.is_nan()
    assert (shown[Distortion.NO_BID].bid, shown[Distortion.NO_BID].ask) == (none, quote.ask)
    assert (shown[Distortion.NO_ASK].bid, shown[Distortion.NO_ASK].ask) == (quote.bid, none)
    assert shown[Distortion.CROSSED].bid > shown[Distortion.CROSSED].ask
    assert shown[Distortion.OFFSET].last == quote.last + 5
    assert {one.close for one in shown.values()} == {quote.close}


def test_only_the_chosen_instrument_is_falsified(quote: Quote) -> None:
    faults = MarketFaults()
    assert faults.shown(quote) is quote
    faults.falsities[quote.instrument.con_id] = Falsity(Distortion.ZERO)
    assert faults.shown(quote).bid == 0
    faults.falsities = {1: Falsity(Distortion.ZERO)}
    assert faults.shown(quote) is quote


def test_everything_may_be_seen_unless_told_otherwise() -> None:
    faults = MarketFaults(permissions={7: Permission.NONE})
    assert faults.permission(7) is Permission.NONE
    assert faults.permission(8) is Permission.LIVE
