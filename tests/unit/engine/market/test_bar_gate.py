"""Bars that are missing hold back who looks at them, in their instrument alone, and call somebody.

Goal (DAT-05): no new risk on a hole; exits leave; it opens by itself. Method: the engine in virtual
time with a keeper at work; the broker's history is there, refused, or back again.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tests.unit.engine.market.test_bar_keeper import FIVES, MINUTES, Play
from tests.unit.engine.world import (
    CON,
    LINEAGE,
    OTHER_CON,
    STRATEGY,
    an_exit,
    an_instrument,
    an_intent,
)
from trader.core.bars import NO_BARS, Bar, BarSource, BarSpec
from trader.core.history_pacing import HistoryTrouble
from trader.core.ids import StrategyName, intent_id
from trader.core.intents import Intent
from trader.engine.market.bar_gate import BarGate, no_bars
from trader.engine.outcomes import Outcome, OutcomeKind
from trader.ports import HistoryRefused
from trader.strategies.own import OwnStrategy, Parameters

OTHER = StrategyName("other")
REFUSED = HistoryRefused(HistoryTrouble.PACING, "pacing violation")


class Looker(OwnStrategy[Parameters]):
    """Looks at bars of a size, or at none."""

    def __init__(self, name: StrategyName, symbols: Sequence[str], spec: BarSpec | None) -> None:
        super().__init__(name, tuple(symbols), Parameters())
        self._spec = spec

    @property
    def bar_spec(self) -> BarSpec | None:
        return self._spec


class Gated(Play):
    """A keeper whose bars one strategy looks at and another does not, and a gate that is asked."""

    def __init__(self) -> None:
        super().__init__(FIVES)
        strategies = (Looker(STRATEGY, ("AAA",), FIVES), Looker(OTHER, ("AAA",), None))
        self.gate = BarGate(self.world.services, self.keeper, strategies, Decimal("0.9"))
        self.world.gateway.bars_of = self.gate.view
        self.number = 0

    async def begin(self) -> None:
        await super().begin()
        self.gate.start()
        self.is_fed = True

    async def dig(self, gone_s: float = 30) -> None:
        """Have no price for a while, and good ones again; history stays as it is."""
        self.is_fed = False
        self.tick("bid", None)
        await self.run(gone_s)
        self.quote("99.99", "100.01")
        self.is_fed = True
        await self.run(12)

    async def ask(self, intent: Intent) -> Outcome:
        """Ask for an order, as of now: the quote is good."""
        self.quote("99.99", "100.01")
        return await self.world.gateway.submit(intent)

    def paged(self) -> list[str]:
        titles = self.world.pager.titles()
        return [title for title in titles if title.startswith("bars are missing")]


async def test_a_hole_takes_no_new_risk_lets_exits_out_and_opens_when_it_is_filled() -> None:
    play = Gated()
    await play.begin()
    await play.run(20)
    first = await play.ask(an_intent(1))
    assert first.kind is OutcomeKind.SENT, first
    play.world.fill(play.world.order())
    play.word = REFUSED
    await play.dig()

    refused = await play.ask(an_intent(2))
    assert (refused.kind, refused.code) == (OutcomeKind.REFUSED, "BARS_INCOMPLETE")
    assert "AAA 5 s" in refused.text
    assert (await play.ask(an_exit(3, quantity=4))).kind is OutcomeKind.SENT
    other = an_intent(4, strategy=OTHER, intent_id=intent_id(LINEAGE, OTHER, 4))
    assert (await play.ask(other)).kind is OutcomeKind.SENT
    (row,) = play.gate.status()
    assert row.hold.startswith("0.")
    # History is there again, and nobody resumes anything.
    play.word = None
    await play.run(300)
    (row,) = play.gate.status()
    assert row.hold == ""
    assert (await play.ask(an_intent(5))).kind is OutcomeKind.SENT


async def test_who_is_told_of_a_bar_of_the_brokers_finds_it_counted() -> None:
    """Its entry was refused for want of the very bar that it was made on, until the next look."""
    play, found = Gated(), []

    def told(bar: Bar) -> None:
        if bar.source is BarSource.HISTORY:
            found.append(play.keeper.view(bar.con_id, bar.size_s).share)

    play.keeper.follow(told)
    await play.begin()
    await play.run(20)
    assert found
    assert set(found) == {Decimal(1)}


async def test_before_the_broker_has_told_of_the_past_nothing_is_known() -> None:
    play = Gated()
    play.word = REFUSED
    await play.begin()
    await play.run(5)
    refused = await play.ask(an_intent(1))
    assert (refused.code, "not known" in refused.text) == ("BARS_INCOMPLETE", True)
    # Twelve bars of its own are all that it looks at.
    await play.run(75)
    assert (await play.ask(an_intent(2))).kind is OutcomeKind.SENT


async def test_somebody_is_called_once_for_each_time_that_it_lasts() -> None:
    play = Gated()
    await play.begin()
    await play.run(20)
    play.word = REFUSED
    await play.dig(gone_s=20)
    assert play.paged() == []
    play.tick("bid", None)
    play.is_fed = False
    await play.run(120)
    assert play.paged() == ["bars are missing: AAA 5 s"]
    play.quote("99.99", "100.01")
    play.is_fed = True
    play.word = None
    await play.run(900)
    assert play.gate.status()[0].hold == ""
    assert play.paged() == ["bars are missing: AAA 5 s"]
    # Another time.
    play.word = REFUSED
    play.tick("bid", None)
    play.is_fed = False
    await play.run(120)
    assert len(play.paged()) == 2


async def test_without_a_link_nobody_is_called_for_bars() -> None:
    play = Gated()
    await play.begin()
    await play.run(20)
    play.lose_link()
    play.is_fed = False
    await play.run(200)
    assert play.gate.status()[0].hold
    assert play.paged() == []
    play.restore_link()
    play.quote("99.99", "100.01")
    play.is_fed = True
    await play.run(60)
    assert play.gate.status()[0].hold == ""
    assert play.paged() == []


async def test_only_the_instruments_that_a_strategy_looks_at_concern_it() -> None:
    play = Gated()
    play.world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
    await play.begin()
    view = play.gate.view
    assert view(STRATEGY, OTHER_CON) is NO_BARS
    assert view(OTHER, CON) is NO_BARS
    assert view(StrategyName("nobody"), CON) is NO_BARS
    assert view(STRATEGY, CON).is_wanted


def test_where_nobody_looks_at_bars_nothing_is_asked() -> None:
    assert no_bars(STRATEGY, CON) is NO_BARS


async def test_where_nobody_looks_at_bars_there_is_no_task() -> None:
    play = Play(MINUTES)
    gate = BarGate(play.world.services, play.keeper, (), Decimal("0.9"))
    gate.start()
    await play.run(3)
    assert "bar-gate" not in dict(play.world.services.supervisor.ages_s())
