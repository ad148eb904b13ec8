"""What the market makes of the account: seen at once, planned for once it lasts, told once.

The account is 1000 shares at 100 and some cash, so that shares of it are easy to see.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.unit.core.policies import bent
from tests.unit.engine.world import (
    CON,
    POLICY,
    SELL,
    World,
    a_reading,
    an_execution,
)
from trader.core import events as ev
from trader.core.checkpoint import restored, state_of
from trader.core.halts import HaltCause
from trader.core.ids import ExecId
from trader.core.policy import AccountType, Policy, Regime, RegimeLimits
from trader.core.reduction_events import ReductionEnded, ReductionPlanned
from trader.core.regime import Outlook
from trader.engine.risk.exposure import HOLD_S, RENEW_S, Exposure

D = Decimal
WIDE = D(10)


def a_policy(**changes: Any) -> Policy:
    calm = RegimeLimits(D("0.9"), D("0.9"), WIDE)
    storm = RegimeLimits(D("0.9"), D("0.4"), WIDE)
    known: dict[str, Any] = {
        "exposure__calm": calm,
        "exposure__normal": calm,
        "exposure__storm": storm,
        "exposure__concentration_hold": WIDE,
    }
    return bent(POLICY, **known | changes)


class Watched:
    """A world whose market is in the test's hands; the watch looks once a second."""

    def __init__(self, policy: Policy | None = None, *, cash: int = 100_000, **more: Any) -> None:
        policy = policy or a_policy()
        self.world = World(held=1_000, cash=cash, policy=policy, **more)
        self.outlook = Outlook(Regime.CALM)
        self.exposure = Exposure(self.world.services, policy, lambda: self.outlook)
        self.price("100")

    async def pass_s(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            await asyncio.sleep(1)
            self.exposure.look()

    def price(self, price: str) -> None:
        self.world.quote(price, price)
        self.world.valuer.refresh()

    @property
    def plans(self) -> list[ReductionPlanned]:
        return self.world.journal.events(ReductionPlanned)

    @property
    def pages(self) -> list[str]:
        return [title for title in self.world.pager.titles() if "reduction" in title]


async def test_a_tighter_regime_makes_a_plan_that_is_recorded_and_told_once() -> None:
    """CAP-24: half of the account is held, in a storm it may be two fifths."""
    watched = Watched()
    await watched.pass_s(30)
    assert watched.plans == []
    watched.outlook = Outlook(Regime.STORM)
    await watched.pass_s(HOLD_S - 1)
    assert watched.plans == []
    await watched.pass_s(300)
    (plan,) = watched.plans
    assert [row.words for row in plan.excesses] == ["net 100000.00, at most 80000.00"]
    assert [row.words for row in plan.orders] == ["SELL 200 of 1000 AAA"]
    assert (plan.regime, plan.equity, plan.remains) == (Regime.STORM, D(200_000), ())
    assert watched.pages == ["limits exceeded, plan of reductions"]
    assert watched.world.broker.placed == [], "a plan sends nothing"
    text = watched.world.pager.sent[-1][2]
    assert "SELL 200 of 1000 AAA" in text
    assert "Nothing was sent" in text


async def test_its_end_is_recorded_when_the_fills_have_brought_the_account_inside() -> None:
    watched = Watched()
    watched.outlook = Outlook(Regime.STORM)
    await watched.pass_s(20)
    shown = watched.exposure.status().reduction
    assert shown is not None
    assert shown.orders == ("SELL 200 of 1000 AAA",)
    part = an_execution(side=SELL, quantity=D(150))
    watched.world.ledger.record(ev.ExecutionSeen(part))
    await watched.pass_s(2)
    assert [row.words for row in watched.plans[-1].orders] == ["SELL 50 of 850 AAA"]
    rest = an_execution(side=SELL, quantity=D(50), exec_id=ExecId("0001.bb.01.01"))
    watched.world.ledger.record(ev.ExecutionSeen(rest))
    await watched.pass_s(HOLD_S + 1)
    assert watched.world.journal.events(ReductionEnded) == [
        ReductionEnded("what is held is inside the limits again")
    ]
    assert watched.exposure.status().reduction is None
    assert watched.pages == ["limits exceeded, plan of reductions", "plan of reductions over"]


async def test_a_plan_that_still_does_is_kept_and_a_little_more_is_not_told_again() -> None:
    watched = Watched()
    watched.outlook = Outlook(Regime.STORM)
    await watched.pass_s(20)
    for price in ("99.90", "99.95", "99.80") * 30:
        watched.price(price)
        await watched.pass_s(1)
    assert len(watched.plans) == 1
    # A little dearer: the plan no longer suffices, is made anew once a minute, and is no news.
    watched.price("100.20")
    await watched.pass_s(RENEW_S + 1)
    assert [row.orders[0].quantity for row in watched.plans] == [D(200), D(201)]
    assert len(watched.pages) == 1
    # Much dearer is.
    watched.price("110")
    await watched.pass_s(RENEW_S + 1)
    assert len(watched.plans) == 3
    assert len(watched.pages) == 2


async def test_a_plan_that_would_sell_far_too_much_is_made_anew() -> None:
    watched = Watched()
    watched.outlook = Outlook(Regime.STORM)
    await watched.pass_s(20)
    watched.price("80")
    await watched.pass_s(RENEW_S + 1)
    assert [row.orders[0].quantity for row in watched.plans] == [D(200), D(100)]
    assert len(watched.pages) == 1


async def test_a_moment_beyond_the_limits_is_no_plan_and_a_moment_inside_no_end() -> None:
    watched = Watched()
    for _ in range(5):
        watched.outlook = Outlook(Regime.STORM)
        await watched.pass_s(HOLD_S - 1)
        watched.outlook = Outlook(Regime.CALM)
        await watched.pass_s(1)
    assert watched.plans == []
    watched.outlook = Outlook(Regime.STORM)
    await watched.pass_s(20)
    for _ in range(5):
        watched.outlook = Outlook(Regime.CALM)
        await watched.pass_s(HOLD_S - 1)
        watched.outlook = Outlook(Regime.STORM)
        await watched.pass_s(1)
    assert watched.world.journal.events(ReductionEnded) == []
    assert len(watched.plans) == 1


async def test_another_regime_makes_another_plan_at_once() -> None:
    tight = RegimeLimits(D("0.45"), D("0.45"), WIDE)
    watched = Watched(a_policy(exposure__normal=tight))
    watched.outlook = Outlook(Regime.NORMAL)
    await watched.pass_s(20)
    watched.outlook = Outlook(Regime.STORM)
    await watched.pass_s(1)
    assert [(row.regime, row.orders[0].quantity) for row in watched.plans] == [
        (Regime.NORMAL, D(100)),
        (Regime.STORM, D(200)),
    ]
    assert len(watched.pages) == 2


async def test_without_a_value_or_a_regime_there_is_no_plan_and_it_says_why() -> None:
    watched = Watched()
    watched.outlook = Outlook(None)
    await watched.pass_s(20)
    assert watched.exposure.status().problem == "the regime has not been evaluated"
    watched.outlook = Outlook(Regime.STORM)
    watched.world.hub.quotes.clear()
    watched.world.valuer.refresh()
    await watched.pass_s(20)
    assert watched.plans == []
    seen = watched.exposure.status()
    assert seen.status == "unknown"
    assert "AAA (101)" in seen.problem
    assert "AAA (101)" in seen.warnings[0]


async def test_a_book_that_may_lack_something_makes_no_plan() -> None:
    watched = Watched()
    watched.outlook = Outlook(Regime.STORM)
    watched.world.guard.set_level(HaltCause.NOT_RECONCILED, "test")
    await watched.pass_s(20)
    assert watched.plans == []
    assert watched.exposure.status().problem == "the book may not be complete: not_reconciled"


async def test_nothing_is_planned_before_the_holdings_are_accepted() -> None:
    watched = Watched(is_baselined=False)
    await watched.pass_s(20)
    seen = watched.exposure.status()
    assert (seen.status, seen.problem) == ("unknown", "existing holdings have not been accepted")


async def test_limits_that_are_not_enforced_make_no_plan_and_end_one() -> None:
    watched = Watched(a_policy(exposure__is_enforced=False))
    watched.outlook = Outlook(Regime.STORM)
    await watched.pass_s(20)
    assert watched.plans == []
    assert watched.exposure.status().status == "off"
    strict = Watched()
    strict.outlook = Outlook(Regime.STORM)
    await strict.pass_s(20)
    loose = Exposure(
        strict.world.services, a_policy(exposure__is_enforced=False), lambda: strict.outlook
    )
    loose.look()
    assert len(strict.world.journal.events(ReductionEnded)) == 1


async def test_a_restart_keeps_the_plan_and_tells_nobody_again() -> None:
    watched = Watched()
    watched.outlook = Outlook(Regime.STORM)
    await watched.pass_s(20)
    world = watched.world
    assert restored(state_of(world.book)).safety == world.book.safety
    again = Exposure(world.services, a_policy(), lambda: watched.outlook)
    await asyncio.sleep(RENEW_S)
    for _ in range(30):
        await asyncio.sleep(1)
        again.look()
    assert len(watched.plans) == 1
    assert len(watched.pages) == 1


# ---- BRK-04


def a_concentrated(hold: str = "0.20", box: str = "0.25") -> Watched:
    limits = RegimeLimits(WIDE, WIDE, D(box))
    policy = a_policy(
        exposure__calm=limits, exposure__storm=limits, exposure__concentration_hold=D(hold)
    )
    return Watched(policy, cash=400_000)


async def test_a_breach_that_the_market_makes_is_a_warning_until_it_is_gone() -> None:
    """BRK-04: 20.00 percent is inside, 20.01 is not, and nobody has sent an order."""
    watched = a_concentrated()
    seen = watched.exposure.status()
    assert (seen.status, seen.warnings) == ("ok", ())
    (row,) = seen.concentrations
    assert (row.symbol, row.share, row.level) == ("AAA", D("0.2"), "ok")
    watched.price("100.10")
    seen = watched.exposure.status()
    assert seen.status == "warning"
    assert seen.warnings == ("AAA is 20.02% of the account, beyond 20.00% none is added",)
    assert seen.concentrations[0].level == "hold"
    watched.price("140")
    seen = watched.exposure.status()
    assert seen.concentrations[0].level == "box"
    assert seen.warnings == ("AAA is 25.93% of the account, allowed is 25.00%",)
    watched.price("99")
    assert watched.exposure.status().status == "ok"
    assert watched.world.broker.placed == []


async def test_the_brokers_lower_value_of_the_account_counts() -> None:
    watched = a_concentrated()
    told = replace(
        a_reading(watched.world.clock.monotonic()),
        net_liquidation=D(490_000),
        account_type=AccountType.CASH,
    )
    watched.world.valuer.on_account(told)
    seen = watched.exposure.status()
    assert seen.status == "warning"
    assert seen.gross_max == 1


async def test_a_gross_exposure_beyond_the_limit_is_a_warning_as_well() -> None:
    watched = Watched()
    watched.outlook = Outlook(Regime.STORM)
    seen = watched.exposure.status()
    assert seen.status == "warning"
    assert seen.warnings == ("net 100000.00, at most 80000.00 (storm)",)
    assert (seen.gross, seen.net) == (D("0.5"), D("0.5"))


async def test_an_account_that_is_worth_nothing_shows_all_of_it() -> None:
    watched = Watched(cash=-100_000)
    seen = watched.exposure.status()
    assert seen.status == "warning"
    assert "AAA is all of the account, allowed is 1000.00%" in seen.warnings
    assert (seen.gross, seen.concentrations[0].share) == (None, None)
    assert watched.world.book.positions[CON].quantity == 1_000
