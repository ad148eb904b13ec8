"""The same record gives the same decisions, byte for byte, by the code that trades live."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.config.support import loaded
from tests.unit.replay.records import (
    AAPL,
    CON,
    T0,
    T0_S,
    Swinger,
    a_day,
    deployed,
    event,
    given,
    head,
    quote,
)
from trader.config import Configuration
from trader.core.amounts import ZERO
from trader.core.bars import Bar, BarSource, BarSpec
from trader.core.calendar import ContractHours, Span
from trader.core.decisions import Row
from trader.core.history_pacing import HistoryAnswer
from trader.core.market import Quote
from trader.engine.market.recording import Lost, MarketEvent
from trader.engine.strategy.decision_log import line_of
from trader.ports import LinkWord
from trader.replay.play import Played, play
from trader.strategies.base import Context, OrderStage, Strategy
from trader.strategies.bracket_momentum import (
    BracketMomentumParameters,
    BracketMomentumStrategy,
)


@pytest.fixture(name="config")
def config_of(tmp_path: Path) -> Configuration:
    return loaded(tmp_path, mode="shadow")


def played(
    config: Configuration, events: list[MarketEvent], strategy: Strategy | None = None
) -> tuple[list[Row], Played]:
    rows: list[Row] = []
    found = play(config, deployed(strategy or Swinger()), given(events), rows.append)
    return rows, found


def test_a_day_played_three_times_gives_the_same_bytes(config: Configuration) -> None:
    texts = {"".join(map(line_of, played(config, a_day())[0])) for _ in range(3)}
    (text,) = texts
    assert text.count('"kind":"intent"') == 4
    assert text.count('"kind":"fill"') == 4


def test_the_strategy_sees_the_time_of_the_record_and_its_own_fills(config: Configuration) -> None:
    strategy = Swinger()
    rows, found = played(config, a_day(), strategy)
    assert strategy.times[0] == (T0, T0_S)
    assert [at for at, _ in strategy.times] == sorted(at for at, _ in strategy.times)
    assert [row["kind"] for row in rows] == ["intent", "fill", "commission"] * 4
    fills = [(str(row.side), row.price, row.time_utc) for row in strategy.fills]
    assert [(row["side"], row["price"]) for row in rows if row["kind"] == "fill"] == [
        (side, f"{price.normalize():f}") for side, price, _ in fills
    ]
    assert {update.stage for update in strategy.updates} >= {OrderStage.SENT, OrderStage.FILLED}
    assert found.counts == {"approved": 4, "fill": 4}
    assert (found.ticks, found.lost, found.problems, found.pages) == (600, 0, (), ())
    assert found.began_utc == T0
    assert {str(row["intent_id"]).split("-")[0] for row in rows if "intent_id" in row} == {"replay"}


class OnBars(Swinger):
    """The same, with bars of five seconds."""

    @property
    def bar_spec(self) -> BarSpec:
        return BarSpec(5, 20)


def test_bars_are_made_of_the_record_and_told_in_its_time(config: Configuration) -> None:
    """They follow the hub, so a strategy on bars is replayed as it would run live."""
    strategy = OnBars()
    played(config, a_day(), strategy)
    starts = [bar.start_utc for bar in strategy.seen_bars]
    assert starts == [T0 + timedelta(seconds=5 * number) for number in range(1, len(starts) + 1)]
    assert len(starts) >= 10
    again = OnBars()
    played(config, a_day(), again)
    assert again.seen_bars == strategy.seen_bars


HOURS = Span(T0 - timedelta(hours=1), T0 + timedelta(hours=6))
KNOWN = Span(T0 - timedelta(days=1), T0 + timedelta(days=1))
OPEN = replace(AAPL, hours=ContractHours((HOURS,), (HOURS,), KNOWN, UTC))


def past(at_s: float, count: int, *, price: str = "90", standing: bool = False) -> MarketEvent:
    """Return the broker's answer of so many bars of five seconds that ended by then."""
    first = T0 + timedelta(seconds=at_s // 5 * 5 - 5 * count)
    prices = (Decimal(price),) * 4
    bars = tuple(
        Bar(CON, first + timedelta(seconds=5 * n), 5, *prices, BarSource.HISTORY)
        for n in range(count)
    )
    asked = T0 + timedelta(seconds=at_s - 0.1)
    return event(at_s, HistoryAnswer(CON, 5, 20, asked, bars, is_standing=standing))


class Warm(OnBars):
    """Notes how many bars it can read at each look."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[tuple[float, int]] = []
        self.behind: dict[int, Sequence[Bar]] = {}

    def on_quote(self, quote: Quote, context: Context) -> None:
        self.behind[quote.con_id] = context.bars(quote.con_id)
        self.held.append((context.now_s - T0_S, len(context.bars(quote.con_id))))
        super().on_quote(quote, context)


def with_history(*answers: MarketEvent, version: int = 2) -> list[MarketEvent]:
    rest = a_day()[1:]
    begun = event(0, replace(head(), instruments=(OPEN,), version=version))
    return [begun, *sorted([*answers, *rest], key=lambda row: row.at_s)]


def test_history_comes_when_it_came_and_not_sooner(config: Configuration) -> None:
    strategy = Warm()
    played(config, with_history(past(7.3, 20)), strategy)
    assert max(count for at_s, count in strategy.held if at_s < 7.3) <= 1
    assert all(count == 20 for at_s, count in strategy.held if at_s > 7.5)
    # It was told of what had just ended then, as live: of no older one.
    late = [bar for bar in strategy.seen_bars if bar.source is BarSource.HISTORY]
    assert [bar.end_utc for bar in late] == [T0 + timedelta(seconds=5)]


def test_what_a_part_begins_with_counts_where_nothing_was_before_it(config: Configuration) -> None:
    alone, behind = Warm(), Warm()
    played(config, with_history(past(0.05, 20, standing=True)), alone)
    assert alone.held[0][1] == 20
    # The next part of the same process repeats it.
    events = with_history(past(0.05, 20))
    events.insert(100, event(20.05, head(part=2)))
    events.insert(101, past(20.06, 20, price="1", standing=True))
    played(config, sorted(events, key=lambda row: row.at_s), behind)
    assert Decimal(1) not in {bar.close for bar in behind.seen_bars}
    assert len(behind.seen_bars) >= 10


def test_no_bar_is_made_of_a_price_that_stood_while_rows_were_lost(config: Configuration) -> None:
    """Flat bars that nobody saw are none, and what stands behind the loss is the recorder's."""
    strategy = Warm()
    held = [row for row in with_history(past(0.05, 20)) if not 20 < row.at_s - T0_S < 41]
    again = [event(41, replace(head(part=2), instruments=(OPEN,))), event(41, Lost(200, "full")),
             past(41, 20, price="77", standing=True)]  # fmt: skip
    played(config, sorted([*held, *again], key=lambda row: row.at_s), strategy)
    made = [bar.start_utc for bar in strategy.seen_bars if bar.source is BarSource.TICKS]
    assert {T0 + timedelta(seconds=at) for at in (5, 10, 45, 50)} <= set(made)
    (bars,) = strategy.behind.values()
    assert {bar.close for bar in bars if bar.end_utc <= T0 + timedelta(seconds=40)} == {Decimal(77)}


def test_a_record_of_before_history_was_recorded_begins_without_bars(
    config: Configuration,
) -> None:
    strategy = Warm()
    rows, found = played(config, with_history(version=1), strategy)
    assert found.lacks_history
    assert strategy.held[0][1] == 0
    assert len(strategy.seen_bars) >= 10
    # Nobody holds back new risk for what nobody can know.
    assert {row["verdict"] for row in rows if row["kind"] == "intent"} == {"approved"}
    assert not played(config, with_history(version=1))[1].lacks_history
    assert not played(config, with_history(past(1, 20)), Warm())[1].lacks_history


def test_another_process_begins_without_the_bars_of_the_one_before(config: Configuration) -> None:
    strategy = Warm()
    second = a_day(begin_s=100, base_s=10.0, run="run2")
    played(config, [*with_history(past(0.05, 20)), *second], strategy)
    assert strategy.held[0][1] == 20
    begun = next(count for at_s, count in strategy.held if at_s >= 100)
    assert begun == 0


def test_a_bar_that_the_process_of_before_was_told_is_not_told_again(config: Configuration) -> None:
    """Live its saved state knows of it; the broker tells it to the next process all the same."""
    strategy = Warm()
    first = [row for row in with_history(past(0.05, 20)) if row.at_s < T0_S + 62]
    second = a_day(begin_s=62, base_s=10.0, run="run2")
    again = replace(past(62.3, 20), at_s=72.3)
    played(config, [*first, *sorted([*second, again], key=lambda row: row.at_s)], strategy)
    ends_s = [(bar.end_utc - T0).total_seconds() for bar in strategy.seen_bars]
    assert 60 in ends_s
    assert len(ends_s) == len(set(ends_s)), ends_s


def test_no_fill_is_better_than_the_quote_that_was_there(config: Configuration) -> None:
    rows, _ = played(config, a_day())
    buys = [float(row["price"]) for row in rows if row["kind"] == "fill" and row["side"] == "BUY"]
    sells = [float(row["price"]) for row in rows if row["kind"] == "fill" and row["side"] == "SELL"]
    # Seen below 100.50 in the middle, paid at the ask half a step later at best; and the reverse.
    assert all(100.3 <= price <= 100.52 for price in buys)
    assert all(100.99 <= price <= 101.2 for price in sells)


def a_swinging_day() -> list[MarketEvent]:
    """Return a market that rises by three in a hundred and falls, once before it is half way up."""
    # Nothing is known of the past: as a record of before history was written down.
    found = [event(0, replace(head(), instruments=(OPEN,), version=1))]
    for step in range(480):
        up = Decimal(abs(60 - step % 120)) / 20
        price = 100 + (min(up, Decimal("1.6") if step < 240 else ZERO) if 180 <= step < 300 else up)
        # Not too smooth: what has no deviation has no momentum.
        price += Decimal(step * 7 % 5) / 100
        found += quote(0.1 + step / 2, str(price), str(price + Decimal("0.02")))
    return found


def bracketing() -> BracketMomentumStrategy:
    parameters = BracketMomentumParameters(
        bar_s=5, momentum_bars=3, atr_bars=3, profit_atrs=0, profit_fraction=0.01, stop_atrs=0,
        stop_fraction=0.008, exit_score=-1, pause_s=1, is_flat_at_close=False,
    )  # fmt: skip
    return BracketMomentumStrategy("brackets", ("AAPL",), parameters)


def test_a_bracket_is_played_to_its_end(config: Configuration) -> None:
    """Entered on bars of the record, taken off by a leg, and the same bytes again."""
    strategy = bracketing()
    rows, found = played(config, a_swinging_day(), strategy)
    assert found.problems == ()
    assert played(config, a_swinging_day(), bracketing())[0] == rows
    assert {row["verdict"] for row in rows if row["kind"] == "intent"} == {"approved"}
    decided = [row for row in rows if "intent_id" in row]
    told = [str(row["intent_id"]).removeprefix("replay-brackets-") for row in decided]
    fills = [name for row, name in zip(decided, told, strict=True) if row["kind"] == "fill"]
    assert fills == ["1", "1p", "2", "2s", "3", "3p"]
    assert len(told) == 3 * 3 + len(fills), "three intents of each, and no other"
    state = json.loads(strategy.checkpoint())["symbols"]["AAPL"]
    assert (state["phase"], state["correction"]) == ("flat", "")


def test_what_could_not_have_left_is_refused_as_it_would_have_been(config: Configuration) -> None:
    lost = LinkWord("upstream", is_up=False, code=1100, text="lost")
    events = [
        event(0, head()),
        *quote(1, "99", "99.02"),
        event(1.01, lost),
        *quote(2, "99", "99.02"),
    ]
    events += [
        event(20, LinkWord("upstream", is_up=True, code=1102, text="")),
        *quote(21, "99", "99.02"),
    ]
    rows, found = played(config, events)
    assert [(row["kind"], row.get("verdict"), row.get("code")) for row in rows][:2] == [
        ("intent", "refused", "HALTED"),
        ("intent", "refused", "HALTED"),
    ]
    assert [row["kind"] for row in rows[-3:]] == ["intent", "fill", "commission"]
    assert found.counts["fill"] == 1


def test_a_strategy_that_breaks_is_named_and_the_rest_is_played(config: Configuration) -> None:
    rows, found = played(config, a_day(), Swinger(fails_at=5))
    assert [(row["kind"], row["text"]) for row in rows] == [
        ("stopped", "ZeroDivisionError: planted")
    ]
    assert found.counts == {}
    assert found.problems == ("swinger: ZeroDivisionError: planted",)
    assert found.ticks == 600
    assert found.pages == ("replay: strategy swinger stopped: ZeroDivisionError: planted",)


def test_two_processes_in_a_day_are_played_as_one_day(config: Configuration) -> None:
    strategy = Swinger()
    rows, found = played(config, [*a_day(), *a_day(600.0, 20.0, "run2")], strategy)
    assert found.ticks == 1_200
    assert len([row for row in rows if row["kind"] == "fill"]) >= 6
    times = [now_s for _, now_s in strategy.times]
    assert times == sorted(times)


def test_a_record_without_an_event_is_refused(config: Configuration) -> None:
    with pytest.raises(ValueError, match="no event"):
        played(config, [])


def test_no_module_of_the_broker_is_needed_for_it() -> None:
    """The import contract says so for all that is written; this says it of what runs."""
    code = (
        "import sys, trader.commands.replay\n"
        "found = [name for name in sys.modules if name.split('.')[0] in ('ib_async', 'aiohttp')]\n"
        "found += [name for name in ('trader.ibkr.broker', 'trader.app') if name in sys.modules]\n"
        "assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
