"""History moves its end to a message of its own at 196."""

from __future__ import annotations

from tests.unit.sim.support import split
from trader.sim.wire import messages_history


def test_history_moves_its_end_to_a_message_of_its_own_at_196() -> None:
    bar = ("20260101", 1, 2, 0, 1, 10, 1, 3)
    (fields,) = split(messages_history.historical_data(178, 5, ("a", "b"), [bar, bar]))
    assert fields[:5] == ["17", "5", "a", "b", "2"]
    assert len(fields) == 5 + 16
    (fields,) = split(messages_history.historical_data(196, 5, ("a", "b"), [bar]))
    assert fields == ["17", "5", "1", *map(str, bar)]
    assert split(messages_history.historical_data_end(5, ("a", "b"))) == [["108", "5", "a", "b"]]


def test_an_update_has_its_prices_in_an_order_of_its_own() -> None:
    frame = messages_history.historical_update(5, ("20260101", "o", "c", "h", "l", "w", 7))
    assert split(frame) == [["90", "5", "-1", "20260101", "o", "c", "h", "l", "w", "7"]]


def test_dates_and_histograms_are_counted_lists() -> None:
    schedule = messages_history.historical_schedule(
        5, ("s", "e"), "US/Eastern", [("a", "b", "c"), ("d", "e", "f")]
    )
    assert split(schedule) == [
        ["106", "5", "s", "e", "US/Eastern", "2", "a", "b", "c", "d", "e", "f"]
    ]
    assert split(messages_history.head_timestamp(5, "x")) == [["88", "5", "x"]]
    assert split(messages_history.histogram(5, [("1.5", 3)])) == [["89", "5", "1", "1.5", "3"]]


def test_past_ticks_end_in_whether_they_are_complete() -> None:
    frame = messages_history.historical_ticks(96, 5, [(1, 0, "91.36", 0)], is_done=True)
    assert split(frame) == [["96", "5", "1", "1", "0", "91.36", "0", "1"]]
    assert split(messages_history.historical_ticks(98, 5, [], is_done=True)) == [
        ["98", "5", "0", "1"]
    ]
