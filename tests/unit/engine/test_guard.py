"""Every reason to halt, from its reading to the gate; no reading may look good by being old."""

from __future__ import annotations

import asyncio
import math
from datetime import timedelta

import pytest

from tests.unit.engine.world import World, a_ticket, an_exit, an_intent
from trader.core import events as ev
from trader.core.halts import (
    BLOCKS_EVERY_ORDER,
    LATCHED,
    HaltCause,
    Lane,
    Mode,
    Posture,
    Restraint,
)
from trader.core.ids import TicketId
from trader.ports import LinkWord, ServerTime


async def test_a_new_guard_is_halted_by_everything_that_is_not_proven_yet() -> None:
    world = World(is_armed=False, is_baselined=False)
    world.switch.active = "missing"
    assert set(world.guard.causes()) == {
        HaltCause.FRESH_INSTALL,
        HaltCause.STARTING,
        HaltCause.LINK,
        HaltCause.UPSTREAM,
        HaltCause.NOT_RECONCILED,
        HaltCause.HEARTBEAT,
        HaltCause.HALT_FILE,
        HaltCause.BASELINE_MISSING,
    }
    assert world.guard.posture() is Posture.HALTED


async def test_without_a_cause_it_is_armed_and_every_lane_is_open() -> None:
    world = World()
    assert world.guard.causes() == {}
    assert world.guard.posture() is Posture.ARMED
    assert [world.guard.refusal(lane) for lane in Lane] == [None] * len(Lane)


@pytest.mark.parametrize("cause", list(HaltCause))
async def test_each_cause_shuts_the_lanes_it_must(cause: HaltCause) -> None:
    world = World()
    world.guard.set_level(cause, "because")
    assert world.guard.has(cause)
    for lane in (Lane.NEW, Lane.REDUCE, Lane.DATA):
        assert "because" in (world.guard.refusal(lane) or "")
    assert world.guard.refusal(Lane.CANCEL) is None
    is_shut = world.guard.refusal(Lane.OPERATOR) is not None
    assert is_shut == (cause in BLOCKS_EVERY_ORDER)
    world.guard.clear_level(cause)
    assert not world.guard.has(cause)


async def test_the_environments_halt_holds_for_the_life_of_the_process() -> None:
    world = World(environment_halt="EXECUTION_HALTED=1")
    assert world.guard.causes() == {HaltCause.ENVIRONMENT: "EXECUTION_HALTED=1"}


async def test_the_halt_file_is_read_at_every_ask() -> None:
    world = World()
    looks = world.switch.looks
    assert world.guard.refusal(Lane.NEW) is None
    world.switch.active = "stop"
    assert world.guard.causes() == {HaltCause.HALT_FILE: "stop"}
    world.switch.active = ""
    assert world.guard.refusal(Lane.NEW) is None
    assert world.switch.looks == looks + 3


async def test_the_age_of_the_heartbeat_is_evaluated_when_asked() -> None:
    world = World(heartbeat_age_s_max=5.0)
    await asyncio.sleep(4.9)
    assert world.guard.refusal(Lane.NEW) is None
    await asyncio.sleep(0.1)
    await asyncio.sleep(0.1)
    assert "5.1 s ago" in (world.guard.refusal(Lane.NEW) or "")
    world.guard.on_heartbeat(ServerTime(world.clock.utc(), 0.01))
    assert world.guard.refusal(Lane.NEW) is None


async def test_a_lost_socket_forgets_the_heartbeat() -> None:
    world = World()
    world.guard.on_link(LinkWord("socket", is_up=False, code=0, text=""))
    assert world.guard.heartbeat_age_s() is None
    causes = world.guard.causes()
    assert causes[HaltCause.HEARTBEAT] == "last answer never"
    assert causes[HaltCause.LINK] == "connection lost"
    assert {HaltCause.UPSTREAM, HaltCause.NOT_RECONCILED} <= set(causes)


