"""A plain order has nothing of its own; every term that differs is shown by its name."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.wire.samples import SPREAD, order, terms
from trader.sim.model.orders import Condition
from trader.sim.wire import order_blocks


def test_a_plain_order_gives_nothing() -> None:
    assert order_blocks.given(order()) == {}
    assert order_blocks.is_plain(order(), {})


def test_typed_terms_are_given_by_their_wire_names() -> None:
    wanted = terms(
        hidden=True, all_or_none=True, sweep_to_fill=True, outside_rth=True, display_size=5,
        min_quantity=Decimal(3), trigger_method=2, oca_type=1, good_after="a", good_till="b",
        discretionary=Decimal("0.1"), trailing_percent=Decimal(2), limit_offset=Decimal("0.5"),
        cash_quantity=Decimal(1000), trail_stop_price=Decimal(7), echo={"openClose": "O"},
    )  # fmt: skip
    assert order_blocks.given(order(wanted=wanted)) == {
        "hidden": "1", "allOrNone": "1", "sweepToFill": "1", "outsideRth": "1",
        "displaySize": "5", "minQty": "3", "triggerMethod": "2", "ocaType": "1",
        "goodAfterTime": "a", "goodTillDate": "b", "discretionaryAmt": "0.1",
        "trailingPercent": "2.0", "lmtPriceOffset": "0.5", "cashQty": "1000.0",
        "trailStopPrice": "7.0", "openClose": "O",
    }  # fmt: skip


def test_a_group_makes_an_order_less_than_plain_without_being_given() -> None:
    algo = order(wanted=terms(echo={"algoParams": ("a", "1")}))
    assert order_blocks.given(algo) == {}
    assert not order_blocks.is_plain(algo, {})
    assert not order_blocks.is_plain(order(SPREAD), {})
    assert not order_blocks.is_plain(order(wanted=terms(conditions=(Condition(3, ()),))), {})


def test_optional_blocks_are_there_only_when_their_key_is() -> None:
    assert len(order_blocks.scale_and_hedge({})) == 2
    scaled = order_blocks.scale_and_hedge({"scalePriceIncrement": "0.5", "hedgeType": "B"})
    assert len("\0".join(scaled).split("\0")) == 3 + 7 + 2
    assert order_blocks.algorithm(terms(), {}) == [""]
    wanted = terms(echo={"algoParams": ("a", "1")})
    assert order_blocks.algorithm(wanted, {"algoStrategy": "Vwap"}) == ["Vwap", "1", "a", "1"]
    assert order_blocks.hedge_contract(terms()) == ["0"]
    wanted = terms(echo={"deltaNeutralContract": ("3", "0.5", "1.0")})
    assert order_blocks.hedge_contract(wanted) == ["1", "3", "0.5", "1.0"]
    assert order_blocks.benchmark(order(), {}) == []
    pegged = order(wanted=terms(order_type="PEG BENCH"))
    assert order_blocks.benchmark(pegged, {})[0].split("\0") == ["0", "0", "0.0", "0.0", ""]


def test_a_missing_price_is_zero_with_a_point() -> None:
    assert order_blocks.price(None) == "0.0"
    assert order_blocks.price(Decimal("172.250")) == "172.25"
