"""Breakers at work in virtual time: the ladder of losses, what resets it, what outlives a restart.

The account is 1000 shares at 100 and no cash, so that a price is a thousandth of its value.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.engine.breaker_world import HELD, Breaking, rules_with
from tests.unit.engine.world import CON, World, an_exit, an_instrument, an_intent, turns
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.breakers.artefact import as_plain, is_reproduced, of_plain
from trader.core.breakers.machine import Finding, Phase
from trader.core.breakers.rules import Action, BreakerName
from trader.core.checkpoint import restored, state_of
from trader.core.halts import HaltCause, Lane, Posture
from trader.core.ids import ConId
from trader.core.policy import Regime
from trader.core.regime import Outlook
from trader.ports import QuoteTick

D = Decimal
VIX = ConId(900)
LOSS, KILL = BreakerName.DAILY_LOSS, BreakerName.LOSS_KILL


async def test_nothing_is_added_before_the_first_round_and_everything_may_leave_after_it() -> None:
    broken = Breaking()
    assert broken.posture() is Posture.REDUCE_ONLY
    assert "not evaluated yet" in (broken.world.guard.refusal(Lane.NEW) or "")
    await broken.settle()
    assert broken.world.guard.restraint().restrictions == {}
    assert broken.posture() is Posture.ARMED


async def test_the_daemon_comes_up_until_a_round_after_the_first_comparison() -> None:
    broken = Breaking()
    guard = broken.world.guard
    seen = []
    for is_compared in (False, True, False):
        if is_compared:
            guard.clear_level(HaltCause.NOT_RECONCILED)
            # What was judged without a comparison still restricts.
            seen.append(guard.is_coming_up)
        else:
            guard.set_level(HaltCause.NOT_RECONCILED, "not reconciled yet")
        broken.breakers.round()
        seen.append(guard.is_coming_up)
    assert seen == [True, True, False, True]
    # Lost later, nothing has to be judged anew.
    guard.clear_level(HaltCause.NOT_RECONCILED)
    assert not guard.is_coming_up


async def test_a_round_that_does_not_come_round_keeps_new_risk_out() -> None:
    """BRK-10: a verdict is not good for long."""
    broken = await Breaking().settle()
    await asyncio.sleep(10)
    assert broken.posture() is Posture.ARMED
    await asyncio.sleep(0.1)
    assert broken.posture() is Posture.REDUCE_ONLY
    assert "not evaluated for 10 s" in (broken.world.guard.refusal(Lane.NEW) or "")


@pytest.mark.parametrize(("price", "is_tripped"), [("98.01", False), ("98", True), ("97.99", True)])
async def test_the_daily_loss_trips_at_its_limit(price: str, is_tripped: bool) -> None:
    """BRK-02: -1.99, -2.00 and -2.01 percent."""
    broken = await Breaking().settle()
    await broken.at(*[price] * 4)
    assert broken.phase(LOSS) is (Phase.TRIPPED if is_tripped else Phase.CLOSED)
    assert broken.phase(KILL) is Phase.CLOSED


async def test_a_crash_goes_down_the_ladder() -> None:
    """BRK-03, BRK-11: first no new risk, then no order at all and what adds risk is cancelled."""
    # With some cash, so that something can be bought.
    broken = await Breaking(World(held=HELD, cash=5_000, policy=rules_with())).settle()
    world = broken.world
    adding = await world.working(an_intent(1, limit_price=D("99")))
    exiting = await world.working(an_exit(2, quantity=100))
    await broken.at("97.5", "97.5", "97.5")
    assert broken.posture() is Posture.REDUCE_ONLY
    assert (await world.gateway.submit(an_intent(3))).code == "BREAKER"
    assert (await world.gateway.submit(an_exit(4, quantity=10))).kind == "sent"
    world.broker.on_cancel = lambda order_id: None
    await broken.at("94", "94", "94")
    assert broken.posture() is Posture.HALTED
    assert HaltCause.BREAKER in world.book.halts
    assert (await world.gateway.submit(an_exit(5, quantity=10))).code == "HALTED"
    assert broken.breakers.killed.is_set()
    task = asyncio.get_running_loop().create_task(broken.kill.act())
    await turns()
    assert world.broker.cancelled == [adding.order_id]
    assert exiting.order_id not in world.broker.cancelled
    task.cancel()
    tripped = [event.name for event in world.journal.events(be.BreakerTripped)]
    assert tripped == [LOSS, KILL]


async def test_a_gap_through_both_ends_in_the_kill() -> None:
    broken = await Breaking().settle()
    await broken.at("90", "90", "90")
    assert broken.posture() is Posture.HALTED
    assert {row.name for row in broken.world.book.safety.standings} >= {LOSS, KILL}
    (latched,) = broken.world.journal.events(ev.HaltRaised)
    assert latched.cause is HaltCause.BREAKER
    assert latched.by == "breaker loss_kill"


async def test_one_bad_tick_does_nothing_however_long_it_stands() -> None:
    """INC-144."""
    broken = await Breaking().settle()
    await broken.at("10")
    await broken.still(20)
    assert broken.world.book.safety.standings == ()
    await broken.at("100", "100")
    assert broken.world.book.safety.standings == ()
    assert broken.posture() is Posture.ARMED
    baseline = broken.world.book.safety.baseline
    assert baseline is not None
    assert baseline.high < D(100_100)


async def test_a_tick_far_above_makes_no_new_high() -> None:
    broken = await Breaking().settle()
    await broken.at("900")
    await broken.still(90)
    await broken.at("100", "100", "100")
    assert broken.world.book.safety.standings == ()
    baseline = broken.world.book.safety.baseline
    assert baseline is not None
    assert baseline.high < D(100_100)


async def test_the_brokers_own_value_confirms_a_loss_at_once() -> None:
    broken = await Breaking().settle()
    broken.told("97000")
    await broken.at("97", "97")
    assert broken.phase(LOSS) is Phase.TRIPPED
    (tripped,) = broken.world.journal.events(be.BreakerTripped)
    assert "broker 97000" in tripped.inputs
    assert tripped.limit == "at or below -0.02"
    assert tripped.action == "reduce_only"
    assert len(tripped.policy_hash) == 64


async def test_a_missing_price_restricts_and_recovers_and_never_kills() -> None:
    """BRK-06, BRK-10: nobody liquidates because a number is unknown."""
    broken = await Breaking().settle()
    broken.world.hub.quotes.pop(CON)
    await broken.still(3)
    assert broken.posture() is Posture.REDUCE_ONLY
    restricted = broken.world.guard.restraint().restrictions
    assert {"daily_loss", "loss_kill", "drawdown"} <= set(restricted)
    assert broken.world.book.halts == {}
    assert broken.phase(KILL) is Phase.CLOSED
    await broken.at("100", "100")
    await broken.still(16)
    await broken.at("100")
    assert broken.posture() is Posture.ARMED


@pytest.mark.parametrize("name", list(BreakerName))
async def test_a_reading_that_raises_counts_as_tripped_and_stops_no_other(
    name: BreakerName, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BRK-10: each breaker in turn."""
    broken = await Breaking(None, **{str(name): {"is_enabled": True}}).settle()

    def broken_reading() -> Any:
        raise ZeroDivisionError("no such number")

    monkeypatch.setitem(broken.readings._collectors, name, broken_reading)
    await broken.at("100")
    kept = {row.name: row for row in broken.breakers.rows()}[str(name)]
    assert kept.finding == Finding.FAILED
    assert kept.text == "no value: ZeroDivisionError: no such number"
    assert sum(row.finding == Finding.FAILED for row in broken.breakers.rows()) <= 2
    if broken.breakers._rules.of(name).action is Action.SCALE:
        assert broken.breakers.allocation() == (0 if name is BreakerName.VIX else D("0.5"))
    else:
        refused = await broken.world.gateway.submit(an_intent(1))
        assert refused.code == "BREAKER"
        assert str(name) in refused.text
    assert broken.world.book.halts == {}
    failed = [
        row
        for made in broken.audited
        for row in made.evaluations
        if row.verdict.name is name and row.verdict.finding is Finding.FAILED
    ]
    assert failed, "no audit record says evaluation_failed"