@pytest.mark.parametrize("lag_s", [0.51, math.inf, math.nan])
async def test_a_loop_that_lags_halts_and_so_does_a_lag_that_is_no_number(lag_s: float) -> None:
    world = World()
    world.guard.loop_lag_s = lag_s
    assert set(world.guard.causes()) == {HaltCause.LOOP_LAG}
    world.guard.loop_lag_s = 0.5
    assert world.guard.causes() == {}


async def test_a_task_that_does_not_move_halts_until_it_does() -> None:
    world = World()
    stalled = ["task settler last moved 61.0 s ago, allowed 60 s"]
    world.guard.stalled = lambda: stalled[-1]
    assert world.guard.causes() == {HaltCause.STALLED: stalled[0]}
    assert (await world.gateway.submit(an_intent())).code == "HALTED"
    assert world.broker.placed == []
    stalled.append("")
    assert world.guard.causes() == {}


async def test_a_heartbeat_age_that_is_no_number_halts() -> None:
    world = World()
    world.guard.heartbeat_s = math.nan
    assert set(world.guard.causes()) == {HaltCause.HEARTBEAT}


async def test_a_failed_journal_and_an_open_ticket_halt_until_they_are_gone() -> None:
    world = World()
    world.ledger.record(a_ticket())
    assert world.guard.causes() == {HaltCause.TICKET: "1 open: run-position-AAA"}
    world.ledger.record(ev.TicketClosed(TicketId("run-position-AAA"), "seen", "test"))
    assert world.guard.causes() == {}
    world.journal.fail("disk full")
    assert world.guard.causes() == {HaltCause.JOURNAL: "disk full"}
    assert world.guard.refusal(Lane.OPERATOR) is not None


@pytest.mark.parametrize("cause", sorted(LATCHED))
async def test_a_latched_cause_is_recorded_paged_and_not_cleared_by_a_reading(
    cause: HaltCause,
) -> None:
    world = World()
    world.guard.latch(cause, "because", by="test")
    world.guard.clear_level(cause)
    assert world.guard.causes() == {cause: "because"}
    assert world.journal.events(ev.HaltRaised) == [ev.HaltRaised(cause, "because", "test")]
    assert world.pager.sent == [("critical", f"halted: {cause}", "because")]


async def test_a_cause_pages_once_and_each_reason_is_recorded_once() -> None:
    world = World()
    for _ in range(3):
        world.guard.latch(HaltCause.INVARIANT, "because", by="test")
    world.guard.latch(HaltCause.INVARIANT, "something else", by="test")
    assert len(world.journal.events(ev.HaltRaised)) == 2
    assert len(world.pager.sent) == 1


async def test_a_latch_holds_though_the_journal_cannot_write_it() -> None:
    world = World()
    world.journal.fail("disk full")
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    assert world.guard.causes()[HaltCause.OPERATOR] == "stop"


async def test_1100_again_and_again_is_one_outage_and_1102_ends_it() -> None:
    # INC-033
    world = World()
    for _ in range(20):
        world.guard.on_link(LinkWord("upstream", is_up=False, code=1100, text="lost"))
    assert set(world.guard.causes()) == {HaltCause.UPSTREAM, HaltCause.NOT_RECONCILED}
    assert world.pager.sent == []
    world.guard.on_link(LinkWord("upstream", is_up=True, code=1102, text="back"))
    assert set(world.guard.causes()) == {HaltCause.NOT_RECONCILED}


async def test_1102_without_1100_changes_nothing_for_the_worse() -> None:
    # INC-092
    world = World()
    world.guard.on_link(LinkWord("upstream", is_up=True, code=1102, text="back"))
    assert world.guard.causes() == {}


async def test_farms_say_nothing_about_orders() -> None:
    world = World()
    world.guard.on_link(LinkWord("farm", is_up=False, code=2103, text="usfarm"))
    assert world.guard.farms == {"usfarm": False}
    assert world.guard.causes() == {}


