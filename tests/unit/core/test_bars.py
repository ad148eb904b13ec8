"""A bar is what held in its interval, no more and no less, whatever clock and quotes do.

Goal: no bar that tells of what nobody watched, and none twice. Method: cases that are known by
hand, and properties over random walks of price and clock: each bar is held against a plain model
that looks at every moment of the interval again. Seeds are hypothesis' own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.bars import (
    COUNT_MAX,
    LOOK_S_MAX,
    SIZES_S,
    Bar,
    BarBuilder,
    BarSource,
    BarSpec,
    checked_size,
    completeness,
    expected,
    gaps,
    merged,
    start_of,
)
from trader.core.calendar import Span
from trader.core.ids import ConId

CON_ID = ConId(265598)
NINE = datetime(2026, 4, 6, 13, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return a moment, so many seconds after nine."""
    return NINE + timedelta(seconds=seconds)


def bar(start_s: float, *, size_s: int = 5, price: str = "10", **terms: object) -> Bar:
    """Return a flat bar."""
    value = Decimal(price)
    made = Bar(CON_ID, at(start_s), size_s, value, value, value, value)
    return replace(made, **terms)  # type: ignore[arg-type]


def built(told: list[tuple[str | None, float]], size_s: int = 5) -> list[Bar]:
    """Feed a builder prices with their moments and return what ended."""
    builder = BarBuilder(CON_ID, size_s)
    ended = (builder.take(None if p is None else Decimal(p), at(s)) for p, s in told)
    return [one for one in ended if one is not None]


def prices(one: Bar) -> tuple[str, str, str, str]:
    """Return open, high, low and close as text."""
    return str(one.open), str(one.high), str(one.low), str(one.close)


# ---- what may be asked for


@pytest.mark.parametrize("size_s", SIZES_S)
def test_every_size_divides_an_hour(size_s: int) -> None:
    assert 3600 % size_s == 0
    assert BarSpec(size_s, 1).size_s == checked_size(size_s) == size_s


@pytest.mark.parametrize("size_s", [0, -5, 1, 7, 45, 3600, 86_400, True, 5.5])
def test_another_size_is_refused_with_what_is_allowed(size_s: int) -> None:
    with pytest.raises(ValueError, match=r"size_s .* not allowed; allowed: 5, 10, .*1800"):
        BarSpec(size_s, 10)


@pytest.mark.parametrize("count", [0, -1, COUNT_MAX + 1])
def test_a_count_that_no_answer_brings_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"count {count} .* 1 to {COUNT_MAX}"):
        BarSpec(60, count)


@pytest.mark.parametrize("count", [True, 1.5, "20"])
def test_a_count_that_is_no_whole_number_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="no whole number"):
        BarSpec(60, count)


# ---- cases known by hand


def test_a_bar_opens_with_what_held_at_its_start() -> None:
    first, second = built(
        [("10", 0), ("12", 1), ("9", 2), ("11", 4), ("13", 6), ("13", 8), ("8", 10)]
    )

    assert prices(first) == ("10", "12", "9", "11")
    assert (first.start_utc, first.end_utc, first.is_whole) == (at(0), at(5), True)
    # Nothing was told at its start: what was told last held then.
    assert prices(second) == ("11", "13", "11", "13")
    assert second.is_whole
    assert second.source is BarSource.TICKS


def test_a_price_told_at_the_very_end_belongs_to_the_next() -> None:
    first, second = built(
        [("10", 0), ("10", 2), ("10", 4), ("99", 5), ("99", 7), ("99", 9), ("99", 10)]
    )

    assert prices(first) == ("10",) * 4
    assert prices(second) == ("99",) * 4


def test_a_quiet_price_makes_flat_bars() -> None:
    builder = BarBuilder(CON_ID, 5)
    builder.take(Decimal(10), at(0))
    found = [builder.passed(at(second)) for second in range(1, 16)]

    made = [one for one in found if one is not None]
    assert [one.start_utc for one in made] == [at(0), at(5), at(10)]
    assert all(prices(one) == ("10",) * 4 and one.is_whole for one in made)


