"""Each figure is held against its limit, and too little to judge by never passes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.parity.records import D, commission, fill, intent, refused
from trader.core.decisions import Row
from trader.core.parity.decided import Decided, Follower
from trader.core.parity.verdict import (
    Limits,
    Tally,
    Verdict,
    checks_of,
    lacking,
    overall,
    verdict_of,
    worse_of,
)

FEW = Limits(decisions_min=1, fills_min=0)


def decided(*rows: Row) -> Decided:
    follower, one = Follower(), Decided(rows[0])
    follower.add(one)
    for row in rows[1:]:
        (follower.on_fill if row["kind"] == "fill" else follower.on_commission)(row)
    return one


def whole(price: str, after_s: float = 1, amount: str = "1", side: str = "BUY") -> Decided:
    done = fill(after_s, "alpha-1", "10", price, side=side)
    return decided(intent(0, side=side), done, commission(after_s, done, amount))


def limited(field: str, value: Decimal) -> Limits:
    given: dict[str, Any] = {field: value}
    return replace(FEW, **given)


def figures(tally: Tally) -> dict[str, Decimal | None]:
    return {check.name: check.value for check in checks_of(tally, FEW)}


def of_pair(a: Decided, b: Decided, differences: tuple[str, ...] = ()) -> Tally:
    tally = Tally()
    tally.add_pair(a, b, differences)
    return tally


def test_the_same_is_within() -> None:
    tally = of_pair(whole("100"), whole("100"))
    assert set(figures(tally).values()) == {D(0), None}
    assert verdict_of(tally, FEW) is Verdict.WITHIN


@pytest.mark.parametrize(("side", "bps"), [("BUY", 50), ("SELL", -50)])
def test_a_price_is_worse_by_its_side(side: str, bps: int) -> None:
    a, b = whole("100", side=side), whole("100.5", side=side)
    assert worse_of(a, b) == bps
    assert of_pair(a, b).amounts["USD"].paid_more == D(bps) / 10


def test_what_was_not_measured_is_not_judged() -> None:
    tally = of_pair(decided(intent(0)), decided(intent(0)))
    assert figures(tally)["price_bps"] is None
    assert [check.has_passed for check in checks_of(tally, FEW)] == [
        True, True, True, None, None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("a", "b", "name", "value", "field"),
    [
        (whole("100"), whole("100.12"), "price_bps", D(12), "price_bps_max"),
        (whole("100"), whole("99.88"), "price_bps", D(-12), "price_bps_max"),
        (whole("100"), whole("100", 41), "fill_s_gap", D(40), "fill_s_gap_max"),
        (whole("100"), whole("100", amount="2"), "commission_bps", D(10), "commission_bps_max"),
        (
            whole("100"), decided(intent(0), fill(1, "alpha-1", "8", "100")),
            "fill_share_gap", D("-0.2"), "fill_share_gap_max",
        ),
    ],
)  # fmt: skip
def test_each_figure_is_outside_just_beyond_its_limit(
    a: Decided, b: Decided, name: str, value: Decimal, field: str
) -> None:
    tally = of_pair(a, b)
    assert figures(tally)[name] == value
    at_it, below = limited(field, abs(value)), limited(field, abs(value) - D("0.0001"))
    assert verdict_of(tally, at_it) is Verdict.WITHIN
    assert verdict_of(tally, below) is Verdict.OUTSIDE
    failed = [check.name for check in checks_of(tally, below) if check.has_passed is False]
    assert failed == [name]


def test_shares_of_decisions_are_outside_just_beyond_their_limits() -> None:
    tally = Tally(pairs=19, differing=1, only_a=1)
    assert figures(tally)["unpaired_share"] == D("0.05")
    assert verdict_of(tally, replace(FEW, differing_share_max=D(1))) is Verdict.WITHIN
    assert verdict_of(replace_only(tally, 2), FEW) is Verdict.OUTSIDE
    assert verdict_of(tally, FEW) is Verdict.OUTSIDE, "1 of 19 pairs differs"
    assert verdict_of(Tally(pairs=20, differing=1), FEW) is Verdict.WITHIN


def replace_only(tally: Tally, count: int) -> Tally:
    return replace(tally, differing=0, only_b=count)


def test_a_result_is_judged_by_what_was_traded_in_its_currency() -> None:
    tally = Tally(pairs=1)
    amounts = tally.amounts_in("USD")
    amounts.notional.update(a=D(900), b=D(1100))
    amounts.result.update(a=D(0), b=D(-6))
    assert figures(tally)["result_bps"] == -60
    assert verdict_of(tally, FEW) is Verdict.OUTSIDE
    assert verdict_of(tally, replace(FEW, result_bps_max=D(60))) is Verdict.WITHIN


def test_the_differences_of_a_pair_are_counted_by_field_and_it_once() -> None:
    tally = of_pair(decided(intent(0)), decided(intent(0)), ("quantity", "limit_price"))
    assert (tally.differing, tally.by_field) == (1, {"quantity": 1, "limit_price": 1})


def test_what_only_one_routed_has_no_share_that_fills() -> None:
    tally = of_pair(whole("100"), decided(refused(0, "alpha-1", "HALTED", "no")), ("verdict",))
    assert tally.fill_share.count == 0


def test_pairs_without_a_commission_are_counted_and_not_judged() -> None:
    tally = of_pair(whole("100"), decided(intent(0), fill(1, "alpha-1", "10", "100")))
    assert (tally.unpriced, tally.commission_bps.count) == (1, 0)


@pytest.mark.parametrize(
    ("tally", "missing"),
    [
        (Tally(), "0 decisions, needed are 10"),
        (Tally(pairs=9, fills_a=9, fills_b=9), "9 decisions, needed are 10"),
        (Tally(pairs=10, fills_a=9, fills_b=4), "4 fills on one side, needed are 5"),
        (Tally(pairs=10, fills_a=5, fills_b=5), ""),
    ],
)
def test_too_little_is_a_verdict_of_its_own(tally: Tally, missing: str) -> None:
    assert lacking(tally, Limits()) == missing
    expected = Verdict.INSUFFICIENT if missing else Verdict.WITHIN
    assert verdict_of(tally, Limits()) is expected
    assert overall(tally, [expected], Limits())[0] is expected


ENOUGH = Tally(pairs=100, fills_a=50, fills_b=50)
W, O, I = Verdict.WITHIN, Verdict.OUTSIDE, Verdict.INSUFFICIENT  # noqa: E741


@pytest.mark.parametrize(
    ("days", "verdict", "reasons"),
    [
        ([W, I, I, I, W], W, ()),
        ([W, I, I, I, I, W], O, ("4 days in a row have too little to compare, allowed are 3",)),
        ([W, I, I, W, I, I, W], W, ()),
        ([W, O, W], O, ("1 day is outside, allowed are 0",)),
        ([O, O], O, ("2 days are outside, allowed are 0",)),
    ],
)
def test_days_are_judged_together(
    days: list[Verdict], verdict: Verdict, reasons: tuple[str, ...]
) -> None:
    assert overall(ENOUGH, days, Limits()) == (verdict, reasons)


def test_days_that_may_be_outside_can_be_allowed() -> None:
    assert overall(ENOUGH, [O, W], Limits(days_outside_max=1)) == (W, ())


def test_what_is_outside_in_all_is_named_with_its_limit() -> None:
    verdict, reasons = overall(replace(ENOUGH, only_a=20), [W], Limits())
    assert (verdict, reasons) == (O, ("unpaired_share is 0.1667, allowed is at most 0.05",))