async def test_a_read_only_api_shuts_every_lane_until_it_is_none_any_more() -> None:
    world = World()
    world.guard.on_link(LinkWord("read_only", is_up=False, code=321, text="read-only"))
    assert world.guard.refusal(Lane.OPERATOR) is not None
    world.guard.on_link(LinkWord("read_only", is_up=True, code=0, text="takes orders"))
    assert world.guard.causes() == {}


async def test_the_margin_desks_notice_latches_and_another_only_pages() -> None:
    # INC-086
    world = World()
    world.guard.on_link(LinkWord("notice", is_up=True, code=1234, text="odd"))
    assert world.guard.causes() == {}
    assert world.pager.titles() == ["the broker says 1234"]
    world.guard.on_link(LinkWord("notice", is_up=True, code=2148, text="under liquidation"))
    assert world.guard.causes() == {HaltCause.LIQUIDATION: "2148 under liquidation"}


async def test_words_that_nobody_knows_change_nothing() -> None:
    world = World()
    world.guard.on_link(LinkWord("socket", is_up=True, code=0, text="connected"))
    world.guard.on_link(LinkWord("elsewhere", is_up=False, code=0, text=""))
    assert world.guard.causes() == {}


async def test_the_mode_is_no_cause_and_the_lane_of_an_exit_is_shut_like_any_other() -> None:
    world = World(mode=Mode.SHADOW, held=10)
    assert world.guard.posture() is Posture.ARMED
    world.guard.latch(HaltCause.OPERATOR, "stop", by="test")
    assert (await world.gateway.submit(an_exit())).code == "HALTED"


@pytest.mark.parametrize(
    ("ahead_s", "round_trip_s", "is_told"),
    [
        (0.0, 0.01, False),
        (2.0, 0.01, False),
        (2.5, 0.01, True),
        (90.0, 0.01, True),
        # Whole seconds, and true when the question was asked at the earliest.
        (-2.9, 0.01, False),
        (-3.5, 0.01, True),
        (-7.0, 5.0, False),
        (-9.0, 5.0, True),
    ],
)
async def test_two_clocks_that_differ_are_told_once_and_halt_nothing(
    ahead_s: float, round_trip_s: float, is_told: bool
) -> None:
    # INC-154
    world = World()
    for _ in range(3):
        told = world.clock.utc() + timedelta(seconds=ahead_s)
        world.guard.on_heartbeat(ServerTime(told, round_trip_s))
        await asyncio.sleep(100)
    assert world.pager.titles() == ["the clocks differ"] * is_told
    assert world.guard.causes() == {}
    world.guard.on_heartbeat(ServerTime(world.clock.utc(), 0.01))
    world.guard.on_heartbeat(ServerTime(world.clock.utc() + timedelta(seconds=60), 0.01))
    assert world.pager.titles() == ["the clocks differ"] * (is_told + 1)


async def test_what_the_breakers_ask_for_counts_at_the_moment_of_asking() -> None:
    world = World(held=10)
    asked = Restraint(restrictions={"daily_loss": "-0.03"})
    world.guard.restraint = lambda: asked
    assert world.guard.posture() == Posture.REDUCE_ONLY
    refused = await world.gateway.submit(an_intent(1))
    assert (refused.code, refused.text) == ("BREAKER", "daily_loss: -0.03")
    assert (await world.gateway.submit(an_exit(2))).kind == "sent"
    asked = Restraint({HaltCause.BREAKER_TRIPPED: "loop_lag: 2"}, {"daily_loss": "-0.03"})
    assert world.guard.posture() == Posture.HALTED
    assert (await world.gateway.submit(an_intent(3))).code == "HALTED"
    asked = Restraint()
    assert world.guard.posture() == Posture.ARMED


async def test_the_worst_lag_is_kept_until_somebody_took_it() -> None:
    world = World()
    unmeasured = world.guard.lag_at_s
    assert unmeasured is None
    for lag_s in (0.1, 0.4, 0.0):
        world.guard.note_lag(lag_s)
    assert world.guard.lag_at_s == world.clock.monotonic()
    assert world.guard.loop_lag_s == 0.0
    assert [world.guard.take_worst_lag() for _ in range(2)] == [0.4, 0.0]
    world.guard.note_lag(math.nan)
    assert math.isnan(world.guard.take_worst_lag())


