"""Each bar is told once, whoever was killed in between, and none of another instrument is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.unit.engine.world import CON, OTHER_CON
from trader.core.bars import Bar
from trader.core.ids import ConId
from trader.core.strategy_events import BarsKnown
from trader.engine.strategy import strategy_bars
from trader.engine.strategy.strategy_bars import StrategyBars

T0 = datetime(2026, 1, 5, 15, tzinfo=UTC)
THIRD_CON = ConId(103)


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def a_bar(end_s: int, con_id: ConId = CON, size_s: int = 5) -> Bar:
    price = Decimal(100)
    return Bar(con_id, at(end_s - size_s), size_s, price, price, price, price)


def told(bars: StrategyBars, *new: Bar, now_s: float = 3_600) -> list[Bar]:
    """Return which of some bars are told."""
    for bar in new:
        bars.add(bar)
    return list(iter(lambda: bars.take(at(now_s)), None))


def restarted(bars: StrategyBars, now_s: float = 3_600) -> StrategyBars:
    return StrategyBars(bars.known(), at(now_s))


def test_bars_are_told_in_the_order_in_which_they_came() -> None:
    bars = StrategyBars((), T0)
    new = [a_bar(5), a_bar(5, OTHER_CON), a_bar(10)]
    assert told(bars, *new) == new
    assert bars.take(at(3_600)) is None


def test_a_kill_between_two_instruments_leaves_the_other_one_its_bar() -> None:
    bars = StrategyBars((), T0)
    told(bars, a_bar(5), a_bar(5, OTHER_CON), a_bar(10))
    again = restarted(bars)
    new = [a_bar(10, OTHER_CON), a_bar(15)]
    assert told(again, a_bar(5, OTHER_CON), a_bar(10), *new) == new


def test_what_waits_is_not_known_until_it_is_told() -> None:
    bars = StrategyBars((), T0)
    bars.add(a_bar(5))
    assert bars.known() == ()
    assert told(bars) == [a_bar(5)]
    assert bars.known() == (BarsKnown(at(5), 5, (CON,)),)


def test_a_bar_that_comes_twice_in_one_process_is_told_once() -> None:
    """Behind a beginning in a record, or an instrument that was gone, series begin anew."""
    bars = StrategyBars((), T0)
    assert told(bars, a_bar(5), a_bar(5), a_bar(10)) == [a_bar(5), a_bar(10)]
    assert told(bars, a_bar(10), a_bar(15)) == [a_bar(15)]


def test_instruments_that_end_together_share_a_row() -> None:
    bars = StrategyBars((), T0)
    told(bars, a_bar(5, OTHER_CON), a_bar(5), a_bar(10, THIRD_CON))
    assert bars.known() == (
        BarsKnown(at(5), 5, (CON, OTHER_CON)),
        BarsKnown(at(10), 5, (THIRD_CON,)),
    )


@pytest.mark.parametrize(("end_s", "is_kept"), [(30, True), (35, False)])
def test_what_cannot_come_again_is_not_written_down(end_s: int, is_kept: bool) -> None:
    """So what was traded once, and rolled since, does not stay for ever."""
    bars = StrategyBars((), T0)
    told(bars, a_bar(5), a_bar(end_s, OTHER_CON))
    assert (BarsKnown(at(5), 5, (CON,)) in bars.known()) is is_kept
    assert BarsKnown(at(end_s), 5, (OTHER_CON,)) in bars.known()


def test_what_was_written_down_stands_until_something_is_told() -> None:
    known = (BarsKnown(at(5), 5, (CON, OTHER_CON)), BarsKnown(at(20), 5, (THIRD_CON,)))
    bars = StrategyBars(known, at(3_600))
    assert bars.known() == known
    told(bars, a_bar(300))
    assert bars.known() == (BarsKnown(at(300), 5, (CON,)),)


def test_an_instrument_that_joined_since_is_told_its_first_bar() -> None:
    bars = StrategyBars((BarsKnown(at(5), 5, (CON,)),), at(3_600))
    assert told(bars, a_bar(5), a_bar(5, THIRD_CON)) == [a_bar(5, THIRD_CON)]


def test_a_bar_of_another_size_is_another_bar() -> None:
    bars = StrategyBars((BarsKnown(at(60), 60, (CON, OTHER_CON)),), at(3_600))
    new = a_bar(60, size_s=5)
    assert told(bars, new) == [new]
    assert bars.known() == (BarsKnown(at(60), 5, (CON,)),)
    assert told(bars, new) == []


def test_a_row_of_before_is_of_every_instrument_and_size() -> None:
    known = (BarsKnown(at(10), None, None),)
    bars = StrategyBars(known, at(3_600))
    assert bars.known() == known
    new = [a_bar(15), a_bar(15, OTHER_CON)]
    assert told(bars, a_bar(10), a_bar(10, OTHER_CON), *new[:1]) == new[:1]
    assert bars.known() == (BarsKnown(at(10), 5, None), BarsKnown(at(15), 5, (CON,)))
    again = restarted(bars)
    assert told(again, a_bar(10, OTHER_CON), *new) == new[1:]


def test_a_clock_that_was_set_back_over_a_restart_costs_no_bar() -> None:
    bars = StrategyBars((BarsKnown(at(3_600), 5, (CON, OTHER_CON)),), at(7))
    new = [a_bar(10), a_bar(10, OTHER_CON)]
    assert told(bars, a_bar(5), *new, now_s=11) == new
    assert bars.known()[-1] == BarsKnown(at(10), 5, (CON, OTHER_CON))
    assert told(restarted(bars), a_bar(5), *new) == []


def test_a_clock_that_is_set_back_in_one_process_costs_no_bar() -> None:
    """A record goes on under the clock of whoever wrote it."""
    bars = StrategyBars((), T0)
    told(bars, a_bar(3_600), a_bar(3_600, OTHER_CON))
    assert told(bars, a_bar(10), now_s=11) == [a_bar(10)]
    assert bars.known() == (BarsKnown(at(10), 5, (CON,)),)


def test_it_is_behind_until_all_that_is_known_can_be_read() -> None:
    bars = StrategyBars((BarsKnown(at(5), 5, (CON, OTHER_CON)),), at(7))
    shelf: dict[ConId, list[Bar]] = {CON: [a_bar(5)], OTHER_CON: [a_bar(0, OTHER_CON)]}
    assert not bars.is_behind(shelf.__getitem__, at(8)), "nothing waits"
    bars.add(a_bar(10))
    assert bars.is_behind(shelf.__getitem__, at(11))
    shelf[OTHER_CON].append(a_bar(5, OTHER_CON))
    assert not bars.is_behind(shelf.__getitem__, at(12))


def test_what_this_process_told_has_to_be_there_as_well() -> None:
    """A record goes on with another process, whose history comes one answer after the other."""
    bars = StrategyBars((), T0)
    told(bars, a_bar(5))
    bars.add(a_bar(5, OTHER_CON))
    assert bars.is_behind(lambda con_id: (), at(7))
    assert not bars.is_behind(lambda con_id: (a_bar(5),), at(7))


@pytest.mark.parametrize(("now_s", "is_behind"), [(34.9, True), (35, False)])
def test_it_is_not_behind_for_longer_than_a_bar_may_be_late(now_s: float, is_behind: bool) -> None:
    bars = StrategyBars((BarsKnown(at(5), 5, (CON,)),), at(7))
    bars.add(a_bar(10))
    assert bars.is_behind(lambda con_id: (), at(now_s)) is is_behind


@pytest.mark.parametrize(
    "known",
    [
        BarsKnown(at(5), None, None),
        BarsKnown(at(3_600), 5, (CON,)),
        BarsKnown(at(5), 60, (CON,)),
    ],
    ids=["of nobody knows which instruments", "of a clock that was set back", "of another size"],
)
def test_it_waits_for_nothing_that_may_never_be_there(known: BarsKnown) -> None:
    bars = StrategyBars((known,), at(7))
    bars.add(a_bar(10))
    assert not bars.is_behind(lambda con_id: (), at(11))


def test_what_ended_too_long_ago_is_dropped() -> None:
    bars = StrategyBars((), T0)
    bars.add(a_bar(5))
    bars.add(a_bar(10))
    bars.drop_late(at(35))
    assert told(bars) == [a_bar(10)]


def test_of_too_many_that_wait_the_oldest_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategy_bars, "_WAITING_MAX", 2)
    bars = StrategyBars((), T0)
    new = [a_bar(5), a_bar(10), a_bar(15)]
    assert told(bars, *new) == new[1:]
    bars.add(a_bar(20))
    bars.clear()
    assert told(bars) == []
