"""The review as a whole: each limit refuses alone and at its edge, and missing data refuses.

Metamorphic rules beside the table: a stricter limit and a missing input never approve more, and
a mirrored account gets the mirrored answer.
"""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from tests.unit.core.factories import (
    BUY,
    CON,
    NOW_S,
    OTHER_CON,
    SELL,
    a_book,
    a_market_intent,
    a_quote,
    an_instrument,
    an_intent,
    given,
    plan_order,
)
from tests.unit.core.policies import a_policy, bent
from tests.unit.core.risk.cases import (
    CASES,
    EXIT,
    INTENT,
    OPEN,
    READING,
    TICKET,
    failures,
    unavailable,
)
from trader.core.events import Check
from trader.core.intents import Intent, OrderType, Side
from trader.core.policy import Policy, Regime, RegimeLimits, TradingHours
from trader.core.risk import Approved, Downgraded, Refused, RiskInput, review
from trader.core.risk import case as risk_case
from trader.core.risk.case import UNAVAILABLE
from trader.core.risk.codes import CODES, HOLD_CODE
from trader.core.risk.review import CHECKS, WITH_BRACKET, evaluated
from trader.core.risk.size import CHECKS as SIZE_CHECKS

D = Decimal
# What a check is called as long as nothing is wrong with it.
PASSING = {"QUANTITY_INVALID", "PRICE_INVALID"}


def test_a_sound_intent_is_approved_with_every_check_on_record() -> None:
    verdict = review(an_intent(), given(a_book()))
    assert isinstance(verdict, Approved)
    assert verdict.reserve_per_unit == 100
    assert [check.code for check in verdict.checks] == [code for code, _ in CHECKS]
    assert all(check.passed for check in verdict.checks)


def test_every_code_of_the_review_has_a_case_and_every_check_a_code() -> None:
    named = {row.code for row in CODES if row.topic != "gateway"}
    assert set(CASES) == named
    assert {code for code, _ in CHECKS} - PASSING <= named


@pytest.mark.parametrize("code", list(CASES))
def test_a_limit_kept_exactly_approves(code: str) -> None:
    verdict = review(*CASES[code](0))
    assert isinstance(verdict, Approved), [row for row in verdict.checks if not row.passed]


@pytest.mark.parametrize("code", list(CASES))
def test_a_limit_broken_by_one_step_refuses_alone_and_says_so(code: str) -> None:
    intent, risk_input = CASES[code](1)
    verdict = review(intent, risk_input)
    assert not isinstance(verdict, Approved)
    assert isinstance(verdict, Downgraded) is (code == HOLD_CODE)
    assert verdict.code == code
    assert verdict.text.startswith(f"{code}: ")
    assert ", allowed is " in verdict.text
    assert failures(intent, risk_input) == [code]
    # Every check is on record, also after the first that failed.
    assert len(verdict.checks) == len(CHECKS if intent.bracket is None else WITH_BRACKET)


def test_what_is_refused_outright_is_not_held_back() -> None:
    tight = a_policy(exposure__concentration_hold=D("0.001"), order__quantity_max=D(9))
    verdict = review(INTENT, given(a_book(), policy=tight))
    assert isinstance(verdict, Refused)
    assert verdict.code == "QUANTITY_MAX"
    boxed = replace(tight.exposure, storm=RegimeLimits(D(2), D(2), D("0.002")))
    later = replace(a_policy(), exposure=boxed)
    verdict = review(INTENT, given(a_book(), policy=later))
    assert isinstance(verdict, Refused)
    assert verdict.code == "BOX_LIMIT"


# ---- numbers that are none, and data that is missing

NOT_NUMBERS = ["NaN", "sNaN", "Infinity", "-Infinity", "1e30", "9e999999", "-1e30"]
ODD_VALUES = [None, "", "10", True, False, 10, 10.0, float("nan"), b"10", object()]


