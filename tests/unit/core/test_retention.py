"""What may go, whatever lies there: held against the rules one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trader.core.retention import Kept, Term, due

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WEEK = Term(7, 1_000)


def row(number: int, age: timedelta, last_seq: int | None = None) -> Kept:
    return Kept(f"pages-{number:06}.jsonl", NOW - age, last_seq)


def test_seven_days_less_an_hour_stay_and_an_hour_more_goes() -> None:
    """EVT-26's own check."""
    kept = [
        row(1, timedelta(days=7, hours=1)),
        row(2, timedelta(days=6, hours=23)),
        row(3, timedelta(0)),
    ]
    assert due(kept, WEEK, NOW, None) == ("pages-000001.jsonl",)


def test_the_newest_stays_whatever_its_age_because_numbers_count_up_from_it() -> None:
    old = timedelta(days=900)
    assert due([row(1, old)], WEEK, NOW, None) == ()
    # Somebody has copied one back: the highest number and the newest stay, both.
    kept = [row(999_999, old), row(1_000_000, 2 * old), row(5, timedelta(days=8)), row(6, old)]
    assert due(kept, WEEK, NOW, None) == ("pages-000006.jsonl", "pages-999999.jsonl")


def test_what_a_follower_has_not_been_handed_stays() -> None:
    old = timedelta(days=30)
    term = Term(7, 1_000, holds_events=True)
    kept = [row(1, old, 100), row(2, old, 200), row(3, old, None), row(4, timedelta(0), 400)]
    assert due(kept, term, NOW, 199) == ("pages-000001.jsonl",)
    assert due(kept, term, NOW, 200) == ("pages-000001.jsonl", "pages-000002.jsonl")
    # Nobody follows: nobody waits for them.
    assert len(due(kept, term, NOW, None)) == 3


def test_beyond_a_number_the_oldest_go_before_their_time() -> None:
    kept = [row(number, timedelta(hours=100 - number)) for number in range(1, 11)]
    assert due(kept, Term(7, 8), NOW, None) == ("pages-000001.jsonl", "pages-000002.jsonl")


def test_beyond_a_size_the_oldest_go_before_their_time_and_the_newest_never() -> None:
    kept = [
        Kept(f"market-{number}", NOW - timedelta(hours=100 - number), size=10)
        for number in range(1, 6)
    ]
    term = Term(7, 1_000, bytes_max=35)
    assert due(kept, term, NOW, None) == ("market-1", "market-2")
    assert due(kept, Term(7, 1_000, bytes_max=50), NOW, None) == ()
    everything = due(kept, Term(7, 1_000, bytes_max=1), NOW, None)
    assert everything == ("market-1", "market-2", "market-3", "market-4")


rows = st.lists(
    st.tuples(st.integers(-50, 4_000), st.none() | st.integers(0, 300)), max_size=40
).map(
    lambda found: [
        row(number, timedelta(hours=hours), seq)
        for number, (hours, seq) in enumerate(found, start=1)
    ]
)


@given(
    kept=rows,
    days=st.integers(1, 100),
    count_max=st.integers(1, 40),
    holds_events=st.booleans(),
    delivered=st.none() | st.integers(0, 300),
)
def test_every_rule_holds_for_whatever_lies_there(
    kept: list[Kept], days: int, count_max: int, holds_events: bool, delivered: int | None
) -> None:
    term = Term(days, count_max, holds_events)
    gone = due(kept, term, NOW, delivered)
    by_name = {one.name: one for one in kept}
    assert len(set(gone)) == len(gone)
    assert not kept or kept[-1].name not in gone
    assert not kept or len(kept) - len(gone) >= 1
    for name in gone:
        one = by_name[name]
        assert one.at_utc <= NOW
        assert one.at_utc < max(other.at_utc for other in kept) or one.name != max(by_name)
        assert NOW - one.at_utc > timedelta(days=days) or len(kept) > count_max
        if holds_events and delivered is not None:
            assert one.last_seq is not None
            assert one.last_seq <= delivered
    ages = [by_name[name].at_utc for name in gone]
    assert ages == sorted(ages)
    # In two portions the same go and no other: a kill in between changes nothing.
    first = set(gone[: len(gone) // 2])
    rest = [one for one in kept if one.name not in first]
    assert first | set(due(rest, term, NOW, delivered)) == set(gone)
    # All that is old, of no stream and not the newest goes.
    if not holds_events:
        newest = (
            {max(by_name), max(kept, key=lambda one: (one.at_utc, one.name)).name}
            if kept
            else set()
        )
        old = {one.name for one in kept if NOW - one.at_utc > timedelta(days=days)}
        assert old - newest <= set(gone)