async def test_a_restart_the_same_day_keeps_the_trip_and_the_start_of_the_day() -> None:
    """INC-020: loss, trip, SIGKILL, restart: still tripped, still against the old start."""
    broken = await Breaking().settle()
    await broken.at("97.5", "97.5", "97.5")
    assert broken.phase(LOSS) is Phase.TRIPPED
    again = World(held=HELD, cash=0, policy=rules_with())
    again.book.safety = restored(state_of(broken.world.book)).safety
    later = await Breaking(again).settle()
    # The loss is made good by half: still tripped, and measured against 100.
    await later.at("99", "99", "99")
    assert later.phase(LOSS) is Phase.TRIPPED
    assert later.posture() is Posture.REDUCE_ONLY
    row = {row.name: row for row in later.breakers.rows()}["daily_loss"]
    assert row.text.startswith("-0.01")
    await later.at("94.9", "94.9", "94.9")
    assert later.phase(KILL) is Phase.TRIPPED


async def test_a_kill_that_a_crash_left_without_its_halt_halts_after_the_restart() -> None:
    world = World(held=HELD, cash=0, policy=rules_with())
    broken = Breaking(world)
    world.ledger.record(be.BreakerTripped(KILL, "-0.06", "x", "h", "kill", "2026-03-02"))
    assert world.book.halts == {}
    await broken.settle()
    assert HaltCause.BREAKER in world.book.halts