@pytest.mark.parametrize("quantity", [*map(D, [*NOT_NUMBERS, "0", "-10"]), *ODD_VALUES])
def test_a_quantity_that_is_none_refuses_without_raising(quantity: Any) -> None:
    """CAP-16."""
    for intent in (an_intent(quantity=quantity), a_market_intent(quantity=quantity)):
        for side in (BUY, SELL):
            verdict = review(replace(intent, side=side), given(a_book(10)))
            assert isinstance(verdict, Refused)
            assert verdict.code.startswith("QUANTITY_")
            assert verdict.code not in PASSING


@pytest.mark.parametrize("price", [*map(D, [*NOT_NUMBERS, "0", "-100"]), *ODD_VALUES])
@pytest.mark.parametrize("name", ["limit_price", "stop_price"])
def test_a_price_that_is_none_refuses_without_raising(name: str, price: Any) -> None:
    kind = OrderType.LIMIT if name == "limit_price" else OrderType.STOP
    prices: dict[str, Any] = {"limit_price": None, "stop_price": None, name: price}
    verdict = review(an_intent(order_type=kind, **prices), given(a_book()))
    assert isinstance(verdict, Refused)
    assert verdict.code.startswith("PRICE_")


@pytest.mark.parametrize("side", [None, "", "BUY ", "buy", "HOLD", 1, True])
def test_a_side_that_is_none_refuses_without_raising(side: Any) -> None:
    verdict = review(an_intent(side=side), given(a_book()))
    assert isinstance(verdict, Refused)
    assert verdict.code == "SIDE_UNKNOWN"


BAD_QUOTES = pytest.mark.parametrize(
    "quote",
    [
        None,
        a_quote(bid=None),
        a_quote(ask=None, received_s=NOW_S - 11),
        a_quote(ask=None, data_type=3),
        a_quote(bid=D(0), ask=None),
        a_quote(received_s=None),
        a_quote(received_s=NOW_S - 11),
        a_quote(received_s=NOW_S + 1),
        a_quote(bid=D(101)),
        a_quote(data_type=3),
        a_quote(is_halted=True),
        a_quote(bid=D(0)),
        a_quote(bid=D("NaN")),
        a_quote(ask=D("sNaN")),
        a_quote(ask=D("Infinity")),
        a_quote(con_id=OTHER_CON),
    ],
)
KINDS = pytest.mark.parametrize("intent", [an_intent(), a_market_intent()])


@BAD_QUOTES
@KINDS
def test_without_a_good_quote_no_strategys_exit_passes(quote: Any, intent: Intent) -> None:
    """INC-019, INC-058, INC-141."""
    exit_intent = replace(intent, side=SELL, is_reduce_only=True)
    found = failures(exit_intent, given(a_book(held=10), quote=quote))
    assert found == ["QUOTE_UNUSABLE"]


@BAD_QUOTES
@KINDS
def test_the_operators_exit_passes_whatever_the_quote(quote: Any, intent: Intent) -> None:
    """And no more of it than is held and is not on its way out already."""
    exit_intent = replace(intent, side=SELL, is_reduce_only=True)
    there = given(a_book(held=10), quote=quote, is_operator=True)
    verdict = review(exit_intent, there)
    assert isinstance(verdict, Approved)
    told = {row.code: row for row in verdict.checks}
    assert "reserved at 1" in told["QUOTE_UNUSABLE"].value
    assert told["QUOTE_UNUSABLE"].limit == "an operator's exit needs no quote"
    # More than any price that is known: all of them are at most 101 here.
    assert D(125) <= verdict.reserve_per_unit <= D("126.25")
    larger = review(replace(exit_intent, quantity=D(11)), there)
    assert isinstance(larger, Refused)
    entry = replace(exit_intent, is_reduce_only=False, side=BUY)
    assert not isinstance(review(entry, there), Approved)


def test_the_operators_exit_without_an_instrument_is_refused_and_breaks_nothing() -> None:
    """What its holding is marked at is no price then: nobody knows the multiplier."""
    exit_intent = an_intent(side=SELL, is_reduce_only=True)
    there = given(a_book(held=10), quote=None, is_operator=True)
    assert failures(exit_intent, replace(there, instrument=None))[0] == "INSTRUMENT_UNKNOWN"
    worthless = replace(there, instrument=an_instrument(multiplier=D(0)))
    assert failures(exit_intent, worthless) == []


