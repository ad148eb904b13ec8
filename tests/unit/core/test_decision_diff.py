"""Two runs are held against each other intent by intent, and every difference is found."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.decision_diff import Wished, difference, wished_of
from trader.core.decisions import Row

S = 1_000_000
D = Decimal


def intent(at_s: float, number: int = 1, **changes: Any) -> Row:
    row: Row = {
        "kind": "intent", "at_us": int(at_s * S), "intent_id": f"replay-alpha-{number}",
        "strategy": "alpha", "symbol": "AAPL", "side": "BUY", "quantity": "10",
        "order_type": "MKT", "time_in_force": "DAY", "limit_price": "", "stop_price": "",
        "is_reduce_only": "false", "reason": "", "verdict": "approved", "code": "", "text": "",
    }  # fmt: skip
    return {**row, **changes}


def fill(at_s: float, number: int, quantity: str, price: str) -> Row:
    return {
        "kind": "fill", "at_us": int(at_s * S), "intent_id": f"replay-alpha-{number}",
        "strategy": "alpha", "symbol": "AAPL", "side": "BUY", "quantity": quantity,
        "price": price, "exec_id": "x",
    }  # fmt: skip


def wished(*rows: Row) -> tuple[Wished, ...]:
    return wished_of(rows)


def test_fills_are_added_up_at_their_average_and_other_rows_are_none() -> None:
    rows = [intent(1), fill(1.1, 1, "4", "100"), fill(1.2, 1, "6", "101"), intent(2, 2)]
    cancel: Row = {"kind": "cancel", "at_us": 3 * S, "intent_id": "replay-alpha-2"}
    first, second = wished(*rows, cancel)
    assert (first.filled, first.price) == (D(10), D("100.6"))
    assert (second.filled, second.price) == (D(0), None)


def test_a_new_process_names_its_intents_from_the_beginning_again() -> None:
    begin: Row = {"kind": "begin", "at_us": 5 * S}
    rows = wished(intent(1), fill(1, 1, "10", "100"), begin, intent(6), fill(6, 1, "10", "200"))
    assert [one.price for one in rows] == [D(100), D(200)]


def test_the_same_runs_do_not_differ() -> None:
    a = wished(intent(1), fill(1.1, 1, "10", "100"))
    b = wished(intent(1.5), fill(1.7, 1, "10", "100"))
    found = difference(a, b, 5.0)
    assert (found.count, found.is_empty, found.mean_late_s()) == (0, False, 0.5)
    assert found.cost() == 0


@pytest.mark.parametrize(
    ("changes", "name", "a", "b"),
    [
        ({"quantity": "12"}, "quantity", "10", "12"),
        ({"order_type": "LMT"}, "order_type", "MKT", "LMT"),
        ({"limit_price": "9"}, "limit_price", "", "9"),
        ({"verdict": "refused", "code": "HALTED"}, "verdict", "approved", "refused"),
    ],
)
def test_what_partners_wish_otherwise_is_found(
    changes: dict[str, str], name: str, a: str, b: str
) -> None:
    found = difference(wished(intent(1)), wished(intent(1, 1, **changes)), 5.0)
    assert found.pairs[0].differences == ((name, a, b),)
    assert (found.count, found.by_field()) == (1, {name: 1})


def test_refusals_for_other_reasons_are_not_the_same() -> None:
    a, b = ({"verdict": "refused", "code": code} for code in ("HALTED", "CHURN"))
    found = difference(wished(intent(1, 1, **a)), wished(intent(1, 1, **b)), 5.0)
    assert found.pairs[0].differences == (("code", "HALTED", "CHURN"),)


@pytest.mark.parametrize(("side", "cost"), [("BUY", D("2")), ("SELL", D("-2"))])
def test_what_one_paid_more_is_told_by_its_side(side: str, cost: Decimal) -> None:
    a = wished(intent(1, side=side), fill(1, 1, "4", "100"))
    b = wished(intent(1, side=side), fill(1, 1, "10", "100.50"))
    found = difference(a, b, 5.0)
    assert found.pairs[0].differences == (("filled", "4", "10"), ("price", "100", "100.5"))
    # Over what both filled.
    assert found.cost() == cost


def test_what_only_one_has_is_missing_in_the_other() -> None:
    a = wished(intent(1), intent(20, 2), intent(40, 3))
    b = wished(intent(1), intent(40, 2), intent(60, 3))
    found = difference(a, b, 5.0)
    assert [(pair.a.at_us // S, pair.b.at_us // S) for pair in found.pairs] == [(1, 1), (40, 40)]
    assert [one.at_us // S for one in found.only_a] == [20]
    assert [one.at_us // S for one in found.only_b] == [60]


def test_a_partner_has_the_same_strategy_instrument_side_and_purpose() -> None:
    for changes in (
        {"strategy": "beta"},
        {"symbol": "IBM"},
        {"side": "SELL"},
        {"is_reduce_only": "true"},
    ):
        found = difference(wished(intent(1)), wished(intent(1, 1, **changes)), 5.0)
        assert (len(found.pairs), found.count) == (0, 2)


def test_each_leg_of_a_bracket_is_held_against_the_same_leg() -> None:
    """The two runs name them in another order, which nobody decided."""
    stop, profit = {"order_type": "STP", "stop_price": "95"}, {"limit_price": "110"}
    a = wished(
        intent(1, 1, intent_id="x-alpha-1s", **stop),
        intent(1.1, 1, intent_id="x-alpha-1p", **profit),
    )
    b = wished(
        intent(1, 1, intent_id="y-alpha-1p", **profit),
        intent(1.1, 1, intent_id="y-alpha-1s", **stop),
    )
    found = difference(a, b, 5.0)
    assert (len(found.pairs), found.count) == (2, 0)


def test_nothing_to_compare_is_not_the_same() -> None:
    assert difference((), (), 5.0).is_empty
    assert difference((), (), 5.0).mean_late_s() is None


times = st.lists(st.integers(0, 300), max_size=15)


@given(times, times, st.integers(0, 20))
def test_each_intent_is_told_once_and_partners_are_near(
    a_at: list[int], b_at: list[int], window: int
) -> None:
    a = wished(*(intent(at, number) for number, at in enumerate(a_at)))
    b = wished(*(intent(at, number) for number, at in enumerate(b_at)))
    found = difference(a, b, window)
    assert len(found.pairs) + len(found.only_a) == len(a)
    assert len(found.pairs) + len(found.only_b) == len(b)
    assert len({id(pair.b) for pair in found.pairs}) == len(found.pairs)
    assert all(abs(pair.later_s) <= window for pair in found.pairs)
    back = difference(b, a, window)
    assert len(back.pairs) == len(found.pairs)
