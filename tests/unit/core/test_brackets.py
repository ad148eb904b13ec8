"""A bracket's legs follow from its entry, and all three name one another."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import BUY, SELL, a_bracket, an_intent
from trader.core.brackets import Role, leg_intents, memberships
from trader.core.ids import OrderId, intent_id_in, is_traceable, numbered, order_ref
from trader.core.intents import BracketTerms, OrderType, TimeInForce, digest, is_writable

D = Decimal
IDS = OrderId(5), OrderId(6), OrderId(7)


def test_an_order_by_itself_has_no_legs() -> None:
    assert leg_intents(an_intent()) == ()


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_legs_close_what_the_entry_brings(side: object) -> None:
    entry = a_bracket(side=side, quantity=D(7))
    profit, stop = leg_intents(entry)
    for leg in (profit, stop):
        assert leg.side is entry.side.opposite
        assert leg.quantity == 7
        assert leg.is_reduce_only
        assert (leg.strategy, leg.con_id) == (entry.strategy, entry.con_id)
        assert leg.time_in_force is TimeInForce.GTC
        assert leg.bracket is None
        assert entry.intent_id in leg.reason
        assert is_writable(leg)
    assert (profit.order_type, profit.limit_price, profit.stop_price) == (
        OrderType.LIMIT,
        D(110),
        None,
    )
    assert (stop.order_type, stop.limit_price, stop.stop_price) == (OrderType.STOP, None, D(95))
    assert profit.reason.startswith("take profit of ")
    assert stop.reason.startswith("stop loss of ")


def test_the_legs_last_as_long_as_was_asked_for() -> None:
    terms = BracketTerms(D(110), D(95), TimeInForce.DAY)
    assert {leg.time_in_force for leg in leg_intents(a_bracket(bracket=terms))} == {TimeInForce.DAY}


@given(st.integers(1, 10**7 - 1))
def test_a_replay_names_the_same_three_and_nothing_else_does(number: int) -> None:
    entry = a_bracket(number)
    names = [one.intent_id for one in (entry, *leg_intents(entry))]
    assert names == [one.intent_id for one in (entry, *leg_intents(entry))]
    assert len(set(names)) == 3
    for name in names:
        assert is_traceable(name)
        assert intent_id_in(order_ref(name)) == name
        assert numbered(name) == numbered(entry.intent_id)


def test_the_digest_seals_the_bracket_and_leaves_others_as_they_were() -> None:
    plain, entry = an_intent(), a_bracket()
    told = {digest(plain), digest(entry)}
    for terms in (
        BracketTerms(D(111), D(95)),
        BracketTerms(D(110), D(94)),
        BracketTerms(D(110), D(95), TimeInForce.DAY),
    ):
        told.add(digest(replace(entry, bracket=terms)))
    assert len(told) == 5
    assert digest(replace(entry, bracket=BracketTerms(D("110.0"), D("95.00")))) == digest(entry)


def test_every_member_names_all_three_and_the_group() -> None:
    places = memberships(IDS, "abc123-alpha-1")
    assert [place.role for place in places] == [Role.ENTRY, Role.TAKE_PROFIT, Role.STOP_LOSS]
    for place in places:
        assert place.ids == IDS
        assert place.legs == (OrderId(7), OrderId(6))
        assert place.oca_group == "abc123-alpha-1"
        assert place.is_leg is (place.role is not Role.ENTRY)
