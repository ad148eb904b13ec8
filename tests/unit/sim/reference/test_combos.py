"""Combinations are made from their legs, or refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from trader.sim.model.instruments import Instrument, Leg
from trader.sim.reference import combos, options, underlyings

APPLE, INDEX = underlyings.listed()["AAPL"], underlyings.listed()["VIX"]
(CHAIN,) = options.chains({APPLE: Decimal(40)})
CALL = options.contract(CHAIN, date(2026, 4, 17), Decimal(40), "C")
HIGHER = options.contract(CHAIN, date(2026, 4, 17), Decimal(45), "C")


def leg(item: Instrument, action: str = "BUY", ratio: int = 1) -> Leg:
    return Leg(item.con_id, ratio, action, "SMART")


def test_a_spread_is_quoted_per_share() -> None:
    legs = (leg(CALL), leg(HIGHER, "SELL", 2))
    spread = combos.make("AAPL", "SMART", legs, (CALL, HIGHER))
    assert (spread.sec_type, spread.multiplier, spread.exchange) == ("BAG", Decimal(100), "SMART")
    assert [part.weight for part in combos.parts(spread, (CALL, HIGHER))] == [1, -2]


def test_a_covered_call_counts_its_hundred_shares_once() -> None:
    legs = (leg(APPLE, ratio=100), leg(CALL, "SELL"))
    covered = combos.make("", "", legs, (APPLE, CALL))
    assert covered.symbol == "AAPL"
    assert [part.weight for part in combos.parts(covered, (APPLE, CALL))] == [1, -1]


def test_the_same_legs_have_the_same_id_and_others_another() -> None:
    legs = (leg(CALL), leg(HIGHER, "SELL"))
    first = combos.make("AAPL", "SMART", legs, (CALL, HIGHER))
    assert combos.make("AAPL", "CBOE", legs, (CALL, HIGHER)).con_id == first.con_id
    turned = (leg(CALL, "SELL"), leg(HIGHER))
    assert combos.make("AAPL", "SMART", turned, (CALL, HIGHER)).con_id != first.con_id


@pytest.mark.parametrize(
    ("legs", "items", "text"),
    [
        ((), (), "combo legs: 0 is not allowed; allowed: 1 to 6"),
        ((leg(CALL),) * 7, (CALL,) * 7, "combo legs: 7 is not allowed; allowed: 1 to 6"),
        ((Leg(5, 1, "BUY"),), (None,), "combo leg conId: 5 is not known"),
        ((leg(INDEX),), (INDEX,), "combo leg conId: 13455763 is a IND"),
        ((leg(CALL, ratio=0),), (CALL,), "combo leg ratio: 0 is not allowed"),
        ((leg(CALL, "HOLD"),), (CALL,), "combo leg action: 'HOLD' is not allowed"),
        (
            (leg(CALL), leg(APPLE)),
            (CALL, replace(APPLE, currency="EUR")),
            "combo legs: several currencies are not allowed",
        ),
    ],
)
def test_a_flaw_names_field_value_and_what_is_allowed(
    legs: tuple[Leg, ...], items: tuple[Instrument | None, ...], text: str
) -> None:
    found = combos.flaw(legs, items)
    assert found is not None
    assert found.startswith(text)
    assert combos.flaw((leg(CALL),), (CALL,)) is None