async def test_the_next_day_resets_what_is_of_the_session_and_nothing_else() -> None:
    broken = await Breaking().settle()
    await broken.at("94", "94", "94")
    assert broken.phase(LOSS) is broken.phase(KILL) is Phase.TRIPPED
    assert broken.world.clock.utc().hour == 15
    await asyncio.sleep(timedelta(hours=10).total_seconds())
    broken.readings.on_run(frozenset(), 0)
    await broken.at(*["94"] * 40)
    assert broken.phase(LOSS) is Phase.CLOSED
    assert broken.phase(KILL) is Phase.TRIPPED
    assert broken.world.guard.posture() is Posture.HALTED
    baseline = broken.world.book.safety.baseline
    assert baseline is not None
    assert baseline.day == "2026-03-03"
    assert abs(baseline.opened - 94_000) < 100


async def test_a_deposit_hides_no_loss_and_a_withdrawal_is_none() -> None:
    broken = await Breaking().settle()
    world = broken.world
    world.ledger.record(ev.CashAdjusted("USD", D(0), D(50_000), "ops: deposit"))
    await broken.at("97.5", "97.5", "97.5")
    assert broken.phase(LOSS) is Phase.TRIPPED
    assert world.journal.events(be.FlowSeen) == [be.FlowSeen("USD", D(50_000), D(50_000))]
    other = await Breaking().settle()
    other.world.ledger.record(ev.CashAdjusted("USD", D(0), D(-50_000), "ops: withdrawal"))
    await other.at("100", "100", "100")
    assert other.world.book.safety.standings == ()


async def test_a_flow_in_a_currency_without_a_rate_restricts_until_the_next_day() -> None:
    broken = await Breaking().settle()
    broken.world.ledger.record(ev.CashAdjusted("XXX", D(0), D(5), "ops: deposit"))
    broken.world.ledger.record(ev.CashAdjusted("XXX", D(5), D(0), "ops: back"))
    await broken.at("100", "100")
    assert broken.posture() is Posture.REDUCE_ONLY
    assert "doubtful" in broken.world.guard.restraint().restrictions["daily_loss"]


async def test_a_resume_is_refused_while_the_kills_reading_is_bad_and_says_which() -> None:
    """OPS-04."""
    broken = await Breaking().settle()
    await broken.at("94", "94", "94")
    answer = await broken.world.desk.resume(reason="on we go", by="ops")
    assert not answer.is_done
    assert any(line.startswith("breaker loss_kill: -0.06") for line in answer.details)
    await broken.at("99", "99")
    answer = await broken.world.desk.resume(reason="on we go", by="ops")
    assert answer.is_done, answer.details
    assert broken.phase(KILL) is Phase.CLOSED
    assert broken.world.book.halts == {}
    (closed,) = broken.world.journal.events(be.BreakerReset)
    assert closed == be.BreakerReset(KILL, "ops", "on we go")
    # The daily loss goes with the day and not with the resume.
    assert broken.phase(LOSS) is Phase.TRIPPED
    assert broken.posture() is Posture.REDUCE_ONLY


