"""History moves its end to a message of its own at 196."""

from __future__ import annotations

from tests.unit.sim.support import split
from trader.sim.wire import messages_history


def test_history_moves_its_end_to_a_message_of_its_own_at_196() -> None:
    bar = ("20260101", 1, 2, 0, 1, 10, 1, 3)
    (fields,) = split(messages_history.historical_data(178, 5, ("a", "b"), [bar, bar]))
    assert fields[:5] == ["17", "5", "a", "b", "2"]
    assert len(fields) == 5 + 16
    first, last = split(messages_history.historical_data(196, 5, ("a", "b"), [bar]))
    assert (first[:3], last) == (["17", "5", "1"], ["108", "5", "a", "b"])
