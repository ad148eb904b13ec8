"""Each order type waits for and becomes what it says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sim.broker.floors import aapl, make, quote
from tests.unit.sim.support import Bench
from trader.sim.broker.terms import kinds
from trader.sim.broker.terms.kinds import Auction
from trader.sim.model.orders import Order

D = Decimal


def order(**changes: Any) -> Order:
    return make(aapl(Bench()), **changes)


@pytest.mark.parametrize(
    ("changes", "last", "is_met"),
    [
        ({"order_type": "STP", "aux_price": D(205)}, "204.99", False),
        ({"order_type": "STP", "aux_price": D(205)}, "205.00", True),
        ({"order_type": "STP", "aux_price": D(195), "action": "SELL"}, "195.01", False),
        ({"order_type": "STP", "aux_price": D(195), "action": "SELL"}, "195.00", True),
        ({"order_type": "MIT", "aux_price": D(195)}, "195.01", False),
        ({"order_type": "MIT", "aux_price": D(195)}, "195.00", True),
        ({"order_type": "LIT", "aux_price": D(205), "action": "SELL"}, "204.99", False),
        ({"order_type": "LIT", "aux_price": D(205), "action": "SELL"}, "205.00", True),
        # The ask is a cent above the last price, and counts with method 4.
        ({"order_type": "STP", "aux_price": D(205), "trigger_method": 4}, "204.99", True),
        ({"order_type": "STP", "aux_price": D(205), "trigger_method": 7}, "204.99", True),
        ({"order_type": "STP", "aux_price": D(205), "trigger_method": 8}, "204.99", False),
    ],
)
def test_a_trigger_is_met_at_its_price(changes: dict[str, Any], last: str, is_met: bool) -> None:
    one = order(**changes)
    assert kinds.awaits_trigger(one)
    assert kinds.is_triggered(one, quote(one.instrument, last)) is is_met


def test_a_trailing_stop_follows_and_never_moves_back() -> None:
    one = order(order_type="TRAIL", aux_price=D(2), action="SELL")
    seen = []
    for last in ("200.00", "203.00", "201.50"):
        one.stop_now = kinds.trailed(one, quote(one.instrument, last))
        seen.append(one.stop_now)
    assert seen == [D(198), D(201), D(201)]
    assert kinds.is_triggered(one, quote(one.instrument, "201.00"))


def test_a_trailing_stop_by_percent_begins_where_it_is_told() -> None:
    one = order(order_type="TRAIL", trailing_percent=D(1), trail_stop_price=D(202))
    assert kinds.trailed(one, quote(one.instrument, "200.00")) == D(202)
    assert kinds.trailed(one, quote(one.instrument, "190.00")) == D("191.9")


@pytest.mark.parametrize(
    ("changes", "limit"),
    [({"limit_offset": D(1)}, D(197)), ({"limit_price": D("197.50")}, D("197.5"))],
)
def test_a_trailing_limit_has_its_limit_beyond_its_stop(
    changes: dict[str, Any], limit: Decimal
) -> None:
    one = order(order_type="TRAIL LIMIT", aux_price=D(2), action="SELL", **changes)
    assert kinds.trailing_limit(one) is None
    one.stop_now = D(198)
    assert kinds.trailing_limit(one) == limit


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"order_type": "MKT"}, None),
        ({"order_type": "LMT", "limit_price": D(190)}, D(190)),
        ({"order_type": "REL", "aux_price": D(0)}, D("199.99")),
        ({"order_type": "REL", "aux_price": D(1)}, D("200.00")),
        ({"order_type": "REL", "aux_price": D(0), "limit_price": D(199)}, D(199)),
        ({"order_type": "PEG MKT", "aux_price": D("0.05")}, D("199.96")),
        ({"order_type": "PEG MID"}, D(200)),
        ({"order_type": "MIDPRICE", "limit_price": D(201), "action": "SELL"}, D(201)),
    ],
)
def test_a_limit_is_fixed_or_follows_the_quote(
    changes: dict[str, Any], limit: Decimal | None
) -> None:
    one = order(**changes)
    assert kinds.limit_of(one, quote(one.instrument)) == limit


def test_the_reason_for_holding_names_parent_and_trigger() -> None:
    one = order(order_type="STP", aux_price=D(195), action="SELL")
    one.awaits_parent = True
    assert kinds.why_held(one) == "child,trigger"
    one.awaits_parent = False
    assert kinds.why_held(one) == "trigger"
    one.triggered = True
    assert kinds.why_held(one) == ""


def test_auctions_are_known_by_type_or_time_in_force() -> None:
    assert kinds.auction_of(order(order_type="MOC").terms) is Auction.CLOSING
    assert kinds.auction_of(order(tif="OPG").terms) is Auction.OPENING
    assert kinds.auction_of(order().terms) is Auction.NONE


@pytest.mark.parametrize(
    ("low", "high", "may"),
    [(199, 201, False), (198, 200, True), (199, 202, True), (197, 197, True)],
)
def test_a_trailing_stop_may_move_only_where_it_follows_or_triggers(
    low: int, high: int, may: bool
) -> None:
    one = order(order_type="TRAIL", aux_price=D(3), action="SELL")
    one.stop_now = D(198)
    assert kinds.may_move(one, D(low), D(high)) is may
    other = order(order_type="TRAIL", aux_price=D(3), action="BUY")
    other.stop_now = D(202)
    mirrored = (D(400 - high), D(400 - low))
    assert kinds.may_move(other, *mirrored) is may
    one.triggered = True
    assert kinds.may_move(one, D(low), D(high))