async def test_a_person_closes_a_breaker_whose_reading_is_good_and_no_other() -> None:
    broken = await Breaking().settle()
    desk = broken.world.desk
    await broken.at("97", "97", "97")
    refused = await desk.reset(breaker="daily_loss", reason="seen", by="ops")
    assert (refused.is_done, refused.text) == (False, "daily_loss stays tripped")
    await broken.at("99", "99")
    assert (await desk.reset(breaker="daily_loss", reason="seen", by="ops")).is_done
    assert broken.posture() is Posture.ARMED
    again = await desk.reset(breaker="daily_loss", reason="seen", by="ops")
    assert again.text == "daily_loss is not tripped"
    unknown = await desk.reset(breaker="daily-loss", reason="seen", by="ops")
    assert "daily_loss" in unknown.details[0]


async def test_an_override_holds_a_breaker_back_for_its_time_and_is_told() -> None:
    """CAP-06, BRK-10."""
    broken = await Breaking().settle()
    world = broken.world
    await broken.at("97", "97", "97")
    answer = await world.desk.override(breaker="daily_loss", minutes=1, reason="known", by="ops")
    assert answer.is_done
    assert broken.posture() is Posture.ARMED
    assert "breaker daily_loss overridden" in world.pager.titles()
    (granted,) = world.journal.events(be.OverrideGranted)
    assert (granted.by, granted.reason) == ("ops", "known")
    row = {row.name: row for row in broken.breakers.rows()}["daily_loss"]
    assert row.overridden_by == "ops: known"
    await broken.at(*["97"] * 58)
    assert broken.posture() is Posture.ARMED
    await broken.at("97", "97", "97")
    assert broken.posture() is Posture.REDUCE_ONLY
    assert "override of daily_loss ended" in world.pager.titles()


@pytest.mark.parametrize("minutes", [0, -1, 16, 10_000])
async def test_an_override_of_no_or_too_much_time_is_refused(minutes: int) -> None:
    broken = await Breaking().settle()
    asked = {"breaker": "drift", "minutes": minutes, "reason": "x", "by": "ops"}
    answer = await broken.world.desk.override(**asked)  # type: ignore[arg-type]
    assert (answer.is_done, answer.text) == (False, f"minutes is {minutes}, allowed is 1 to 15")
    assert not broken.world.journal.events(be.OverrideGranted)


async def test_a_kill_is_never_overridden() -> None:
    broken = await Breaking().settle()
    world = broken.world
    before = await world.desk.override(breaker="loss_kill", minutes=5, reason="x", by="ops")
    assert before.is_done, "before it killed, its missing reading may be taken on"
    await broken.at("94", "94", "94")
    assert broken.posture() is Posture.HALTED
    answer = await world.desk.override(breaker="loss_kill", minutes=5, reason="x", by="ops")
    assert not answer.is_done
    assert "never overridden" in answer.text


async def test_an_override_ends_with_its_time_after_a_restart_too() -> None:
    broken = await Breaking().settle()
    await broken.at("97", "97", "97")
    await broken.world.desk.override(breaker="daily_loss", minutes=2, reason="x", by="ops")
    again = World(held=HELD, cash=0, policy=rules_with())
    again.book.safety = broken.world.book.safety
    later = await Breaking(again).settle()
    await later.at("97")
    assert later.posture() is Posture.ARMED
    await later.at(*["97"] * 120)
    assert later.posture() is Posture.REDUCE_ONLY


