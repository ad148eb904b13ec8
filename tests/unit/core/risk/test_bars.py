"""New risk waits for bars that are missing or that nobody knows of; what only closes does not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core.factories import a_book, given
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import EXIT, INTENT, asked_of, failures
from trader.core.bars import NO_BARS, BarsView
from trader.core.risk import Refused, review
from trader.core.risk.bars import CHECKS

D = Decimal
LACKING = BarsView(D("0.8999"), text="AAA 60 s: 8999 of 10000")
UNKNOWN = BarsView(unknown="the broker has not told of the past yet")


@pytest.mark.parametrize("view", [LACKING, UNKNOWN])
def test_missing_bars_take_no_new_risk_and_let_an_exit_out(view: BarsView) -> None:
    """DAT-05."""
    assert failures(INTENT, replace(given(a_book()), bars=view)) == ["BARS_INCOMPLETE"]
    # An exit leaves, whatever it says of itself.
    for intent in (EXIT, replace(EXIT, is_reduce_only=False)):
        assert failures(intent, replace(given(a_book(held=10)), bars=view)) == []


@pytest.mark.parametrize("view", [NO_BARS, BarsView(), BarsView(D("0.9")), BarsView(D(1))])
def test_who_has_enough_or_looks_at_none_is_not_held_back(view: BarsView) -> None:
    assert failures(INTENT, replace(given(a_book()), bars=view)) == []


def test_a_sale_beyond_what_is_held_is_new_risk() -> None:
    intent = replace(EXIT, is_reduce_only=False, quantity=D(11))
    policy = a_policy(position__is_short_allowed=True)
    found = failures(intent, replace(given(a_book(held=10), policy=policy), bars=LACKING))
    assert "BARS_INCOMPLETE" in found


def test_the_refusal_says_which_and_how_many() -> None:
    verdict = review(INTENT, replace(given(a_book()), bars=LACKING))
    assert isinstance(verdict, Refused)
    assert verdict.code == "BARS_INCOMPLETE"
    assert "0.8999, AAA 60 s: 8999 of 10000" in verdict.text
    assert "at least 0.9 of the session" in verdict.text
    unknown = review(INTENT, replace(given(a_book()), bars=UNKNOWN))
    assert isinstance(unknown, Refused)
    assert "not known: the broker has not told" in unknown.text


def test_the_policy_says_how_many_must_be_there() -> None:
    policy = a_policy(price__bar_share_min=D("0.8"))
    assert failures(INTENT, replace(given(a_book(), policy=policy), bars=LACKING)) == []


def test_the_topic_has_these_codes_and_asks_each_of_a_sound_intent() -> None:
    assert asked_of(CHECKS) == ["BARS_INCOMPLETE"]