def test_what_needs_a_price_cannot_be_judged_without_one() -> None:
    missing = unavailable(INTENT, given(a_book(), quote=None))
    assert {"PRICE_COLLAR", "POSITION_NOTIONAL_MAX", "GROSS_LIMIT"} <= set(missing)


NUMBERS = st.decimals() | st.sampled_from(["10", "100", "0.01"]).map(Decimal)
ANYTHING = NUMBERS | st.none() | st.booleans() | st.text(max_size=3) | st.floats() | st.integers()


@given_any(
    st.builds(
        an_intent,
        side=st.sampled_from([BUY, SELL]) | st.text(max_size=3),
        quantity=ANYTHING,
        order_type=st.sampled_from(list(OrderType)) | st.none(),
        limit_price=ANYTHING,
        stop_price=ANYTHING,
        is_reduce_only=st.booleans(),
        con_id=st.sampled_from([CON, OTHER_CON]),
        intent_id=st.text(max_size=5),
    ),
    st.builds(a_quote, bid=st.none() | NUMBERS, ask=st.none() | NUMBERS) | st.none(),
    st.integers(-20, 20),
    st.booleans(),
)
def test_a_review_always_ends_in_a_verdict(
    intent: Intent, quote: Any, held: int, is_operator: bool
) -> None:
    book = a_book(held)
    sound = given(book)
    verdict = review(intent, replace(sound, quote=quote, is_operator=is_operator))
    assert len(verdict.checks) == len(CHECKS)
    assert all(isinstance(row.value, str) for row in verdict.checks)
    if isinstance(verdict, Approved):
        assert verdict.reserve_per_unit.is_finite()
        assert verdict.reserve_per_unit > 0


@pytest.mark.parametrize("broken", [1, "x", object(), D("sNaN")])
@pytest.mark.parametrize(
    "name",
    ["book", "instrument", "quote", "policy", "now_utc", "valuation", "account", "session"],
)
def test_an_input_that_breaks_every_check_over_it_refuses(name: str, broken: Any) -> None:
    """BRK-10: a check that cannot be evaluated has failed; the case itself is our own bug."""
    limits = a_policy(exposure__is_reading_required=True)
    sound = given(a_book(), policy=limits, account=READING)
    if name in ("book", "policy", "quote", "instrument", "now_utc"):
        with pytest.raises((AttributeError, TypeError)):
            review(INTENT, replace(sound, **{name: broken}))
        return
    needs_session = name == "session"
    if needs_session:
        sound = replace(sound, policy=bent(limits, session__restart_guard_s=5.0))
    verdict = review(INTENT, replace(sound, **{name: broken}))
    assert isinstance(verdict, Refused)
    assert any(row.value == UNAVAILABLE for row in verdict.checks)


# ---- rules between two reviews

OPTIONAL = ("quote", "instrument", "valuation", "account", "session", "baseline_equity")
STRICT = a_policy(
    exposure__is_reading_required=True,
    exposure__is_baseline_required=True,
    exposure__concentration_hold=D("0.2"),
    exposure__calm=RegimeLimits(D("1.5"), D("0.5"), D("0.25")),
    exposure__normal=RegimeLimits(D("1.2"), D("0.4"), D("0.25")),
    exposure__storm=RegimeLimits(D("1.0"), D("0.3"), D("0.25")),
    position__is_short_allowed=True,
    coordination__share_max=D("0.15"),
    coordination__notional_max=D(18_000),
)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Intent, RiskInput]:
    """Draw an intent and an account around its limits."""
    held = draw(st.integers(-300, 300))
    book = a_book(held, cash=draw(st.sampled_from([20_000, 100_000, 200_000])))
    for number in range(1, draw(st.integers(0, 3)) + 1):
        side = draw(st.sampled_from(list(Side)))
        plan_order(
            book,
            an_intent(
                number,
                side=side,
                quantity=D(draw(st.integers(1, 60))),
                limit_price=D(98) if side is BUY else D(102),
            ),
            number,
        )
    intent = an_intent(
        90,
        side=draw(st.sampled_from(list(Side))),
        quantity=D(draw(st.integers(1, 400))),
        limit_price=D(draw(st.integers(97, 103))),
        is_reduce_only=draw(st.booleans()),
    )
    sound = given(
        book,
        policy=STRICT,
        account=READING,
        regime=draw(st.sampled_from([None, *Regime])),
        baseline_equity=D(100_000),
    )
    return intent, sound