async def test_no_clock_that_is_set_back_prolongs_an_override(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = await Breaking().settle()
    clock = broken.world.clock
    await broken.at("97", "97", "97")
    await broken.world.desk.override(breaker="daily_loss", minutes=2, reason="x", by="ops")
    await broken.at(*["97"] * 110)
    assert broken.breakers.is_overridden(LOSS)
    told = clock.utc
    monkeypatch.setattr(clock, "utc", lambda: told() - timedelta(seconds=60))
    assert broken.breakers.is_overridden(LOSS)
    await broken.at(*["97"] * 12)
    assert not broken.breakers.is_overridden(LOSS)


async def test_a_high_vix_leaves_a_share_of_new_risk() -> None:
    """BRK-05."""
    broken = await Breaking(vix={"is_enabled": True}).settle()
    assert broken.breakers.allocation() == 0, "no VIX counts as high"
    assert Breaking().breakers.allocation() == 1, "switched off"


async def test_the_market_is_a_storm_until_it_is_seen_and_unknown_when_that_was_long_ago() -> None:
    broken = await Breaking().settle()
    assert broken.breakers.outlook() == Outlook(Regime.STORM, D(1))
    await asyncio.sleep(11)
    assert broken.breakers.outlook() == Outlook(None, D(1))


async def test_a_storm_that_nothing_measures_is_in_doubt_until_it_is_believed_to_be_over() -> None:
    """After the start all measures are there, and it stays a storm for the dwell (CAP-26)."""
    broken = Breaking()
    assert broken.breakers.regime_doubt() == "the regime has not been evaluated"
    await broken.settle()
    lacks = "VIX, realised volatility"
    assert broken.breakers.regime_doubt() == f"the regime is a storm for want of {lacks}"
    broken.readings.volatility.realised = lambda: D("0.05")  # type: ignore[method-assign]
    broken.world.hub.add(an_instrument(con_id=VIX, symbol="VIX", sec_type="IND"))
    for price, said in (("12", "by what was, the measures say calm"), ("80", "")):
        broken.world.hub.on_tick(QuoteTick(VIX, "last", D(price), broken.world.clock.monotonic()))
        await broken.at("100")
        assert broken.breakers.outlook().regime is Regime.STORM
        assert broken.breakers.regime_doubt().endswith(said)
        assert bool(broken.breakers.regime_doubt()) is bool(said)


async def test_what_a_policy_switches_off_does_not_stand() -> None:
    world = World(held=HELD, cash=0, policy=rules_with())
    world.ledger.record(
        be.BreakerTripped(BreakerName.DRIFT, "1", "x", "h", "reduce_only", "2026-03-02")
    )
    broken = await Breaking(world, drift={"is_enabled": False}).settle()
    assert broken.phase(BreakerName.DRIFT) is Phase.CLOSED
    assert world.journal.events(be.BreakerReset)[0].by == "policy"


async def test_each_change_of_posture_is_recorded_once() -> None:
    broken = await Breaking().settle()
    await broken.at("97", "97", "97", "97")
    told = [(row.posture, row.causes) for row in broken.world.journal.events(be.PostureChanged)]
    assert told == [(Posture.ARMED, ()), (Posture.REDUCE_ONLY, ("daily_loss",))]


async def test_every_evaluation_of_a_run_can_be_evaluated_again_and_gives_the_same() -> None:
    """BRK-09."""
    broken = await Breaking().settle()
    await broken.at(*["99.5"] * 30, *["97"] * 40, *["99"] * 30, "10", *["94"] * 10)
    broken.world.hub.quotes.pop(CON)
    await broken.still(40)
    kept = [row for made in broken.audited for row in made.evaluations]
    assert sum(made.is_full for made in broken.audited) >= 2
    assert {row.verdict.finding for row in kept} == set(Finding)
    assert len(kept) > 40
    for row in kept:
        assert is_reproduced(row)
        again = of_plain(as_plain(row))
        assert again == row
        assert is_reproduced(again)


async def test_a_kill_beside_a_kill_is_told_and_outlives_a_resume_that_waited() -> None:
    """Whoever asks for the end of the first one knows nothing of the second."""
    breaking = await Breaking(drawdown={"limit": Decimal("0.08")}).settle()
    world = breaking.world
    await breaking.at("94", "94", "94")
    assert HaltCause.BREAKER in world.book.halts
    await breaking.at("96", "96")
    pages = len(world.pager.sent)
    async with world.desk.turn:
        resume = asyncio.get_running_loop().create_task(
            world.desk.resume(reason="loss seen", by="ops")
        )
        await turns()
        await breaking.at("91", "91", "91")
        await breaking.at("99", "99")
    answer = await resume
    assert not answer.is_done
    assert "drawdown" in world.book.halts[HaltCause.BREAKER]
    assert "loss_kill" in world.book.halts[HaltCause.BREAKER]
    assert [title for _, title, _ in world.pager.sent[pages:]] == ["breaker drawdown tripped"]
