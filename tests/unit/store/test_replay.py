"""A run of the real reconciler is decided again from its journal alone, and comes out the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.engine.world import (
    VirtualLoop,
    World,
    a_position,
    an_execution,
    an_intent,
)
from tests.unit.store import support
from trader.core.comparison import Decision, RunRecord
from trader.core.events import Recorded, TicketOpened
from trader.store.replay import replayed
from trader.store.rows import JournalUnusable


async def _lived() -> tuple[list[Recorded], list[Decision]]:
    """Have the reconciler meet a fill that was missed, and a position nobody can explain."""
    world = World()
    kept: list[RunRecord] = []
    world.reconciler.observe(kept.append)
    outcome = await world.gateway.submit(an_intent())
    assert outcome.order_id is not None
    filled = an_execution(world.book.orders[outcome.order_id])
    world.broker.word = lambda: world.mirror(executions=(filled,))
    await world.reconciler.run_once("one")
    for trigger in ("two", "three"):
        world.broker.word = lambda: world.mirror(positions=(a_position(99),))
        await world.reconciler.run_once(trigger)
        await asyncio.sleep(60)
    assert world.journal.events(TicketOpened)
    return world.journal.rows, [row.decision for row in kept if row.decision is not None]


Lived = tuple[list[Recorded], list[Decision]]


@pytest.fixture(scope="module")
def lived() -> Lived:
    """Return the events and the decisions of three runs, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_lived())


@pytest.mark.parametrize("checkpoints", [(), (4,)])
async def test_each_run_comes_out_as_it_did(
    tmp_path: Path, lived: Lived, checkpoints: tuple[int, ...]
) -> None:
    rows, decisions = lived
    path = await support.journal_of(rows, tmp_path / "j.db", *checkpoints)
    assert [len(row.answer.drifts) > 0 for row in decisions] == [True, True, True]
    for found in (*replayed(path, reversed(decisions)), *replayed(path, decisions[1:2])):
        assert (found.differences, found.missing, found.is_same) == ((), (), True)


async def test_a_checkpoint_that_cannot_be_read_is_passed_over(
    tmp_path: Path, lived: Lived
) -> None:
    rows, decisions = lived
    path = await support.journal_of(rows, tmp_path / "j.db", 4)
    support.tampered(path, "UPDATE checkpoints SET crc = crc + 1")
    assert replayed(path, decisions[-1:])[0].is_same


async def test_another_word_of_the_broker_gives_another_verdict(
    tmp_path: Path, lived: Lived
) -> None:
    rows, (*_, decision) = lived
    path = await support.journal_of(rows, tmp_path / "j.db")
    snapshot = replace(decision.question.snapshot, positions=())
    other = replace(decision, question=replace(decision.question, snapshot=snapshot))
    (found,) = replayed(path, [other])
    assert not found.is_same
    assert {"drifts", "tickets"} <= {text.split(":")[0] for text in found.differences}


async def test_what_was_decided_and_never_recorded_is_named(tmp_path: Path, lived: Lived) -> None:
    rows, (*_, decision) = lived
    path = await support.journal_of(rows, tmp_path / "j.db")
    (found,) = replayed(path, [replace(decision, decided_seq=decision.asked_seq)])
    (text,) = found.missing
    assert text.startswith("TicketOpened(")
    assert not found.is_same


async def test_a_journal_that_ends_before_the_run_is_refused(tmp_path: Path, lived: Lived) -> None:
    rows, (*_, decision) = lived
    path = await support.journal_of(rows[: decision.asked_seq - 1], tmp_path / "j.db")
    with pytest.raises(JournalUnusable, match="is missing, and the run was decided at"):
        replayed(path, [decision])


def test_without_a_journal_there_is_nothing_to_decide_by(tmp_path: Path, lived: Lived) -> None:
    with pytest.raises(JournalUnusable, match="there is no journal"):
        replayed(tmp_path / "j.db", lived[1])
