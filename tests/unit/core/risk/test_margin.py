"""Leverage, margin and the broker's funds: the lower of ours and theirs, and nothing on trust."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import (
    NOW_S,
    a_book,
    a_valuation,
    an_instrument,
    an_intent,
    given,
    plan_order,
)
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import INTENT, READING, SALE, asked_of, failures, unavailable, under
from trader.core.account import MarginPreview
from trader.core.intents import OrderType, TimeInForce
from trader.core.policy import AccountType, WhatIf
from trader.core.risk import review
from trader.core.risk.margin import CHECKS

D = Decimal
FORMS = frozenset((kind, OrderType.LIMIT, TimeInForce.DAY) for kind in ("STK", "FUT", "OPT", "ZZZ"))
SHORTS = {"position__is_short_allowed": True}


def of_class(sec_type: str, **changes: Any) -> Any:
    instrument = an_instrument(sec_type=sec_type)
    return given(a_book(), policy=a_policy(order__forms=FORMS), instrument=instrument, **changes)


def test_a_class_that_the_policy_does_not_name_is_not_traded() -> None:
    assert unavailable(INTENT, of_class("ZZZ")) == ["LEVERAGE", "MARGIN", "AVAILABLE_FUNDS"]


def test_without_a_reading_only_what_is_paid_in_full_is_bought() -> None:
    assert failures(INTENT, of_class("STK")) == []
    assert failures(INTENT, of_class("OPT")) == []
    assert failures(INTENT, of_class("FUT")) == ["MARGIN", "AVAILABLE_FUNDS"]
    assert failures(SALE, under(**SHORTS)) == ["MARGIN", "AVAILABLE_FUNDS"]


def test_with_a_reading_each_class_costs_its_own_margin() -> None:
    poor = replace(READING, available_funds=D(200), buying_power=D(5_000))
    assert failures(INTENT, of_class("FUT", account=poor)) == []
    assert failures(INTENT, of_class("STK", account=poor)) == ["AVAILABLE_FUNDS"]
    assert failures(SALE, replace(under(**SHORTS), account=READING)) == []


@pytest.mark.parametrize("age_s", [-1.0, 400.1, float("nan")])
def test_a_reading_that_is_old_or_from_tomorrow_is_none(age_s: float) -> None:
    stale = replace(READING, as_of_s=NOW_S - age_s)
    required = under(exposure__is_reading_required=True)
    assert failures(INTENT, replace(required, account=READING)) == []
    assert unavailable(INTENT, replace(required, account=stale)) == ["MARGIN", "AVAILABLE_FUNDS"]


@pytest.mark.parametrize("name", ["available_funds", "buying_power", "initial_margin"])
def test_a_reading_that_lacks_a_number_refuses(name: str) -> None:
    gone: dict[str, Any] = {name: None}
    assert unavailable(INTENT, given(a_book(), account=replace(READING, **gone)))


def test_buying_power_covers_the_whole_order_and_what_works() -> None:
    """CAP-10."""
    book = a_book()
    exact = replace(READING, buying_power=D(1_001))
    assert failures(INTENT, given(book, account=exact)) == []
    plan_order(book)
    assert failures(INTENT, given(book, account=exact)) == ["AVAILABLE_FUNDS"]


def test_margin_counts_what_works_in_full_and_warns_before_it_refuses() -> None:
    """CAP-15."""
    limits = {"exposure__margin_usage_max": D("0.5"), "exposure__margin_usage_warning": D("0.4")}
    for bound, found in ((39_000, []), (45_000, []), (49_500, []), (49_501, ["MARGIN"])):
        reading = replace(READING, initial_margin=D(bound))
        sound = replace(under(**limits), account=reading)
        assert failures(INTENT, sound) == found
        row = next(row for row in review(INTENT, sound).checks if row.code == "MARGIN")
        assert row.value.endswith("(above the warning)") is (bound > 40_000)


def test_a_cash_account_uses_no_margin_at_all() -> None:
    cash_account = replace(under(exposure__account_type=AccountType.CASH), account=READING)
    assert failures(INTENT, cash_account) == []
    future = replace(
        cash_account,
        policy=a_policy(order__forms=FORMS, exposure__account_type=AccountType.CASH),
        instrument=an_instrument(sec_type="FUT"),
    )
    assert failures(INTENT, future) == ["MARGIN"]


def test_the_brokers_preview_is_a_third_opinion() -> None:
    sound = given(a_book())
    for after, equity, found in ((100, 100, []), (101, 100, ["WHAT_IF"]), (0, 0, ["WHAT_IF"])):
        preview = MarginPreview(D(after), D(equity))
        assert failures(INTENT, replace(sound, what_if=preview)) == found


def test_working_orders_of_the_same_instrument_count_once() -> None:
    book = a_book()
    plan_order(book, an_intent(1))
    levered = a_policy(exposure__classes=tuple(
        replace(row, leverage_max=D("0.02")) for row in a_policy().exposure.classes
    ))  # fmt: skip
    assert failures(an_intent(2), given(book, policy=levered)) == []
    assert failures(an_intent(2, quantity=D(11)), given(book, policy=levered)) == ["LEVERAGE"]


@pytest.mark.parametrize(
    ("what_if", "is_asked", "found"),
    [
        (WhatIf.NEVER, True, []),
        (WhatIf.ASKED, True, []),
        (WhatIf.REQUIRED, False, []),
        (WhatIf.REQUIRED, True, ["WHAT_IF"]),
    ],
)
def test_a_what_if_without_an_answer_refuses_only_where_it_is_required(
    what_if: WhatIf, is_asked: bool, found: list[str]
) -> None:
    policy = a_policy(exposure__what_if=what_if)
    asked = replace(given(a_book()), policy=policy, is_what_if_asked=is_asked)
    assert unavailable(INTENT, asked) == found


@pytest.mark.parametrize(
    ("what_if", "told"),
    [
        (WhatIf.NEVER, "no answer asked for"),
        (WhatIf.ASKED, "to be asked"),
        (WhatIf.REQUIRED, "to be asked"),
    ],
)
def test_who_adds_risk_is_to_ask_unless_the_policy_never_does(what_if: WhatIf, told: str) -> None:
    asked = replace(given(a_book()), policy=a_policy(exposure__what_if=what_if))
    rows = {row.code: row for row in review(INTENT, asked).checks}
    assert (rows["WHAT_IF"].value, rows["WHAT_IF"].passed) == (told, True)


def test_an_account_that_is_worth_nothing_has_no_margin_to_use() -> None:
    sound = given(a_book(), account=READING)
    broke = replace(sound, valuation=a_valuation(sound, nav=D(-1)))
    assert "MARGIN" in unavailable(INTENT, broke)


def test_the_warning_comes_above_its_share_and_not_at_it() -> None:
    limits = under(exposure__margin_usage_warning=D("0.4"))
    for bound, told in ((39_500, "0.40000"), (39_501, "0.40001 (above the warning)")):
        reading = replace(READING, initial_margin=D(bound))
        rows = {row.code: row for row in review(INTENT, replace(limits, account=reading)).checks}
        assert rows["MARGIN"].value == told


@pytest.mark.parametrize("age_s", [0.0, 0.5, 400.0])
def test_a_reading_counts_from_its_first_moment_to_its_last(age_s: float) -> None:
    required = under(exposure__is_reading_required=True)
    fresh = replace(READING, as_of_s=NOW_S - age_s)
    assert unavailable(INTENT, replace(required, account=fresh)) == []


def test_what_ends_flat_owes_nothing() -> None:
    """A sale of all that the book holds, where the broker shows less: no exit, and no debt."""
    asked = given(a_book(held=10), broker_position=D(4))
    assert "MARGIN" not in failures(SALE, asked)
    assert "MARGIN" in failures(replace(SALE, quantity=D(11)), asked)


def test_each_check_is_asked_and_tells_its_own_code() -> None:
    assert asked_of(CHECKS) == ["LEVERAGE", "MARGIN", "AVAILABLE_FUNDS", "WHAT_IF"]