@pytest.mark.parametrize("begin_s", [0.1, 2, 3.9])
def test_the_first_interval_was_cut_off_and_says_so(begin_s: float) -> None:
    told = [*(begin_s + n for n in range(10) if begin_s + n < 10), 10]
    first, second = built([("10", at_s) for at_s in told])

    assert (first.start_utc, first.is_whole) == (at(0), False)
    assert (second.start_utc, second.is_whole) == (at(5), True)


def test_no_price_makes_no_bar() -> None:
    found = built([("10", 0), ("10", 2), ("10", 4), (None, 5), *((None, 5 + n) for n in range(9))])

    assert [one.start_utc for one in found] == [at(0)]


def test_a_price_that_was_gone_for_a_while_makes_a_bar_that_is_not_whole() -> None:
    (found,) = built([("10", 0), (None, 1), (None, 2), ("12", 3), ("12", 5)])

    assert prices(found) == ("10", "12", "10", "12")
    assert not found.is_whole


def test_bid_and_ask_that_arrive_one_after_the_other_spoil_no_bar() -> None:
    (found,) = built([("10", 0), (None, 1), ("12", 1.01), (None, 3), ("11", 3.01), ("11", 5)])

    assert found.is_whole


@pytest.mark.parametrize(("size_s", "gone_s", "is_whole"), [
    (5, 0.5, True), (5, 0.6, False), (60, 1.0, True), (60, 1.1, False),
])  # fmt: skip
def test_how_long_a_price_may_be_gone(size_s: int, gone_s: float, *, is_whole: bool) -> None:
    told: list[tuple[str | None, float]] = [("10", 0), (None, 1), ("10", 1 + gone_s)]
    told += [("10", 2.0 + second) for second in range(size_s - 1)]
    (found,) = built(told, size_s)

    assert found.is_whole is is_whole


def test_nobody_knows_what_held_while_nobody_looked() -> None:
    found = built(
        [
            ("10", 0),
            ("10", 1),
            ("20", 22),
            ("20", 23),
            ("20", 25),
            ("20", 27),
            ("20", 29),
            ("20", 30),
        ]
    )

    assert [(one.start_utc, one.is_whole) for one in found] == [
        (at(0), False), (at(20), False), (at(25), True),
    ]  # fmt: skip
    # What was told afterwards is in none of the intervals before.
    assert prices(found[0]) == ("10",) * 4


def test_time_that_passes_unwatched_leaves_no_price_behind() -> None:
    builder = BarBuilder(CON_ID, 5)
    builder.take(Decimal(10), at(0))

    assert builder.passed(at(4)) is None
    late = [builder.passed(at(second)) for second in range(5, 20)]
    # The part before is told, with its label, and nothing after it.
    assert [(one.start_utc, one.is_whole) for one in late if one is not None] == [(at(0), False)]


def test_a_clock_that_is_set_far_forward_costs_no_time() -> None:
    found = built([("10", 0), ("10", 10.0**9), ("10", 10.0**9 + 1)])

    assert [one.is_whole for one in found] == [False]


def test_a_clock_that_is_set_back_tells_no_interval_twice() -> None:
    builder = BarBuilder(CON_ID, 5)
    ended: list[Bar] = []
    for second in (*range(8), *range(-20, 16)):
        one = builder.take(Decimal(10), at(second))
        if one is not None:
            ended.append(one)
        if second == -20:
            assert builder.behind_s == 27

    assert [one.start_utc for one in ended] == [at(0), at(5), at(10)]
    # The interval in which it happened lasted longer than it should have.
    assert [one.is_whole for one in ended] == [True, False, True]
    assert builder.behind_s == 0


def test_a_clock_that_is_slewed_spoils_no_bar() -> None:
    (found,) = built([("10", 0), ("10", 2), ("10", 1.9), ("10", 1.95), ("10", 3.5), ("10", 5)])

    assert found.is_whole


