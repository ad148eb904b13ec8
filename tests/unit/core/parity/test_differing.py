"""In what two decisions differ, and why where the records know it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.core.parity.records import NAMES, D, fill, intent, refused
from trader.core.parity.decided import Decided, Follower
from trader.core.parity.differing import (
    Around,
    fills_differing,
    shown,
    terms_differing,
    told,
    why_alone,
    why_pair,
)
from trader.core.parity.verdict import Limits

LIMITS = Limits()
AROUND = Around(NAMES, {}, "2026-11-22 10:00:00")


def filled(quantity: str, price: str, **changes: Any) -> Decided:
    follower, one = Follower(), Decided(intent(0), **changes)
    follower.add(one)
    follower.on_fill(fill(1, "alpha-1", quantity, price))
    return one


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"quantity": "12"}, ("quantity", "10", "12")),
        ({"order_type": "LMT"}, ("order_type", "MKT", "LMT")),
        ({"time_in_force": "IOC"}, ("time_in_force", "DAY", "IOC")),
        ({"limit_price": "9"}, ("limit_price", "", "9")),
        ({"take_profit_price": "110"}, ("take_profit_price", "", "110")),
        ({"verdict": "refused", "code": "HALTED"}, ("verdict", "approved", "refused")),
    ],
)
def test_each_term_and_the_verdict_can_differ(
    changes: dict[str, str], difference: tuple[str, str, str]
) -> None:
    found = terms_differing(Decided(intent(0)), Decided(intent(0, **changes)), LIMITS)
    assert list(found) == [difference]


def test_refusals_with_other_codes_differ() -> None:
    a, b = (Decided(refused(0, "alpha-1", code, "")) for code in ("CHURN", "HALTED"))
    assert list(terms_differing(a, b, LIMITS)) == [("code", "CHURN", "HALTED")]


@pytest.mark.parametrize(("other", "differs"), [("100.05", False), ("100.06", True)])
def test_a_price_of_the_terms_may_lie_a_little_apart(other: str, differs: bool) -> None:
    a, b = Decided(intent(0, limit_price="100")), Decided(intent(0, limit_price=other))
    assert bool(list(terms_differing(a, b, LIMITS))) is differs


def test_another_quantity_or_a_price_beyond_the_limit_fills_otherwise() -> None:
    assert list(fills_differing(filled("10", "100"), filled("10", "100.1"), LIMITS)) == []
    found = list(fills_differing(filled("10", "100"), filled("4", "100.2"), LIMITS))
    assert found == [("filled", "10", "4"), ("price", "100", "100.2")]


def test_a_refusal_is_why() -> None:
    a, b = Decided(intent(0)), Decided(refused(0, "alpha-1", "HALTED", "operator: enough"))
    assert why_pair(a, b, AROUND) == "the daemon refused it: HALTED: operator: enough"
    held = Decided(intent(0, verdict="held", code="X", text="X: too much"))
    assert why_pair(held, a, AROUND) == "the shadow held it: X: too much"


def test_a_cancel_is_why_less_has_filled() -> None:
    short = filled("4", "100")
    short.is_cancelled = True
    assert why_pair(filled("10", "100"), short, AROUND) == (
        "in the daemon it was cancelled with 4 of 10 filled"
    )
    assert why_pair(short, short, AROUND) == ""


def test_what_was_held_otherwise_is_why_and_names_the_fill_since() -> None:
    since = "abc123-alpha-1 filled in the daemon"
    one = Decided(intent(0), (D(10), D(0)), since)
    expected = f"held were 0 in the shadow, 10 in the daemon, since {since}"
    assert why_alone("b", one, AROUND) == expected
    other = Decided(intent(0), (D(0), D(10)), since)
    assert why_alone("a", other, AROUND) == expected
    assert why_pair(other, one, AROUND) == expected


def test_an_exit_of_what_was_held_before_says_so() -> None:
    one = Decided(intent(0, side="SELL", is_reduce_only="true"))
    assert why_alone("b", one, AROUND) == (
        "it closes what the daemon held before 2026-11-22 10:00:00, when the comparison began anew"
    )
    held = Decided(intent(0, side="SELL", is_reduce_only="true"), (D(10), D(10)))
    assert why_alone("b", held, AROUND) == ""


def test_a_strategy_that_had_stopped_is_why_the_other_is_alone() -> None:
    around = Around(NAMES, {"a": "ValueError: no"}, "")
    assert why_alone("b", Decided(intent(0)), around) == (
        "the shadow's strategy had stopped: ValueError: no"
    )
    assert why_alone("a", Decided(intent(0)), around) == ""


def test_what_is_listed_has_six_places() -> None:
    assert shown(D(100) / 3) == "33.333333"
    assert shown(None) == ""
    row = told(filled("10", "100"))
    assert (row.intent_id, row.filled, row.price) == ("shadow-alpha-1", "10", "100")
