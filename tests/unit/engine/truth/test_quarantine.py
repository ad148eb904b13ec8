"""A broken message halts, is kept, and costs the same however many come."""

from __future__ import annotations

from time import perf_counter

from tests.unit.engine.world import World, an_execution
from trader.core import events as ev
from trader.core.halts import HaltCause
from trader.core.quarantine import BrokenMessage, broken
from trader.core.quarantine_events import MessageNotKept, MessageQuarantined, MessageRepeated


def a_message(text: str = "x", message_id: int = 11) -> BrokenMessage:
    return broken(
        [str(message_id), "-1", text], message_id=message_id, server_version=178, error="short"
    )


async def test_the_halt_is_recorded_before_the_letter() -> None:
    world = World()
    world.say(a_message())
    assert world.journal.kinds()[-2:] == ["HaltRaised", "MessageQuarantined"]
    message = a_message()
    assert world.book.halts == {
        HaltCause.DECODE_ERROR: f"letter {message.key}: message 11 execDetails: short"
    }
    assert world.pager.titles() == ["halted: decode_error"]
    (letter,) = world.journal.events(MessageQuarantined)
    assert letter.fields == ("11", "-1", "x")


async def test_each_one_asks_for_the_halt_anew() -> None:
    """A resume clears what was before it alone."""
    world = World()
    world.say(*[a_message()] * 3)
    assert world.guard.latch_counts[HaltCause.DECODE_ERROR] == 3
    assert len(world.journal.events(ev.HaltRaised)) == 1
    world.ledger.record(ev.HaltCleared(HaltCause.DECODE_ERROR, "seen", "me"))
    world.say(a_message())
    assert HaltCause.DECODE_ERROR in world.book.halts
    assert len(world.journal.events(ev.HaltRaised)) == 2


async def test_a_flood_costs_few_rows_and_little_time_and_all_of_it_is_seen() -> None:
    world = World()
    flood = [a_message(str(number % 5_000)) for number in range(50_000)]
    before, started_s = len(world.journal.rows), perf_counter()
    world.say(*flood)
    took_s = perf_counter() - started_s
    rows = len(world.journal.rows) - before
    letters = world.journal.events(MessageQuarantined)
    assert len(letters) == 100
    # One halt, the letters with ten repeats each (1, 2, 4, 8), and the doublings of the rest.
    assert rows == 1 + 100 + 300 + 16
    assert len(world.journal.events(MessageRepeated)) == 300
    assert world.journal.events(MessageNotKept)[-1] == MessageNotKept(11, 32_768)
    assert world.inbox.quarantine.broken_counts == {11: 50_000}
    # About 15 microseconds each on an idle machine: a second for 50,000 is far from it.
    assert took_s < 10, took_s


async def test_other_messages_go_on_behind_a_broken_one() -> None:
    world = World()
    world.say(a_message(), ev.ExecutionSeen(an_execution()), a_message("y"))
    assert len(world.book.fills) == 1
    assert len(world.book.quarantine.letters) == 2
