"""Values survive the way to JSON and back, and what does not fit is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.sim.host.encoding import from_json, to_json
from trader.sim.model.instruments import ContractQuery, Instrument, Leg
from trader.sim.model.orders import Condition, Order, OrderRequest, Side, Status, Terms


@dataclass(frozen=True)
class Odd:
    """A value with a field that has no JSON form."""

    thing: object


terms = st.builds(
    Terms,
    action=st.sampled_from(["BUY", "SELL"]),
    quantity=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
    order_type=st.text(),
    display_size=st.none() | st.integers(),
    discretionary=st.decimals(allow_nan=False, allow_infinity=False),
    conditions=st.lists(st.builds(Condition, st.integers(), st.lists(st.text()).map(tuple))).map(
        tuple
    ),
    leg_prices=st.lists(st.none() | st.decimals(allow_nan=False, allow_infinity=False)).map(tuple),
    echo=st.dictionaries(st.text(), st.text() | st.lists(st.text()).map(tuple)),
)


@given(terms)
def test_terms_come_back_as_they_were(value: Terms) -> None:
    request = OrderRequest(1, ContractQuery(symbol="AAPL"), value)
    assert from_json(OrderRequest, json.loads(json.dumps(to_json(request)))) == request


def test_an_order_comes_back_with_its_instrument() -> None:
    spread = Instrument(
        28812380, "SPY", "BAG", "SMART", "USD", "SPY", "spread", expiry=date(2026, 3, 20),
        legs=(Leg(1, 1, "BUY"), Leg(2, 2, "SELL", "SMART")),
    )  # fmt: skip
    order = Order(
        5, 1, 7, spread, Side.SELL, Terms("SELL", Decimal(2), "LMT", Decimal("-1.05")), "DU1",
        "ref", 1.5, status=Status.SUBMITTED, stop_now=Decimal("3.10"),
    )  # fmt: skip
    assert from_json(Order, json.loads(json.dumps(to_json(order)))) == order


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", 5), ("quantity", "five"), ("action", None), ("outside_rth", 1),
        ("conditions", {"kind": 1}), ("nothing", 1), ("echo", 7), ("display_size", "3"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_type_is_refused(field: str, value: object) -> None:
    data = json.loads(json.dumps(to_json(Terms("BUY", Decimal(1), "MKT"))))
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(Terms, data | {field: value})


def test_a_value_without_a_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        to_json(Odd(object()))
