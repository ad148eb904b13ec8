"""Nothing that a restored journal names or numbers was ever named or numbered before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.core.factories import T0, reviewed, terms_of
from tests.unit.core.factories import an_intent as intent_of
from trader.core import events as ev
from trader.core.book import Book
from trader.core.entries import RequestRecord
from trader.core.halts import HaltCause
from trader.core.ids import (
    ClientId,
    IntentId,
    Lineage,
    OrderId,
    Seq,
    StrategyName,
    intent_id,
    intent_id_in,
    order_ref,
)
from trader.core.request_events import RequestReceived
from trader.core.restoring import (
    ORDER_ID_JUMP,
    IdsUsedUp,
    Origin,
    Past,
    halt_reason,
    requests_lost,
    restoration,
)
from trader.core.strategy_events import StrategyCheckpointed

ORIGIN = Origin(f"81:{'ab' * 32}", "copy.db", "journal.db.replaced.x", "the disk died", "ann")
STRATEGIES = (StrategyName("alpha"), StrategyName("beta"), StrategyName("desk"))

# What is done: an intent of a strategy that becomes an order, or a restore of the copy that was
# made when so many events were there, with or without the journal that it replaces.
Trade = tuple[int]
Restore = tuple[int, bool]
HISTORIES = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 2)),
        st.tuples(st.integers(1, 60), st.booleans()),
    ),
    max_size=60,
)


class Installation:
    """A journal in memory, and everything that was ever named in its name."""

    def __init__(self, draw: Callable[[], int]) -> None:
        self.draw = draw
        self.events: list[ev.Event] = [ev.JournalOpened(Lineage("abc123"))]
        self.book = self.folded(self.events)
        # What the anchors say, whatever becomes of the journals.
        self.anchored: dict[Lineage, None] = {}
        self.intents: list[IntentId] = []
        self.order_ids: list[OrderId] = []

    def folded(self, events: list[ev.Event]) -> Book:
        book = Book()
        for seq, event in enumerate(events, start=1):
            book.apply(ev.Recorded(Seq(seq), T0, event))
        return book

    def record(self, event: ev.Event) -> None:
        self.events.append(event)
        self.book.apply(ev.Recorded(Seq(self.book.seq + 1), T0, event))

    def trade(self, strategy: StrategyName) -> None:
        known = self.book.strategies.get(strategy)
        number = (known.intent_count if known else 0) + 1
        assert self.book.lineage is not None
        name = intent_id(self.book.lineage, strategy, number)
        order_id = OrderId(self.book.order_id_high + 1)
        intent = intent_of(intent_id=name, strategy=strategy)
        self.anchored[self.book.lineage] = None
        self.intents.append(name)
        self.order_ids.append(order_id)
        self.record(StrategyCheckpointed(strategy, number, "{}"))
        self.record(reviewed(intent))
        self.record(ev.OrderPlanned(order_id, ClientId(7), order_ref(name), terms_of(intent)))

    def restore(self, cut: int, *, is_readable: bool) -> None:
        replaced = self.book
        past = Past(anchored=tuple(self.anchored))
        if is_readable:
            past = replace(past, lineages=replaced.lineages, order_id_high=replaced.order_id_high)
        copy = self.folded(self.events[: max(1, min(cut, len(self.events)))])
        event = restoration(copy, past, ORIGIN, self.draw)
        self.events = self.events[: copy.seq]
        self.book = copy
        self.record(event)


@given(history=HISTORIES, seed=st.integers(0, 2**32))
def test_no_name_and_no_order_id_comes_twice_whatever_is_lost(
    history: list[Trade | Restore], seed: int
) -> None:
    # Out of so few names that a draw often hits one that was used.
    chance = Random(seed)
    here = Installation(lambda: chance.randrange(64))
    for step in history:
        if len(step) == 1:
            here.trade(STRATEGIES[step[0]])
        else:
            here.restore(step[0], is_readable=True)
    assert len(set(here.intents)) == len(here.intents)
    assert len(set(here.order_ids)) == len(here.order_ids)
    # Each is still known for ours by what the broker tells, and those that were lost for lost.
    heads = tuple(f"{lineage}-" for lineage in here.book.lineages)
    for name in here.intents:
        assert intent_id_in(order_ref(name)) == name
        assert name.startswith(heads)


# The same early copy twice, each time in the place of a journal that is gone.
@example(history=[(0,), (1, False), (0,), (1, False), (0,)], seed=1)
@given(history=HISTORIES, seed=st.integers(0, 2**32))
def test_neither_does_one_when_the_lost_parts_cannot_be_read_any_more(
    history: list[Trade | Restore], seed: int
) -> None:
    here = Installation(partial_of(seed))
    for step in history:
        if len(step) == 1:
            here.trade(STRATEGIES[step[0]])
        else:
            # Each may be gone or not, disk and all: the anchors are elsewhere.
            here.restore(step[0], is_readable=step[1])
    assert len(set(here.intents)) == len(here.intents)
    assert len(set(here.order_ids)) == len(here.order_ids)
    assert {name.partition("-")[0] for name in here.intents} <= set(here.book.lineages)


def partial_of(seed: int) -> Callable[[], int]:
    chance = Random(seed)
    return lambda: chance.getrandbits(24)


def test_a_name_that_was_used_or_is_nobodys_is_drawn_again() -> None:
    book = Book()
    book.lineage = Lineage("0000aa")
    draws = iter((0, 0xAA, 0xBB, 0xCC))
    event = restoration(book, Past((Lineage("0000bb"),)), ORIGIN, lambda: next(draws))
    assert event.lineage == "0000cc"
    assert event.former == ("0000bb", "0000aa")


@pytest.mark.parametrize(("in_copy", "in_past"), [(7, 3), (3, 7)])
def test_order_ids_go_on_far_above_all_that_is_known(in_copy: int, in_past: int) -> None:
    book = Book()
    book.lineage, book.order_id_high = Lineage("abc123"), OrderId(in_copy)
    numbers = count(1)
    event = restoration(book, Past((), OrderId(in_past)), ORIGIN, lambda: next(numbers))
    assert event.order_id_floor == 7 + ORDER_ID_JUMP


def test_ids_that_are_used_up_are_told() -> None:
    book = Book()
    book.lineage, book.order_id_high = Lineage("abc123"), OrderId(2_000_000_000)
    with pytest.raises(IdsUsedUp, match="order ids are used up"):
        restoration(book, Past(), ORIGIN, lambda: 1)


def test_a_key_of_the_lost_part_keeps_what_it_means_and_one_of_the_copy_is_not_said_again() -> None:
    book = Book()
    asked = [
        RequestReceived(key, "d", IntentId(f"abc123-api-{number}"), "alice")
        for number, key in enumerate(("known", "lost", "lost", "other"), start=1)
    ]
    book.requests["known"] = RequestRecord("d", T0, asked[0].intent_id, None)
    found = requests_lost(book, Past(requests=tuple(asked)))
    assert found == (asked[2], asked[3])


def test_the_halt_says_from_what_by_whom_and_why() -> None:
    book = Book()
    book.lineage = Lineage("abc123")
    text = halt_reason(restoration(book, Past(), ORIGIN, lambda: 1))
    assert text.startswith("restored from copy.db, which ended with event 81:ab")
    assert "by ann: the disk died;" in text
    assert HaltCause.JOURNAL_UNPROVEN not in text
