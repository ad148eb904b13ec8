"""Reviews of automatic actions: in time, overdue, recorded, and counted against the budget."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.unit.engine.world import POLICY, World
from trader.core import breaker_events as be
from trader.core.breakers.rules import BreakerName
from trader.core.policy import ActionPolicy
from trader.engine.risk.action_reviews import ActionReviews


def trip(world: World, name: BreakerName = BreakerName.REJECT_RATE, action: str = "halt") -> str:
    """Have a breaker act; returns the number of the action."""
    world.ledger.record(be.BreakerTripped(name, "0.6", "at or above 0.5", "h", action, "d"))
    number = str(world.book.seq)
    world.ledger.record(be.BreakerReset(name, "itself", "0"))
    return number


def a_desk(budget: int = 3) -> tuple[World, ActionReviews]:
    world = World()
    policy = replace(POLICY, action=ActionPolicy(false_month_max=budget))
    return world, ActionReviews(world.services, policy=policy, desk=world.desk)


async def test_a_critical_action_is_overdue_after_five_minutes_and_paged_once() -> None:
    """BRK-19."""
    world, reviews = a_desk()
    trip(world)
    trip(world, BreakerName.DRIFT, "reduce_only")
    await asyncio.sleep(300)
    reviews.look()
    assert (reviews.status().waiting_count, reviews.status().overdue_count) == (2, 0)
    assert world.pager.sent == []
    await asyncio.sleep(1)
    reviews.look()
    reviews.look()
    ((severity, title, text),) = world.pager.sent
    assert (severity, text) == ("critical", "halt reject_rate: 0.6")
    assert title.endswith("not reviewed")
    assert reviews.status().overdue_count == 1
    await asyncio.sleep(86_400)
    reviews.look()
    assert [severity for severity, _, _ in world.pager.sent] == ["critical", "warning"]


async def test_a_review_is_recorded_with_who_and_why_and_ends_the_wait() -> None:
    world, reviews = a_desk()
    number = trip(world)
    answer = await world.desk.review(action=number, verdict="true", reason="seen", by="ops")
    assert answer.is_done, answer
    assert answer.text == f"risk action {number} was right: seen"
    assert answer.details == ("0 of 3 this month",)
    (event,) = world.journal.events(be.ActionReviewed)
    assert (str(event.action), event.is_right, event.by, event.reason) == (
        number, True, "ops", "seen",
    )  # fmt: skip
    status = reviews.status()
    assert (status.waiting_count, status.overdue_count) == (0, 0)
    assert (status.rows[0].verdict, status.rows[0].reviewed_by) == ("right", "ops: seen")
    await asyncio.sleep(301)
    reviews.look()
    assert world.pager.sent == []


async def test_what_was_in_vain_is_counted_and_a_spent_budget_is_paged_once() -> None:
    world, reviews = a_desk(budget=1)
    for place in range(3):
        number = trip(world)
        await world.desk.review(action=number, verdict="false", reason="feed", by="ops")
        reviews.look()
        assert reviews.status().false_count == place + 1
    assert world.pager.titles() == ["budget of false positives used up"]
    assert world.pager.sent[0][2] == "2 false positives, budget 1"


async def test_a_number_or_a_verdict_that_is_none_changes_nothing() -> None:
    world, _ = a_desk()
    number = trip(world)
    for action, verdict, text in (
        ("0", "true", "no risk action has the number '0'"),
        ("x", "true", "no risk action has the number 'x'"),
        ("9" * 19, "true", "no risk action has"),
        ("\u00b2", "true", "no risk action has"),
        (number, "yes", "verdict is 'yes', allowed: true, false"),
    ):
        answer = await world.desk.review(action=action, verdict=verdict, reason="r", by="ops")
        assert not answer.is_done
        assert answer.text.startswith(text)
    assert world.journal.events(be.ActionReviewed) == []
    # The refusal names what waits.
    missing = await world.desk.review(action="0", verdict="true", reason="r", by="ops")
    assert missing.details == (f"not reviewed: {number}",)


async def test_a_review_that_is_not_on_disk_says_so() -> None:
    world, _ = a_desk()
    number = trip(world)
    world.journal.hold()
    answer = await world.desk.review(action=number, verdict="true", reason="r", by="ops")
    assert not answer.is_done
    assert "not on disk yet" in answer.text


async def test_a_daemon_without_them_says_so() -> None:
    answer = await World().desk.review(action="1", verdict="true", reason="r", by="ops")
    assert answer.text == "this daemon keeps no risk actions"