@given_any(situations(), st.sampled_from(OPTIONAL))
def test_a_missing_input_never_approves_more(
    situation: tuple[Intent, RiskInput], name: str
) -> None:
    """CAP-05."""
    intent, sound = situation
    gone: dict[str, Any] = {name: None}
    less = review(intent, replace(sound, **gone))
    if isinstance(less, Approved):
        assert isinstance(review(intent, sound), Approved)


@given_any(situations())
def test_an_unknown_regime_never_approves_more_than_a_known_one(
    situation: tuple[Intent, RiskInput],
) -> None:
    """CAP-26."""
    intent, sound = situation
    if isinstance(review(intent, replace(sound, regime=None)), Approved):
        for regime in Regime:
            assert isinstance(review(intent, replace(sound, regime=regime)), Approved)


NUMBERS_OF_POLICY = [
    (group.name, row.name)
    for group in fields(Policy)
    for row in fields(getattr(STRICT, group.name))
    if row.name.endswith("_max") or row.name == "concentration_hold"
]


@given_any(situations(), st.sampled_from(NUMBERS_OF_POLICY), st.sampled_from(["0.3", "0.9"]))
def test_a_stricter_limit_never_approves_more(
    situation: tuple[Intent, RiskInput], limit: tuple[str, str], share: str
) -> None:
    intent, sound = situation
    value = getattr(getattr(STRICT, limit[0]), limit[1])
    lower = (
        type(value)(float(value) * float(share)) if not isinstance(value, D) else value * D(share)
    )
    policy = bent(STRICT, **{f"{limit[0]}__{limit[1]}": lower})
    if isinstance(review(intent, replace(sound, policy=policy)), Approved):
        assert isinstance(review(intent, sound), Approved)


@given_any(
    st.integers(0, 300),
    st.lists(st.tuples(st.sampled_from(list(Side)), st.integers(1, 60)), max_size=3),
    st.sampled_from(list(Side)),
    st.integers(1, 400),
    st.sampled_from([None, *Regime]),
)
def test_a_mirrored_account_gets_the_mirrored_answer(
    held: int, working: list[tuple[Side, int]], side: Side, quantity: int, regime: Any
) -> None:
    """CAP-09: position, exposure and concentration know no long and no short."""
    codes = ("POSITION_MAX", "POSITION_NOTIONAL_MAX", "BOX_LIMIT", HOLD_CODE, "GROSS_LIMIT")
    seen = []
    for is_mirrored in (False, True):
        book = a_book(-held if is_mirrored else held, cash=1)
        for number, (way, size) in enumerate(working, start=1):
            flipped = way.opposite if is_mirrored else way
            plan_order(book, an_intent(number, side=flipped, quantity=D(size)), number)
        intent = an_intent(90, side=side.opposite if is_mirrored else side, quantity=D(quantity))
        sound = given(book, policy=STRICT, regime=regime)
        assert sound.valuation is not None
        # The same account on both sides of the mirror; only what it holds is turned over.
        worth = replace(sound.valuation, nav=D(100_000))
        checks = review(intent, replace(sound, valuation=worth)).checks
        passed = {row.code: row.passed for row in checks}
        net = passed["NET_LIMIT"]
        seen.append(([passed[code] for code in codes], net))
    assert seen[0] == seen[1]


def test_an_open_ticket_and_a_broken_limit_are_both_told() -> None:
    book = a_book()
    book.tickets[TICKET.ticket_id] = TICKET
    found = failures(
        replace(INTENT, quantity=D(500)), given(book, policy=a_policy(order__quantity_max=D(9)))
    )
    assert found == ["QUARANTINED", "QUANTITY_MAX"]


GUARDED = {
    "session__hours": TradingHours.REGULAR,
    "session__open_guard_s": 1.0,
    "session__close_guard_s": 1.0,
    "session__restart_guard_s": 1.0,
}
A_STOP = an_intent(90, order_type=OrderType.STOP, limit_price=None, stop_price=Decimal(100))