def test_the_interval_under_way_is_told() -> None:
    builder = BarBuilder(CON_ID, 60)

    assert builder.start_utc is None
    builder.passed(at(75))
    assert builder.start_utc == at(60) == start_of(at(75), 60)


# ---- properties

TOLD = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(1, 30)),
        # Milliseconds until the next is told; seldom longer than anybody may look away.
        st.one_of(
            st.integers(0, 1500), st.integers(0, 12_000), st.sampled_from((0, 500, 1000, 5000))
        ),
    ),
    min_size=1,
    max_size=80,
)
BEGIN_MS = st.one_of(st.integers(0, 20_000), st.sampled_from((0, 2500, 5000)))


def _model(
    told: list[tuple[int | None, int]], begin_ms: int, size_ms: int
) -> list[tuple[int, ...]]:
    """Make the bars again, by looking at all that held in each interval."""
    # From, until, what; told at a moment counts there though it held for no time.
    held: list[tuple[int, int, int]] = []
    now = begin_ms
    for price, pause in told[:-1]:
        if price is not None:
            held.append((now, now + (pause if pause <= LOOK_S_MAX * 1000 else 0), price))
        now += pause
    found: list[tuple[int, ...]] = []
    for start in range(begin_ms // size_ms * size_ms, now - size_ms + 1, size_ms):
        end = start + size_ms
        inside = [
            (max(since, start), min(until, end), price)
            for since, until, price in held
            if since < end and (until > start or since >= start)
        ]
        if not inside:
            continue
        seen = sum(until - since for since, until, _ in inside)
        told_in = [price for _, _, price in inside]
        is_whole = size_ms - seen <= min(1000, size_ms / 10) and start >= begin_ms
        found.append((start, told_in[0], max(told_in), min(told_in), told_in[-1], is_whole))
    return found


@given(told=TOLD, begin_ms=BEGIN_MS, size_s=st.sampled_from((5, 10, 30)))
def test_every_bar_is_what_held_in_its_interval(
    told: list[tuple[int | None, int]], begin_ms: int, size_s: int
) -> None:
    builder = BarBuilder(CON_ID, size_s)
    now, made = begin_ms, []
    for price, pause in told:
        one = builder.take(None if price is None else Decimal(price), at(now / 1000))
        if one is not None:
            made.append(one)
        now += pause
    shown = [
        (
            round((one.start_utc - NINE).total_seconds() * 1000),
            *(int(price) for price in (one.open, one.high, one.low, one.close)),
            one.is_whole,
        )
        for one in made
    ]
    assert shown == _model(told, begin_ms, size_s * 1000)


@given(
    told=st.lists(
        st.tuples(st.one_of(st.none(), st.integers(1, 30)), st.integers(-30_000, 30_000)),
        max_size=60,
    ),
    size_s=st.sampled_from(SIZES_S),
)
def test_whatever_the_clock_does_bars_are_in_order_and_once(
    told: list[tuple[int | None, int]], size_s: int
) -> None:
    builder = BarBuilder(CON_ID, size_s)
    now, made = 0, []
    for price, step in told:
        now += step
        one = builder.take(None if price is None else Decimal(price), at(now / 1000))
        if one is not None:
            made.append(one)
    assert all(one.start_utc < other.start_utc for one, other in pairwise(made))
    for one in made:
        assert one.start_utc == start_of(one.start_utc, size_s)
        assert one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high


@given(told=TOLD, begin_ms=BEGIN_MS)
def test_a_bar_of_ten_seconds_is_its_two_of_five(
    told: list[tuple[int | None, int]], begin_ms: int
) -> None:
    small, large = BarBuilder(CON_ID, 5), BarBuilder(CON_ID, 10)
    now, fives, tens = begin_ms, {}, []
    for price, pause in told:
        value = None if price is None else Decimal(price)
        for builder in (small, large):
            one = builder.take(value, at(now / 1000))
            if one is not None and builder is small:
                fives[one.start_utc] = one
            elif one is not None:
                tens.append(one)
        now += pause
    for ten in tens:
        parts = [
            fives[key]
            for key in (ten.start_utc, ten.start_utc + timedelta(seconds=5))
            if key in fives
        ]
        assert ten.high == max(one.high for one in parts)
        assert ten.low == min(one.low for one in parts)
        assert (ten.open, ten.close) == (parts[0].open, parts[-1].close)


# ---- what is held, what is missing


def test_a_whole_bar_of_ours_is_never_replaced() -> None:
    ours = bar(0, price="10")
    told = bar(0, price="11", source=BarSource.HISTORY)

    assert merged([ours], [told], 10) == (ours,)
    assert merged([told], [ours], 10) == (ours,)


def test_the_brokers_bar_takes_the_place_of_a_part_and_of_an_earlier_answer() -> None:
    part = bar(0, price="10", is_whole=False)
    told = bar(0, price="11", source=BarSource.HISTORY)
    later = bar(0, price="12", source=BarSource.HISTORY)

    assert merged([part], [told], 10) == (told,)
    assert merged([told], [part], 10) == (told,)
    assert merged([told], [later], 10) == (later,)


@given(
    starts=st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(BarSource), st.booleans()), max_size=60
    ),
    count=st.integers(1, 20),
)
def test_what_is_held_is_in_order_once_and_bounded(
    starts: list[tuple[int, BarSource, bool]], count: int
) -> None:
    rows = [bar(5 * n, source=source, is_whole=is_whole) for n, source, is_whole in starts]
    held: tuple[Bar, ...] = ()
    for one in rows:
        held = merged(held, [one], 100)
    assert held == merged(held, held, 100)
    assert all(one.start_utc < other.start_utc for one, other in pairwise(held))
    assert merged((), held, count) == held[-count:]


