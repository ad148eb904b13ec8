"""Counts over windows are those of a walk over all acts, and what is old is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import BUY, CON, OTHER_CON, SELL, STRATEGY, at
from trader.core.ids import OrderId, StrategyName
from trader.core.intents import OrderType
from trader.core.tapes import (
    ACT_SPAN,
    DAY_SPAN,
    Act,
    ActKind,
    Acts,
    Sale,
    Sales,
    Strangers,
    Tape,
    Traded,
    pattern_of,
)

ACT = Act(at(0), ActKind.ORDER, STRATEGY, CON, OrderId(1), BUY, "p")
OTHER = StrategyName("other")


@given(st.lists(st.integers(0, 3_000)), st.integers(0, 40_000))
def test_a_tape_counts_what_a_walk_over_all_times_counts(steps: list[int], ask: int) -> None:
    tape = Tape(timedelta(seconds=20_000))
    times = []
    now = 0
    for step in steps:
        now += step
        tape.add(at(now))
        times.append(now)
    since = max(ask, now - 20_000)
    assert tape.since(at(since)) == sum(1 for when in times if when >= since)
    assert tape == Tape(timedelta(seconds=20_000), tape.times())
    assert all(when >= at(now - 20_000) for when in tape.times())


def test_a_time_that_steps_back_counts_as_the_latest() -> None:
    """A clock that is set back must not make room."""
    tape = Tape(DAY_SPAN, [at(100), at(40)])
    assert tape.times() == (at(100), at(100))
    acts = Acts([replace(ACT, at_utc=at(100)), replace(ACT, at_utc=at(40))])
    assert acts.count(at(100), ("order",)) == 2


ACTS = st.builds(
    Act,
    at_utc=st.just(at(0)),
    kind=st.sampled_from(list(ActKind)),
    strategy=st.sampled_from([STRATEGY, OTHER]),
    con_id=st.sampled_from([CON, OTHER_CON]),
    order_id=st.sampled_from([OrderId(1), OrderId(2)]),
    side=st.sampled_from([BUY, SELL]),
    pattern=st.sampled_from(["p", "q"]),
)


@given(st.lists(st.tuples(ACTS, st.integers(0, 1_500))))
def test_every_count_is_that_of_a_walk_over_the_last_hour(wished: list[tuple[Act, int]]) -> None:
    acts = Acts()
    done: list[Act] = []
    now = 0
    for act, step in wished:
        now += step
        done.append(replace(act, at_utc=at(now)))
        acts.add(done[-1])
    since = at(now - 2_000)
    late = [act for act in done if act.at_utc >= since]
    for kind in (ActKind.ORDER, ActKind.CANCEL, ActKind.MODIFY):
        of_kind = [act for act in late if act.kind is kind]
        assert acts.count(since, (kind.value,)) == len(of_kind)
        for strategy in (STRATEGY, OTHER):
            own = [act for act in of_kind if act.strategy == strategy]
            assert acts.count(since, (kind.value, strategy)) == len(own)
        for con_id in (CON, OTHER_CON):
            there = [act for act in of_kind if act.con_id == con_id]
            assert acts.count(since, (kind.value, con_id)) == len(there)
    messages = [act for act in late if act.kind is not ActKind.ENTRY]
    assert acts.count(since, ("message",)) == len(messages)
    same = [act for act in late if (act.kind, act.strategy, act.con_id, act.pattern) ==
            (ActKind.ORDER, STRATEGY, CON, "p")]  # fmt: skip
    assert acts.count(since, ("order", STRATEGY, CON, "p")) == len(same)
    entries = [act for act in late if (act.kind, act.strategy, act.con_id, act.side) ==
               (ActKind.ENTRY, STRATEGY, CON, BUY)]  # fmt: skip
    assert acts.count(since, ("entry", STRATEGY, CON, "BUY")) == len(entries)
    changes = [act for act in late if act.kind is ActKind.MODIFY and act.order_id == 1]
    assert acts.count(since, ("modify", "order", OrderId(1))) == len(changes)
    assert Acts(acts.all()) == acts


def test_what_is_older_than_an_hour_leaves_nothing_behind() -> None:
    acts = Acts([replace(ACT, pattern=str(number)) for number in range(50)])
    acts.add(replace(ACT, at_utc=at(0) + ACT_SPAN + timedelta(seconds=1), kind=ActKind.ENTRY))
    assert len(acts.all()) == 1
    assert acts.count(at(0), ("order",)) == 0
    assert len(acts._tapes) == 1


@pytest.mark.parametrize(
    ("quantity", "limit", "is_same"), [("10.0", None, True), ("11", None, False), ("10", 5, False)]
)
def test_a_pattern_is_the_same_for_the_same_thing(
    quantity: str, limit: int | None, is_same: bool
) -> None:
    one = pattern_of(BUY, Decimal(10), OrderType.MARKET, None, None)
    price = None if limit is None else Decimal(limit)
    other = pattern_of(BUY, Decimal(quantity), OrderType.MARKET, price, None)
    assert (one == other) is is_same


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 200_000))), st.integers(0, 200_000))
def test_each_order_of_a_stranger_counts_once_and_at_its_own_time(
    rows: list[tuple[int, int]], ask: int
) -> None:
    """CAP-07: what the broker tells at a start happened before it, in any order."""
    strangers = Strangers()
    first: dict[int, int] = {}
    for key, second in rows:
        strangers.add(Traded(str(key), at(second)))
        first.setdefault(key, second)
        newest = max(first.values())
        first = {k: s for k, s in first.items() if s >= newest - DAY_SPAN.total_seconds()}
    assert strangers.since(at(ask)) == sum(1 for second in first.values() if second >= ask)
    assert Strangers(strangers.rows()) == strangers


@given(
    st.lists(
        st.tuples(st.integers(0, 900), st.integers(-50, 500), st.sampled_from(["USD", "EUR"]))
    ),
    st.integers(0, 20_000),
)
def test_what_was_sold_since_a_moment_is_what_a_walk_over_all_sales_adds_up_to(
    steps: list[tuple[int, int, str]], ask: int
) -> None:
    sales = Sales()
    rows: list[tuple[int, int, str]] = []
    now = 0
    for step, amount, currency in steps:
        now += step
        sales.add(Sale(at(now), currency, Decimal(amount)))
        rows.append((now, amount, currency))
    for currency in ("USD", "EUR"):
        own = [row for row in rows if row[2] == currency]
        newest = max((second for second, _, _ in own), default=0)
        since = max(ask, newest - int(ACT_SPAN.total_seconds()))
        expected = sum(amount for second, amount, _ in own if second >= since)
        assert sales.since(currency, at(since)) == expected
    assert Sales(sales.rows()) == sales