@pytest.mark.parametrize("intent", [INTENT, EXIT, A_STOP, a_market_intent(90)])
@pytest.mark.parametrize("limits", [{}, GUARDED, {"exposure__is_enforced": False}])
@pytest.mark.parametrize("is_operator", [False, True])
def test_each_check_speaks_under_its_own_code_whether_or_not_it_applies(
    intent: Intent, limits: dict[str, Any], is_operator: bool
) -> None:
    """Who reads a review finds every check by its code, with what was seen and what is allowed."""
    asked = given(
        a_book(held=10),
        policy=a_policy(**limits),
        session=OPEN,
        account=READING,
        allocation=Decimal("0.5"),
        is_operator=is_operator,
    )
    checks = review(intent, asked).checks
    assert [row.code for row in checks] == [code for code, _ in CHECKS]
    assert [row.code for row in checks if row.limit in (None, "", "None")] == []


def test_a_quantity_that_cannot_be_counted_with_exempts_from_nothing() -> None:
    asked = given(a_book(held=10), is_operator=True, account=READING)
    rows = {row.code: row for row in review(replace(EXIT, quantity=None), asked).checks}  # type: ignore[arg-type]
    for code in ("POSITION_MAX", "BOX_LIMIT", "GROSS_LIMIT", "NET_LIMIT", "AVAILABLE_FUNDS"):
        assert not rows[code].passed, code


def test_an_operators_exit_beside_a_working_one_meets_no_limit_of_the_account() -> None:
    """It may close what the other order closes too: what is held is what counts for a person."""
    tight: dict[str, Any] = {
        "exposure__storm": RegimeLimits(Decimal(0), Decimal(0), Decimal(0)),
        "exposure__is_reading_required": True,
        "position__is_short_allowed": True,
        **GUARDED,
    }
    book = a_book(held=10)
    plan_order(book, an_intent(1, side=SELL, quantity=Decimal(5), limit_price=Decimal(104)))
    closed = replace(OPEN, is_regular=False, since_open_s=0.0, until_restart_s=0.0)
    asked = given(book, policy=a_policy(**tight), session=closed, allocation=Decimal(0))
    whole = replace(EXIT, is_reduce_only=False)
    freed = review(whole, replace(asked, is_operator=True))
    assert [row.code for row in freed.checks if not row.passed] == []
    bound = [row.code for row in review(whole, asked).checks if not row.passed]
    assert {"BOX_LIMIT", "SESSION_CLOSED", "SESSION_GUARD", "RESTART_WINDOW"} <= set(bound)
    beyond = review(replace(whole, quantity=Decimal(11)), replace(asked, is_operator=True))
    assert "BOX_LIMIT" in [row.code for row in beyond.checks if not row.passed]


@pytest.mark.parametrize("quote", [None, a_quote(ask=None)])
@pytest.mark.parametrize(
    "intent", [EXIT, replace(EXIT, order_type=OrderType.MARKET, limit_price=None)]
)
def test_each_check_speaks_under_its_own_code_without_a_whole_quote_too(
    quote: Any, intent: Intent
) -> None:
    asked = given(a_book(held=10), quote=quote, is_operator=True)
    assert [row.code for row in review(intent, asked).checks] == [code for code, _ in CHECKS]


@pytest.mark.parametrize(
    "error", [ArithmeticError, AttributeError, KeyError, IndexError, TypeError, ValueError]
)
def test_a_check_that_breaks_fails_and_the_others_go_on(error: type[Exception]) -> None:
    def broken(_: risk_case.Case) -> Check:
        raise error("unforeseen")

    case = risk_case.Case(INTENT, given(a_book()))
    rows, failed = evaluated(case, (("BROKEN", broken), *SIZE_CHECKS))
    assert [(row.code, row.value) for row in failed] == [("BROKEN", UNAVAILABLE)]
    assert len(rows) == 1 + len(SIZE_CHECKS)


def test_what_is_not_said_of_a_situation_is_no_privilege() -> None:
    sound = given(a_book())
    assert not sound.is_operator
    assert not sound.is_what_if_asked
