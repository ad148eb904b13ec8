"""Whatever name an operator has in hand leads to the one intent, and to nothing of another."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.core.factories import (
    a_status,
    an_echo,
    an_error,
    an_execution,
    an_id,
    an_intent,
    at,
    commissioned,
    executed,
    planned,
    reviewed,
)
from tests.unit.core.test_emergency_events import CANCEL, ORDER
from tests.unit.store.support import put
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.breakers.rules import BreakerName
from trader.core.changes import ChangeTerms
from trader.core.halts import HaltCause
from trader.core.ids import ClientId, OrderId, OrderRef, PermId, RunId, Seq, order_ref
from trader.core.policy import Regime
from trader.core.story import story_of
from trader.store.rows import JournalUnusable
from trader.store.schema import upgrade_from
from trader.store.story import NameUnknown, related, related_emergency

FIRST: tuple[ev.Event, ...] = (
    reviewed(an_intent(1)),
    planned(an_intent(1), 1),
    ev.OrderSent(OrderId(1)),
    an_echo(1),
    executed(1, "e1.01.01", 4),
    commissioned("e1.01.01"),
    executed(1, "e1.01.02", 10),
    commissioned("e1.01.02"),
)
SECOND: tuple[ev.Event, ...] = (
    reviewed(an_intent(2)),
    planned(an_intent(2), 2),
    ev.OrderSent(OrderId(2)),
    a_status(2),
    an_error(ev.Evidence.INFORMS, 2, 399),
    executed(2, "e2.01.01", 10),
)
HALT = ev.HaltRaised(HaltCause.OPERATOR, "lunch", "me")


def a_journal(folder: Path, events: Sequence[ev.Event]) -> Path:
    path = folder / "journal.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in upgrade_from(0):
            db.execute(statement)
        for seq, event in enumerate(events, start=1):
            put(db, ev.Recorded(Seq(seq), at(seq), event))
    return path


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    # Two orders, their events mixed, after a halt that came and went.
    mixed = [event for pair in zip(FIRST, SECOND, strict=False) for event in pair]
    return a_journal(tmp_path, [HALT, *mixed, *FIRST[len(SECOND) :]])


@pytest.mark.parametrize(
    "name",
    [
        an_id(1),
        order_ref(an_id(1)),
        f"{order_ref(an_id(1))} and what the broker added",
        "1",
        "order:1",
        "9001",
        "perm:9001",
        "e1.01.01",
        "e1.01.02",
        "e1.01",
        f"  {an_id(1)} ",
    ],
)
def test_every_name_of_an_order_leads_to_its_intent_and_all_its_events(
    journal: Path, name: str
) -> None:
    intent, events = related(journal, name)
    assert intent == an_id(1)
    assert [row.event for row in events] == [HALT, *FIRST]
    assert story_of(intent, events).outcome == "order 1 FILLED, 10 of 10 filled at 100"


def test_the_other_order_has_its_own_events(journal: Path) -> None:
    _, events = related(journal, "2")
    assert [row.event for row in events] == [HALT, *SECOND]


def test_words_that_name_an_order_by_reference_or_permanent_id_alone_are_found(
    tmp_path: Path,
) -> None:
    nameless = replace(a_status(1), order_id=OrderId(0), client_id=ClientId(0))
    by_ref = replace(an_echo(1), order_id=OrderId(0), perm_id=PermId(77))
    seen = replace(an_execution(1), order_id=OrderId(0), client_id=ClientId(0))
    recovered = ev.ExecutionSeen(replace(seen, order_ref=OrderRef("")))
    events: list[ev.Event] = [*FIRST[:3], a_status(1), nameless, by_ref, recovered]
    _, found = related(a_journal(tmp_path, events), "1")
    assert [row.event for row in found] == events


def test_a_number_that_is_an_order_id_and_a_permanent_id_must_be_told_apart(
    tmp_path: Path,
) -> None:
    clash = replace(a_status(2), perm_id=PermId(1))
    path = a_journal(tmp_path, [*FIRST[:3], *SECOND[:3], clash])
    with pytest.raises(NameUnknown, match="say order:1 or perm:1"):
        related(path, "1")
    assert related(path, "order:1")[0] == an_id(1)
    assert related(path, "perm:1")[0] == an_id(2)


def test_an_order_of_somebody_else_is_not_taken_for_ours(tmp_path: Path) -> None:
    by_hand = ev.ExecutionSeen(replace(an_execution(1, "h.01.01"), order_ref=OrderRef("by hand")))
    path = a_journal(tmp_path, [*FIRST[:3], by_hand])
    with pytest.raises(NameUnknown, match=r"knows no order 'h\.01\.01'"):
        related(path, "h.01.01")


@pytest.mark.parametrize("name", ["3", "order:9001", "perm:1", "x", "", "%", "e1", "9" * 30])
def test_a_name_that_nothing_has_is_refused_with_what_is_allowed(journal: Path, name: str) -> None:
    with pytest.raises(NameUnknown, match="allowed: an intent id"):
        related(journal, name)


def test_what_breakers_did_before_the_last_review_belongs_and_nothing_later(
    tmp_path: Path,
) -> None:
    early = be.OutlookChanged(Regime.CALM, Decimal(1))
    trip = be.BreakerTripped(BreakerName.DRIFT, "2", "at or above 1", "h", "reduce_only", "d")
    later = be.BreakerReset(BreakerName.DRIFT, "itself", "0")
    again = reviewed(an_intent(1))
    refused = reviewed(an_intent(1), "BREAKER")
    events: list[ev.Event] = [early, refused, trip, again, later, *FIRST[1:3], HALT]
    _, found = related(a_journal(tmp_path, events), "1")
    assert [row.event for row in found] == [early, refused, trip, again, *FIRST[1:3]]


def test_an_intent_that_was_never_reviewed_has_no_events(journal: Path) -> None:
    assert related(journal, an_id(9)) == (an_id(9), ())


def test_the_changes_of_an_order_belong_to_its_story(tmp_path: Path) -> None:
    wanted = ChangeTerms(Decimal(12), Decimal(99), None, Decimal(99))
    changes: list[ev.Event] = []
    for number in (1, 2):
        order_id = OrderId(number)
        changes += [
            ev.ModifyRefused(order_id, "CHURN", "x", "x", (), "h"),
            ev.ModifyPlanned(order_id, 1, wanted, "x"),
            ev.ModifyWithheld(order_id, 1, "x"),
            ev.ModifyPlanned(order_id, 2, wanted, "x"),
            ev.ModifySent(order_id, 2),
            ev.ModifyUnanswered(order_id, 2, "x"),
            ev.ModifyRefuted(order_id, 2, RunId("r")),
            ev.OrderSettled(order_id, Decimal(0), "x"),
        ]
    path = a_journal(tmp_path, [*FIRST[:4], *SECOND[:4], *changes])
    _, events = related(path, "order:1")
    assert [row.event for row in events][-8:] == changes[:8]


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="there is no journal"):
        related(tmp_path / "journal.db", "1")
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"not a database, whatever it is called")
    with pytest.raises(JournalUnusable, match="NOTADB"):
        related(noise, "1")
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE t (a)")
    with pytest.raises(JournalUnusable, match="not a journal of this program"):
        related(other, "1")


def test_reading_changes_nothing(journal: Path) -> None:
    before = journal.read_bytes()
    related(journal, "1")
    assert journal.read_bytes() == before


def of_emergency(exec_id: str, ref: str, perm_id: int = 77) -> ev.ExecutionSeen:
    base = an_execution(9, exec_id)
    return ev.ExecutionSeen(replace(base, order_ref=OrderRef(ref), perm_id=PermId(perm_id)))


@pytest.mark.parametrize(
    "name", ["kill-abc123-1", "kill-abc123-1/more", "order:9", "9", "77", "perm:77", "k.1.01"]
)
def test_every_name_of_an_emergency_order_leads_to_it_and_to_no_other(
    tmp_path: Path, name: str
) -> None:
    mine: list[ev.Event] = [
        ORDER,
        of_emergency("k.1.01", "kill-abc123-1/x"),
        commissioned("k.1.01"),
    ]
    other = replace(ORDER, order_ref=OrderRef("kill-abc123-12"), order_id=OrderId(10))
    fill = of_emergency("k.2.01", "kill-abc123-12", 78)
    theirs: list[ev.Event] = [other, fill, commissioned("k.2.01")]
    path = a_journal(tmp_path, [*FIRST, *mine, *theirs])
    ref, found = related_emergency(path, name)
    assert ref == "kill-abc123-1"
    assert [row.event for row in found] == mine
    with pytest.raises(NameUnknown, match="means none of them"):
        related_emergency(path, "1")


def test_a_cancel_without_the_daemon_belongs_to_the_story_of_its_order(tmp_path: Path) -> None:
    by_ref = replace(CANCEL, order_ref=order_ref(an_id(1)), perm_id=PermId(0))
    by_perm = replace(CANCEL, perm_id=PermId(9001))
    other = replace(CANCEL, order_ref=order_ref(an_id(2)), perm_id=PermId(9002))
    path = a_journal(tmp_path, [*FIRST[:4], by_ref, by_perm, other])
    intent, found = related(path, "1")
    assert [row.event for row in found] == [*FIRST[:4], by_ref, by_perm]
    kinds = [type(row.event).__name__ for row in story_of(intent, found).moments]
    assert kinds[-2:] == ["EmergencyCancelKnown"] * 2