@pytest.mark.parametrize(
    ("ahead_s", "round_trip_s", "skew_s"), [(0.0, 0.0, 0.0), (3.0, 1.0, 3.0), (-5.0, 1.0, 3.0)]
)
async def test_the_skew_is_what_nothing_explains(
    ahead_s: float, round_trip_s: float, skew_s: float
) -> None:
    world = World(is_armed=False)
    assert world.guard.clock_skew_s is None
    told = world.clock.utc() + timedelta(seconds=ahead_s)
    world.guard.on_heartbeat(ServerTime(told, round_trip_s))
    assert world.guard.clock_skew_s == pytest.approx(skew_s)


async def test_a_gateway_that_is_cut_off_or_was_meanwhile_is_deaf() -> None:
    """INC-002, INC-132: what it lists is its memory."""
    world = World()
    losses = world.guard.loss_count
    assert world.guard.deafness(losses) is None
    world.upstream(1100)
    assert str(world.guard.deafness(losses)).startswith("upstream: 1100")
    world.upstream(1102)
    assert world.guard.deafness(losses) == "the link was lost while the snapshot was taken"
    assert world.guard.deafness(world.guard.loss_count) is None
    world.guard.set_level(HaltCause.LINK, "gone")
    assert world.guard.deafness(world.guard.loss_count) == "link: gone"


async def test_an_answer_proves_what_was_when_it_was_asked_for() -> None:
    """INC-093: a gateway that takes five seconds is five seconds away."""
    world = World(heartbeat_age_s_max=5.0)
    world.guard.on_heartbeat(ServerTime(world.clock.utc(), 4.5))
    assert world.guard.heartbeat_age_s() == 4.5
    assert world.guard.refusal(Lane.NEW) is None
    world.guard.on_heartbeat(ServerTime(world.clock.utc(), 5.5))
    assert world.guard.refusal(Lane.NEW) == "heartbeat: last answer 5.5 s ago"


async def test_an_operators_exit_waits_until_the_book_was_compared_after_a_loss() -> None:
    world = World(held=10)
    world.guard.latch(HaltCause.OPERATOR, "test", by="test")
    assert world.guard.refusal(Lane.OPERATOR) is None
    world.upstream(1100)
    world.upstream(1102)
    assert "not compared" in str(world.guard.refusal(Lane.OPERATOR))
    assert world.guard.refusal(Lane.CANCEL) is None
    world.guard.on_compared()
    assert world.guard.refusal(Lane.OPERATOR) is None


async def test_whoever_records_hears_every_word_of_a_link_those_of_our_own_too() -> None:
    world, heard = World(), list[LinkWord]()
    world.guard.heard = heard.append
    world.upstream(1100)
    lost = LinkWord("socket", is_up=False, code=0, text="gone")
    world.guard.on_link(lost)
    assert [(word.axis, word.code) for word in heard] == [("upstream", 1100), ("socket", 0)]


async def test_how_a_farm_is_and_since_when_is_kept_until_the_socket_is_lost() -> None:
    world = World()

    def say(code: int, state: str, *, is_up: bool) -> None:
        word = LinkWord("farm", is_up=is_up, code=code, text="usfarm", state=state)
        world.guard.on_link(word)

    say(2103, "broken", is_up=False)
    since = world.clock.utc()
    await asyncio.sleep(60)
    say(2103, "broken", is_up=False)
    (word,) = world.guard.farm_words.values()
    assert (word.state, word.since_utc) == ("broken", since)
    say(2104, "ok", is_up=True)
    (word,) = world.guard.farm_words.values()
    assert (word.state, word.code, word.since_utc) == ("ok", 2104, world.clock.utc())
    world.guard.on_link(LinkWord("socket", is_up=False, code=0, text="reset"))
    assert world.guard.farm_words == {}
