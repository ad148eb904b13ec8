"""A letter is read again by a person's word: booked once, late or not at all, and on disk first."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.engine.world import CON, World, a_position, a_ticket, turns
from tests.unit.ibkr.fake_gateway import EXECUTION
from trader.core import events as ev
from trader.core.halts import HaltCause
from trader.core.ids import ConId
from trader.core.quarantine import broken
from trader.core.quarantine_events import MessageDismissed, MessageRetried
from trader.core.ticket_events import TradeBooked
from trader.engine.operator import Answer
from trader.ports import SnapshotUnavailable

D = Decimal
# As a gateway sends it that this version understands: 100 AAA at 190.10.
READABLE = EXECUTION.replace("265598|AAPL", f"{CON}|AAA").replace("|7|0|100|", "|0|0|100|")
ORDER_WORD = "3|5|Submitted|0|100|0|900001|0|0|7||0"


def quarantined(world: World, text: str = READABLE) -> str:
    """Have a message in the quarantine that could not be read by the version before."""
    fields = text.split("|")
    message = broken(fields, message_id=int(fields[0]), server_version=178, error="side 'B'")
    world.say(message)
    return message.key


def holding(world: World, quantity: int) -> None:
    """Have the broker hold so many, and have paid for them, whatever the book says."""
    cash = {"USD": D(100_000) - D("190.10") * quantity}
    world.broker.word = lambda: world.mirror(positions=(a_position(quantity),), cash=cash)


async def retry(world: World, key: str) -> Answer:
    return await world.desk.letters.retry(letter=key, reason="upgraded", by="ann")


async def dismiss(world: World, key: str) -> Answer:
    return await world.desk.letters.dismiss(letter=key, reason="seen", by="ann")


def tries(world: World) -> list[MessageRetried]:
    return world.journal.events(MessageRetried)


# ---- what is booked


async def test_an_execution_is_booked_with_its_id_and_price_and_explains_the_ticket() -> None:
    world = World()
    key = quarantined(world)
    world.ledger.record(a_ticket())
    holding(world, 100)
    answer = await retry(world, key)
    assert answer.is_done, answer
    assert "booked: BUY 100 AAA at 190.10 (0000e0d5.67fe667b.01.01)" in answer.text
    assert world.book.position_of(CON) == 100
    assert world.book.cash["USD"] == D(100_000) - D(19_010)
    assert world.book.tickets == {}
    assert "ticket run-position-AAA is explained by it and closed" in answer.details
    assert "reconciliation: 0 drifts" in answer.details
    (seen,) = world.journal.events(ev.ExecutionSeen)
    assert seen.execution.exec_id == "0000e0d5.67fe667b.01.01"
    # What it says first, its end behind it.
    kinds = world.journal.kinds()
    assert (
        kinds.index("ExecutionSeen") < kinds.index("MessageRetried") < kinds.index("TicketClosed")
    )
    assert HaltCause.DECODE_ERROR in world.book.halts


async def test_asked_twice_it_is_booked_once() -> None:
    world = World()
    key = quarantined(world)
    holding(world, 100)
    first, second = await asyncio.gather(retry(world, key), retry(world, key))
    assert first.is_done
    assert second == Answer(
        is_done=True,
        text=f"letter {key} is over already: booked: BUY 100 AAA at 190.10 "
        "(0000e0d5.67fe667b.01.01), by ann",
    )
    assert len(world.journal.events(ev.ExecutionSeen)) == 1


async def test_killed_after_the_booking_the_next_try_only_ends_it() -> None:
    world = World()
    key = quarantined(world)
    holding(world, 100)
    fact = world.broker.reread(READABLE.split("|"), 178).facts[0]
    world.say(fact)
    answer = await retry(world, key)
    assert answer.is_done, answer
    assert "in the book already" in answer.text
    assert len(world.journal.events(ev.ExecutionSeen)) == 1
    assert world.book.quarantine.letters == ()


async def test_killed_before_its_ticket_was_closed_the_next_try_closes_it() -> None:
    world = World()
    key = quarantined(world)
    world.ledger.record(a_ticket())
    world.say(world.broker.reread(READABLE.split("|"), 178).facts[0])
    holding(world, 100)
    answer = await retry(world, key)
    assert answer.is_done, answer
    assert world.book.tickets == {}
    assert world.book.position_of(CON) == 100


async def test_a_list_that_reaches_back_to_it_books_it_and_the_letter_ends() -> None:
    world = World()
    key = quarantined(world)
    fact = world.broker.reread(READABLE.split("|"), 178).facts[0]
    assert isinstance(fact, ev.ExecutionSeen)
    listed = fact.execution
    world.broker.word = lambda: world.mirror(executions=(listed,), positions=(a_position(100),))
    answer = await retry(world, key)
    assert answer.is_done
    assert "in the book already" in answer.text
    assert world.book.position_of(CON) == 100


async def test_a_commission_is_booked_once_by_the_id_of_its_execution() -> None:
    world = World()
    world.say(world.broker.reread(READABLE.split("|"), 178).facts[0])
    key = quarantined(world, PAID)
    before = world.book.cash["USD"]
    answer = await retry(world, key)
    assert answer.is_done
    assert "booked: commission 1.25 USD of 0000e0d5.67fe667b.01.01" in answer.text
    assert world.book.cash["USD"] == before - D("1.25")
    assert (await retry(world, key)).is_done
    assert world.book.cash["USD"] == before - D("1.25")


PAID = "59|1|0000e0d5.67fe667b.01.01|1.25|USD|1.7976931348623157E308|0|"


@pytest.mark.parametrize("is_in_it", [True, False])
async def test_a_commission_that_adopted_cash_contains_is_not_paid_again(is_in_it: bool) -> None:
    world = World()
    world.say(world.broker.reread(READABLE.split("|"), 178).facts[0])
    key = quarantined(world, PAID)
    before = world.book.cash["USD"]
    # What a ticket adopts is the broker's cash; here of a moment before or after it was paid.
    adopted = before - (D("1.25") if is_in_it else 0)
    world.ledger.record(ev.CashAdjusted("USD", before, adopted, "adopted by bo"))
    world.broker.word = lambda: world.mirror(cash={"USD": before - D("1.25")})
    answer = await retry(world, key)
    assert world.book.cash["USD"] == before - D("1.25")
    assert answer.is_done is not is_in_it
    if is_in_it:
        assert "the cash it was paid from was put right since it came" in answer.text
        assert world.book.quarantine.letter(key) is not None
        assert (await dismiss(world, key)).is_done


async def test_two_that_cancel_each_other_out_are_both_booked() -> None:
    world = World()
    bought = quarantined(world)
    sold = quarantined(
        world, READABLE.replace("|BOT|100|", "|SLD|100|").replace("67fe667b", "67fe667c")
    )
    world.broker.word = lambda: world.mirror(positions=())
    assert (await retry(world, bought)).is_done
    assert world.book.position_of(CON) == 100
    assert (await retry(world, sold)).is_done
    assert world.book.position_of(CON) == 0


# ---- what is not


def changed_nothing(world: World, key: str, answer: Answer, problem: str) -> None:
    assert not answer.is_done
    assert problem in answer.text
    assert world.journal.events(ev.ExecutionSeen) == []
    assert world.book.quarantine.letter(key) is not None
    assert [row.is_settled for row in tries(world)] == [False]
    assert tries(world)[0].by == "ann"


async def test_what_a_person_has_booked_meanwhile_is_not_booked_again() -> None:
    """The danger of the day after: the ticket was booked by hand, then the letter is read."""
    world = World()
    key = quarantined(world)
    ticket = a_ticket()
    world.ledger.record(ticket)
    world.ledger.record(
        TradeBooked(
            ticket.ticket_id, CON, "AAA", D(100), D("190.1"), D(1), D(1), "USD", "seen", "bo"
        )
    )
    world.ledger.record(ev.TicketClosed(ticket.ticket_id, "seen", "bo"))
    holding(world, 100)
    answer = await retry(world, key)
    changed_nothing(world, key, answer, "+100 at 190.1 booked by bo: seen")
    assert world.book.position_of(CON) == 100
    assert (await dismiss(world, key)).is_done


async def test_what_the_broker_does_not_hold_is_not_booked() -> None:
    world = World()
    key = quarantined(world)
    changed_nothing(world, key, await retry(world, key), "+100 does not explain it")


async def test_without_a_look_at_the_broker_nothing_is_booked() -> None:
    world = World()
    key = quarantined(world)
    world.broker.word = SnapshotUnavailable("positions: no end within 20 s")
    changed_nothing(world, key, await retry(world, key), "no end within 20 s")


async def test_what_came_before_the_baseline_is_in_it() -> None:
    world = World(is_baselined=False)
    key = quarantined(world)
    changed_nothing(world, key, await retry(world, key), "no baseline")


async def test_what_this_version_cannot_read_stays() -> None:
    world = World()
    key = quarantined(world, READABLE.replace("|BOT|", "|B|"))
    changed_nothing(world, key, await retry(world, key), "cannot read it either")


async def test_another_accounts_execution_has_nothing_for_the_book() -> None:
    world = World()
    key = quarantined(world, READABLE.replace("|DU1|", "|DU9|"))
    answer = await retry(world, key)
    assert answer.is_done
    assert "nothing for the book of this account" in answer.text
    assert world.book.quarantine.letter(key) is not None


async def test_of_another_kind_it_is_only_said_that_it_can_be_read() -> None:
    world = World()
    key = quarantined(world, ORDER_WORD)
    answer = await retry(world, key)
    assert answer.is_done
    assert "can read message 3; nothing of it is booked late" in answer.text
    assert world.journal.events(ev.OrderStatusSeen) == []
    assert [row.is_settled for row in tries(world)] == [False]


@pytest.mark.parametrize(("text", "why"), [("0|?", "it is no message"), ("11|" + "x" * 5_000, "")])
async def test_what_cannot_be_read_at_all_can_only_be_dismissed(text: str, why: str) -> None:
    world = World()
    key = quarantined(world, text)
    answer = await retry(world, key)
    assert not answer.is_done
    assert (why or "it was too long and is not whole") in answer.text
    assert [line.partition(":")[0] for line in answer.details] == ["dismiss"]
    assert (await dismiss(world, key)).is_done


# ---- dismissing, durability


async def test_a_dismissed_letter_is_over_with_who_and_why() -> None:
    world = World()
    key = quarantined(world)
    assert (await dismiss(world, key)).is_done
    assert world.journal.events(MessageDismissed) == [MessageDismissed(key, "seen", "ann")]
    again = await retry(world, key)
    assert again.text == f"letter {key} is over already: dismissed by ann: seen"
    assert world.journal.events(ev.ExecutionSeen) == []


async def test_a_name_that_is_none_gets_those_that_are() -> None:
    world = World()
    assert (await dismiss(world, "0")).details == ("none",)
    key = quarantined(world)
    answer = await retry(world, "0")
    assert (answer.is_done, answer.details) == (False, (key,))


@pytest.mark.parametrize("verb", [retry, dismiss])
async def test_nothing_is_answered_before_it_is_on_disk(verb: object) -> None:
    world = World()
    key = quarantined(world)
    holding(world, 100)
    world.journal.hold()
    task = asyncio.ensure_future(verb(world, key))  # type: ignore[operator]
    await asyncio.sleep(1)
    assert not task.done()
    world.journal.release()
    await turns()
    assert (await task).is_done


async def test_a_disk_that_does_not_answer_is_said() -> None:
    world = World()
    key = quarantined(world)
    world.journal.hold()
    answer = await dismiss(world, key)
    assert not answer.is_done
    assert "not on disk yet: no answer within 10 s" in answer.text


async def test_the_ticket_of_another_instrument_stays() -> None:
    world = World()
    key = quarantined(world)
    other = replace(a_ticket(ConId(9)), text="9 differs")
    world.ledger.record(other)
    holding(world, 100)
    answer = await retry(world, key)
    assert answer.is_done
    assert list(world.book.tickets) == [other.ticket_id]
    assert f"ticket {other.ticket_id} is open: 9 differs" in answer.details
