"""Bodies of the orders API: sound, or refused with the field, the value and what is allowed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.halts import Mode
from trader.core.ids import OrderId
from trader.engine.orders.wishes import CancelWish, ChangeWish, Wish
from trader.ops.order_bodies import BadOrder, cancel_in, change_in, number_in, wish_in

D = Decimal
SEVEN = OrderId(7)
ORDER: dict[str, Any] = {
    "symbol": "AAPL",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": 10,
    "price": 187.25,
    "mode": "PAPER",
}
CHANGE: dict[str, Any] = {"quantity": 12, "price": "187.30", "mode": "PAPER", "reason": "moved"}


def said(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def test_a_change_is_read_with_every_digit() -> None:
    assert change_in(SEVEN, said(CHANGE)) == ChangeWish(
        SEVEN, D(12), D("187.30"), None, Mode.PAPER, "moved"
    )
    stop = change_in(SEVEN, b'{"stop_price": 99.10, "price": null, "mode": "demo"}')
    assert stop == ChangeWish(SEVEN, None, None, D("99.10"), Mode.DEMO, "asked for")
    assert str(stop.stop_price) == "99.10"


def test_a_cancel_needs_a_mode_and_nothing_else() -> None:
    assert cancel_in(SEVEN, b'{"mode": "LIVE"}') == CancelWish(SEVEN, Mode.LIVE, "asked for")
    told = cancel_in(SEVEN, said({"mode": "LIVE", "reason": "enough"}))
    assert told.reason == "enough"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the body is not JSON"),
        ([1], "allowed is an object"),
        ({"quantity": 12}, "mode is missing; needed are mode"),
        ({"mode": "PAPER"}, "changes nothing; needed is one of quantity, price, stop_price"),
        ({"mode": "PAPER", "price": None}, "changes nothing"),
        (CHANGE | {"quantity": 0}, 'quantity is "0", allowed is a number above 0'),
        (CHANGE | {"quantity": "NaN"}, 'quantity is "NaN"'),
        (CHANGE | {"price": -1}, 'price is "-1"'),
        (CHANGE | {"stop_price": True}, "stop_price is true"),
        (CHANGE | {"side": "SELL"}, '"side" is no field, allowed are quantity, price, stop_price'),
        (CHANGE | {"limit_price": 5}, '"limit_price" is no field'),
        (CHANGE | {"time_in_force": "GTC"}, '"time_in_force" is no field'),
        (CHANGE | {"mode": "DEMOCRACY"}, 'mode is "DEMOCRACY"'),
        (CHANGE | {"reason": ""}, 'reason is ""'),
    ],
)
def test_what_is_wrong_with_a_change_is_named(body: object, problem: str) -> None:
    with pytest.raises(BadOrder) as caught:
        change_in(SEVEN, said(body))
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the body is not JSON"),
        ({}, "mode is missing"),
        ({"mode": "PAPER", "quantity": 5}, '"quantity" is no field, allowed are mode, reason'),
        ({"mode": 5}, 'mode is "5", allowed is one of'),
    ],
)
def test_what_is_wrong_with_a_cancel_is_named(body: object, problem: str) -> None:
    with pytest.raises(BadOrder) as caught:
        cancel_in(SEVEN, said(body))
    assert problem in str(caught.value)


def test_a_number_of_a_query_is_read_or_named() -> None:
    assert number_in({"limit": "5"}, "limit", 9) == 5
    assert number_in({}, "limit", 9) is None
    with pytest.raises(BadOrder, match="limit is '10', allowed is 1 to 9"):
        number_in({"limit": "10"}, "limit", 9)


def tried(content: bytes) -> tuple[Wish | None, str]:
    try:
        return wish_in(content), ""
    except BadOrder as error:
        return None, str(error)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*ORDER, "stop_price", "reduce_only", "x"]), VALUES))
def test_whatever_is_sent_is_a_sound_wish_or_a_named_problem(change: dict[str, Any]) -> None:
    wish, problem = tried(json.dumps(ORDER | change).encode())
    if wish is None:
        assert "allowed" in problem or "not JSON" in problem
        return
    assert wish.quantity > 0
    assert wish.quantity.is_finite()
    assert wish.limit_price is None or wish.limit_price > 0


def tried_change(content: bytes) -> tuple[ChangeWish | None, str]:
    try:
        return change_in(SEVEN, content), ""
    except BadOrder as error:
        return None, str(error)


@given(st.dictionaries(st.sampled_from([*CHANGE, "stop_price", "x"]), VALUES))
def test_whatever_is_sent_is_a_sound_change_or_a_named_problem(change: dict[str, Any]) -> None:
    wish, problem = tried_change(said(CHANGE | change))
    if wish is None:
        assert "allowed" in problem or "needed" in problem or "not JSON" in problem
        return
    terms = [wish.quantity, wish.limit_price, wish.stop_price]
    assert any(terms)
    assert all(one is None or (one.is_finite() and one > 0) for one in terms)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (
            b'{"symbol": "A", "side": "SELL", "side": "BUY", "type": "MARKET", "quantity": 1}',
            "the key 'side' stands twice",
        ),
        (json.dumps(ORDER)[:-1].encode() + b', "quantity": 1000}', "'quantity' stands twice"),
        (ORDER | {"side": "\N{LATIN SMALL LETTER LONG S}ell"}, "allowed is one of BUY, SELL"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(body: object, problem: str) -> None:
    with pytest.raises(BadOrder, match=problem):
        wish_in(said(body))