MORNING = Span(at(0), at(60))
EVENING = Span(at(100), at(160))
ALL_DAY = Span(at(-3600), at(3600))


def test_gaps_are_intervals_of_a_session_without_a_whole_bar() -> None:
    held = [bar(0, size_s=20), bar(20, size_s=20, is_whole=False), bar(120, size_s=20)]

    assert gaps(held, 20, (MORNING, EVENING), ALL_DAY) == (at(20), at(40), at(100), at(140))


def test_an_interval_that_a_session_or_the_span_cuts_is_expected_of_nobody() -> None:
    assert gaps((), 60, (Span(at(30), at(190)),), ALL_DAY) == (at(60), at(120))
    assert gaps((), 60, (Span(at(0), at(240)),), Span(at(61), at(239))) == (at(120),)
    assert gaps((), 60, (Span(at(10), at(50)),), ALL_DAY) == ()


@given(
    edges=st.lists(st.integers(0, 4000), min_size=2, max_size=8, unique=True),
    span=st.tuples(st.integers(0, 4000), st.integers(0, 4000)),
    size_s=st.sampled_from((5, 60, 300)),
)
def test_every_expected_interval_lies_in_a_session(
    edges: list[int], span: tuple[int, int], size_s: int
) -> None:
    cuts = sorted(edges)
    sessions = tuple(Span(at(a), at(b)) for a, b in zip(cuts[::2], cuts[1::2], strict=False))
    within = Span(at(min(span)), at(max(span)))
    by_hand = [
        at(start)
        for start in range(0, 4000, size_s)
        if min(span) <= start
        and start + size_s <= max(span)
        and any(
            at(start) >= one.start_utc and at(start + size_s) <= one.end_utc for one in sessions
        )
    ]
    assert list(expected(size_s, sessions, within)) == by_hand


def test_completeness_counts_what_is_whole_and_where_it_is_from() -> None:
    held = [
        bar(0, size_s=20),
        bar(20, size_s=20, source=BarSource.HISTORY),
        bar(40, size_s=20, is_whole=False),
        bar(60, size_s=20),
    ]
    found = completeness(held, 20, (MORNING, EVENING), Span(at(0), at(130)))

    assert (found.expected, found.received, found.from_ticks) == (4, 2, 1)
    assert found.share == Decimal("0.5")
    assert completeness(held, 20, (), ALL_DAY).share is None
