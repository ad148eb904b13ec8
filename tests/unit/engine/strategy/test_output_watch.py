"""A strategy that puts nothing out while its session is on is told of once, and nobody else is.

Goal (DAT-09): whether it has stopped, is held up or has nothing to look at, its output is stale
after the seconds that its settings say. Method: runners in virtual time, with quotes that come,
stop, or come while nobody answers.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta
from decimal import Decimal

import pytest

from tests.unit.engine.runners import a_runner
from tests.unit.engine.world import BUY, CON, T0, World, an_instrument, an_intent
from trader.core.calendar import ContractHours, Span
from trader.core.ids import StrategyName
from trader.core.market import Quote
from trader.core.policy import TradingHours
from trader.engine.output_status import OutputStatus
from trader.engine.sessions import SessionSettings
from trader.engine.strategy.output_watch import LOOK_S, OutputWatch, SloEvent, SloStep
from trader.engine.strategy.runner import StrategyRunner
from trader.strategies.base import Context, Wish
from trader.strategies.own import OwnStrategy, Parameters

NAME = StrategyName("alpha")
# As the runner's settings have it.
MOST_S = 300.0
KNOWN = Span(T0 - timedelta(days=1), T0 + timedelta(days=1))


class Answering(OwnStrategy[Parameters]):
    """Answers every quote, with a wish where the test wants one."""

    def __init__(self) -> None:
        super().__init__(NAME, ("AAA",), Parameters())
        self.wish: Wish | None = None
        self.error: Exception | None = None

    def on_quote(self, quote: Quote, context: Context) -> None:
        if self.error is not None:
            raise self.error
        if self.wish is not None:
            context.submit(self.wish)
            self.wish = None


class Site:
    """A strategy with its session, and somebody who watches."""

    def __init__(self, begins_s: float = -3_600, ends_s: float = 36_000) -> None:
        span = Span(T0 + timedelta(seconds=begins_s), T0 + timedelta(seconds=ends_s))
        self.world = World(sessions=SessionSettings(UTC))
        hours = ContractHours((span,), (span,), KNOWN, UTC)
        self.world.hub.add(an_instrument(hours=hours))
        sessions = self.world.services.sessions
        self.world.hub.open_for_s = lambda con: sessions.open_for_s(con, TradingHours.REGULAR)
        self.strategy = Answering()
        self.runner: StrategyRunner = a_runner(self.world, self.strategy)
        self.events: list[SloEvent] = []
        self.watch = OutputWatch(self.world.services, (self.runner,), self.events.append)
        self.world.ledger.observe(self.watch.on_recorded)
        every, look = self.world.supervisor.every, self.watch.look
        self.world.supervisor.start("watch", lambda: every("watch", LOOK_S, look))
        self.is_fed = True

    async def run(self, seconds: float) -> None:
        """Let time pass, with a quote each ten seconds."""
        for _ in range(int(seconds // 10)):
            if self.is_fed:
                self.world.quote()
            await asyncio.sleep(10)

    @property
    def row(self) -> OutputStatus:
        return self.watch.status()[NAME]

    @property
    def steps(self) -> list[SloStep]:
        return [event.step for event in self.events]

    def paged(self) -> list[str]:
        return [title for title in self.world.pager.titles() if title.startswith("output of")]


async def test_who_answers_is_fresh_and_its_ages_are_told() -> None:
    site = Site()
    site.runner.start()
    assert site.watch.risk_age_s() is None
    assert (site.row.answered_age_s, site.row.wished_age_s, site.row.decided_age_s) == (None,) * 3
    site.strategy.wish = Wish(CON, BUY, Decimal(1), reason="test")
    await site.run(10)
    await site.run(600)
    row = site.row
    assert row.answered_age_s is not None
    assert row.answered_age_s <= 10
    assert row.wished_age_s is not None
    assert 600 <= row.wished_age_s <= 611
    assert row.decided_age_s is not None
    assert 600 <= row.decided_age_s <= row.wished_age_s
    assert site.watch.risk_age_s() == pytest.approx(row.decided_age_s, abs=0.1)
    assert (row.is_in_session, row.problem, site.events) == (True, "", [])


async def test_output_that_stops_is_told_once_again_while_it_lasts_and_when_it_is_over() -> None:
    site = Site()
    site.runner.start()
    await site.run(60)
    site.is_fed = False
    await site.run(MOST_S - 20)
    assert site.events == []
    await site.run(30)
    (opened,) = site.events
    assert (opened.step, opened.strategy, opened.objective) == (
        SloStep.OPEN, NAME, "strategy_output_age",
    )  # fmt: skip
    assert MOST_S < opened.age_s <= MOST_S + 2
    assert opened.age_s_max == MOST_S
    assert site.row.problem.startswith("no quote or bar answered for ")
    await site.run(700)
    assert site.steps == [SloStep.OPEN, SloStep.UPDATE, SloStep.UPDATE]
    site.is_fed = True
    await site.run(20)
    assert site.steps[-1] is SloStep.CLOSE
    assert {event.breach_id for event in site.events} == {opened.breach_id}
    assert site.row.problem == ""
    assert site.paged() == ["output of alpha is stale"]
    # Another time is another breach.
    site.is_fed = False
    await site.run(MOST_S + 20)
    assert site.events[-1].breach_id != opened.breach_id
    assert len(site.paged()) == 2


async def test_one_that_has_stopped_is_stale_though_quotes_come() -> None:
    site = Site()
    site.runner.start()
    await site.run(30)
    site.strategy.error = ZeroDivisionError("planted")
    await site.run(MOST_S + 30)
    assert site.steps[0] is SloStep.OPEN
    assert "it has stopped" in site.row.problem


async def test_one_that_was_never_asked_counts_from_the_start() -> None:
    site = Site()
    site.world.hub.forget_quotes()
    site.runner.start()
    site.is_fed = False
    await site.run(MOST_S - 10)
    assert site.events == []
    await site.run(20)
    assert site.steps == [SloStep.OPEN]
    assert site.row.answered_age_s is None


async def test_outside_its_session_nobody_waits_and_the_open_has_its_time() -> None:
    site = Site(begins_s=1_000, ends_s=2_000)
    site.runner.start()
    site.is_fed = False
    await site.run(990)
    before = site.row
    assert (before.is_in_session, site.events) == (False, [])
    await site.run(MOST_S)
    begun = site.row
    assert (begun.is_in_session, site.events) == (True, [])
    await site.run(30)
    assert site.steps == [SloStep.OPEN]
    # The session ends, and with it the breach.
    await site.run(1_000)
    assert site.steps[-1] is SloStep.CLOSE
    assert site.events[-1].text == "its session is over"


async def test_a_daemon_on_its_way_down_is_not_judged() -> None:
    site = Site()
    site.runner.start()
    await site.run(20)
    site.runner.is_stopping = True
    site.is_fed = False
    await site.run(2 * MOST_S)
    assert site.events == []


async def test_the_risk_decision_is_that_of_anybody() -> None:
    site = Site()
    await site.world.gateway.submit(an_intent(7))
    await asyncio.sleep(5)
    assert site.watch.risk_age_s() == pytest.approx(5, abs=0.1)
