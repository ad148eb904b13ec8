"""Exposure of the account: regimes, account types, what works elsewhere, and exits that pass."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import (
    NOW_S,
    OTHER_CON,
    SELL,
    a_book,
    a_valuation,
    an_instrument,
    an_intent,
    given,
    plan_order,
)
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import (
    EXIT,
    INTENT,
    READING,
    SALE,
    exposed,
    failures,
    unavailable,
    under,
)
from trader.core.policy import AccountType, Regime, RegimeLimits
from trader.core.risk import Downgraded, RiskInput, review

D = Decimal
BY_THE_BOOK = a_policy(
    exposure__calm=RegimeLimits(D("2.5"), D("1.0"), D("0.25")),
    exposure__normal=RegimeLimits(D("2.0"), D("0.8"), D("0.25")),
    exposure__storm=RegimeLimits(D("1.0"), D("0.4"), D("0.25")),
    exposure__concentration_hold=D("0.20"),
    order__quantity_max=D(10_000),
    order__notional_max=D(10**7),
    position__quantity_max=D(10_000),
    position__notional_max=D(10**7),
)


def account(gross: int, net: int, regime: Regime | None, **changes: Any) -> RiskInput:
    """Return an account worth 100000 with exposure in other instruments."""
    sound = given(a_book(), policy=BY_THE_BOOK, regime=regime)
    worth = a_valuation(sound, nav=D(100_000), gross=D(gross), net=D(net))
    return replace(sound, valuation=worth, **changes)


@pytest.mark.parametrize(
    ("regime", "gross"),
    [(Regime.CALM, 200), (Regime.NORMAL, 200), (Regime.STORM, 100), (None, 100)],
)
def test_gross_exposure_is_limited_by_regime_and_account(regime: Regime | None, gross: int) -> None:
    """CAP-24: a Reg-T account carries 2.0 also in a calm; an unknown regime is a storm."""
    at_limit = account(gross * 1_000 - 1_000, 0, regime)
    loose = replace(at_limit, policy=replace(BY_THE_BOOK, exposure=_levered(at_limit)))
    assert failures(INTENT, loose) == []
    over = account(gross * 1_000 - 999, 0, regime, policy=loose.policy)
    assert failures(INTENT, over) == ["GROSS_LIMIT"]


def _levered(risk_input: RiskInput) -> Any:
    exposure = risk_input.policy.exposure
    rows = tuple(replace(row, leverage_max=D(9)) for row in exposure.classes)
    return replace(exposure, classes=rows)


@pytest.mark.parametrize(
    ("regime", "net"), [(Regime.CALM, 100), (Regime.NORMAL, 80), (Regime.STORM, 40), (None, 40)]
)
@pytest.mark.parametrize("intent", [INTENT, SALE])
def test_net_exposure_is_limited_by_regime_on_both_sides(
    regime: Regime | None, net: int, intent: Any
) -> None:
    """CAP-25."""
    sign = 1 if intent is INTENT else -1
    policy = replace(BY_THE_BOOK, position=replace(BY_THE_BOOK.position, is_short_allowed=True))
    exact = account(0, sign * (net * 1_000 - 1_000), regime, policy=policy, account=READING)
    assert failures(intent, exact) == []
    over = account(0, sign * (net * 1_000 - 999), regime, policy=policy, account=READING)
    assert failures(intent, over) == ["NET_LIMIT"]
    away = account(0, -sign * 90_000, regime, policy=policy, account=READING)
    assert failures(intent, away) == [], "an order that brings the account back is welcome"


@pytest.mark.parametrize(
    ("quantity", "found"),
    [(200, []), (201, ["CONCENTRATION_HOLD"]), (250, ["CONCENTRATION_HOLD"]),
     (251, ["CONCENTRATION_HOLD", "BOX_LIMIT"])],
)  # fmt: skip
def test_a_fifth_is_held_back_and_a_quarter_refused(quantity: int, found: list[str]) -> None:
    """BRK-04, CAP-23: 20.00 % and 25.00 % are still allowed."""
    intent = replace(INTENT, quantity=D(quantity))
    risk_input = account(0, 0, Regime.NORMAL)
    assert failures(intent, risk_input) == found
    assert isinstance(review(intent, risk_input), Downgraded) is (len(found) == 1)


def test_the_lower_of_our_value_and_the_brokers_counts() -> None:
    intent = replace(INTENT, quantity=D(200))
    told = replace(READING, net_liquidation=D(99_999))
    assert failures(intent, account(0, 0, None, account=told)) == ["CONCENTRATION_HOLD"]
    richer = replace(READING, net_liquidation=D(200_000))
    assert failures(replace(intent, quantity=D(201)), account(0, 0, None, account=richer)) == [
        "CONCENTRATION_HOLD"
    ]


def test_what_works_elsewhere_counts_as_filled() -> None:
    book = a_book()
    plan_order(book, an_intent(1, con_id=OTHER_CON))
    limits = RegimeLimits(D("0.02"), D(2), D(1))
    assert failures(INTENT, under(book, exposure__storm=limits)) == []
    plan_order(book, an_intent(2, con_id=OTHER_CON, quantity=D(1)), 2)
    assert failures(INTENT, under(book, exposure__storm=limits)) == ["GROSS_LIMIT"]
    net = under(book, exposure__storm=RegimeLimits(D(2), D("0.02"), D(1)))
    assert failures(INTENT, net) == ["NET_LIMIT"]


def test_a_protective_sale_elsewhere_adds_nothing() -> None:
    book = a_book(held=10)
    plan_order(book, an_intent(1, side=SELL, limit_price=D(104)))
    intent = an_intent(2, con_id=OTHER_CON)
    sound = under(book, exposure__storm=RegimeLimits(D("0.0199"), D(2), D(1)))
    other = replace(
        sound,
        instrument=an_instrument(con_id=OTHER_CON),
        quote=replace(sound.quote, con_id=OTHER_CON),  # type: ignore[type-var]
    )
    assert failures(intent, other) == []


@pytest.mark.parametrize("what", ["missing", "old", "from tomorrow", "nan", "none"])
def test_an_account_whose_value_is_not_known_takes_no_new_risk(what: str) -> None:
    """CAP-05: and what it holds can still be closed."""
    sound = given(a_book(held=10))
    worth: dict[str, Any] = {
        "missing": a_valuation(sound, missing=("BBB (7): no mark",)),
        "old": a_valuation(sound, as_of_s=NOW_S - 11),
        "from tomorrow": a_valuation(sound, as_of_s=NOW_S + 1),
        "nan": a_valuation(sound, as_of_s=float("nan")),
        "none": None,
    }
    blind = replace(sound, valuation=worth[what])
    assert "VALUATION" in [*failures(INTENT, blind), *unavailable(INTENT, blind)]
    assert failures(EXIT, blind) == []
    assert unavailable(EXIT, blind) == []


@pytest.mark.parametrize("nav", [0, -1])
def test_an_account_that_is_worth_nothing_takes_no_new_risk(nav: int) -> None:
    sound = given(a_book())
    broke = replace(sound, valuation=a_valuation(sound, nav=D(nav)))
    assert "GROSS_LIMIT" in failures(INTENT, broke)


def test_a_policy_may_do_without_exposure_and_an_exit_always_does() -> None:
    tight = exposed(gross_max=D("0.001"), net_max=D("0.001"), box_max=D("0.001"))
    assert failures(INTENT, tight) == ["BOX_LIMIT", "GROSS_LIMIT", "NET_LIMIT"]
    assert failures(EXIT, replace(tight, book=a_book(held=10))) == []
    assert failures(INTENT, under(exposure__is_enforced=False)) == []


def test_a_loss_is_measured_from_the_start_of_the_day() -> None:
    lossy = under(exposure__day_loss_max=D("0.05"))
    assert failures(INTENT, replace(lossy, baseline_equity=D("105263.15"))) == []
    assert failures(INTENT, replace(lossy, baseline_equity=D("105263.16"))) == ["DAY_LOSS"]
    required = under(exposure__is_baseline_required=True)
    assert unavailable(INTENT, required) == ["DAY_LOSS"]
    assert unavailable(INTENT, replace(required, baseline_equity=D(0))) == ["DAY_LOSS"]


def test_a_cash_account_is_never_levered() -> None:
    told = replace(READING, account_type=AccountType.CASH)
    calm = account(99_001, 0, Regime.CALM, account=told)
    assert failures(INTENT, calm) == ["GROSS_LIMIT"]


def value_told(code: str, intent: Any, asked: RiskInput) -> str:
    return next(row.value for row in review(intent, asked).checks if row.code == code)


@pytest.mark.parametrize("age_s", [0.0, 0.5, 10.0])
def test_a_value_made_at_this_moment_counts_and_one_at_its_budget_does(age_s: float) -> None:
    sound = given(a_book())
    asked = replace(sound, valuation=a_valuation(sound, as_of_s=NOW_S - age_s))
    assert failures(INTENT, asked) == []
    assert value_told("VALUATION", INTENT, asked) == f"{age_s:.1f} s old"


def test_a_value_that_lacks_something_is_none_for_any_check() -> None:
    """CAP-05: what is missing is named, and no other check reckons with the rest."""
    sound = given(a_book(), account=READING)
    blind = replace(sound, valuation=a_valuation(sound, missing=("BBB (7): no mark",)))
    assert value_told("VALUATION", INTENT, blind) == "BBB (7): no mark"
    assert {"BOX_LIMIT", "GROSS_LIMIT", "NET_LIMIT", "LEVERAGE", "MARGIN"} <= set(
        unavailable(INTENT, blind)
    )


@pytest.mark.parametrize("nav", [0, -1])
def test_an_account_that_is_worth_nothing_is_not_levered_by_what_it_owes(nav: int) -> None:
    """Less than nothing is no exposure below a limit of less than nothing."""
    broke = account(0, -90_000, Regime.CALM, account=READING)
    worth = replace(broke.valuation, nav=D(nav))  # type: ignore[type-var]
    assert "NET_LIMIT" in failures(INTENT, replace(broke, valuation=worth))


def test_a_day_that_began_with_debts_has_no_loss_to_measure() -> None:
    required = under(exposure__is_baseline_required=True)
    assert unavailable(INTENT, replace(required, baseline_equity=D(-1))) == ["DAY_LOSS"]


def test_an_exit_needs_no_start_of_the_day() -> None:
    required = under(a_book(held=10), exposure__is_baseline_required=True)
    assert unavailable(EXIT, required) == []
    assert value_told("DAY_LOSS", EXIT, required) == "closes only"
    assert value_told("DAY_LOSS", INTENT, under()) == "not asked"
