"""The oracle: journal, simulator and running daemon must tell one and the same story."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tests.process.harness import HALTED_BY_US, Daemon, Json, Simulator, until
from trader.core.book import Book
from trader.core.checkpoint import restored, state_of
from trader.core.ids import ExecId, Seq, exec_family
from trader.core.orders import OrderState
from trader.ops.anchors import anchors_in
from trader.ops.clock import SystemClock
from trader.sim.oracle.comparison import compare
from trader.sim.oracle.journal import read_journal
from trader.sim.oracle.testimony import told
from trader.store.journal import SqliteJournal
from trader.store.replay import replayed
from trader.store.runs import RUNS_FOLDER, stored_run
from trader.store.verify import verified

_LIVE = frozenset({"PendingSubmit", "PreSubmitted", "Submitted"})
_FINAL = {
    "Filled": OrderState.FILLED,
    "Cancelled": OrderState.CANCELLED,
    "Inactive": OrderState.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Story:
    """What a journal says, read from a copy so that a running daemon is not disturbed."""

    planned: tuple[tuple[int, str], ...]
    exec_ids: tuple[str, ...]
    kinds: Counter[str]
    book: Book
    # How many changes of each order were promised.
    changes: Counter[int]


def read_story(journal: Path) -> Story:
    """Copy a journal, verify it, read its documented views and fold it into a book."""
    # Before the copy: what a running daemon writes down later is not in it.
    anchors, _ = anchors_in(journal.parent)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        with (
            closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        verdict = verified(copy, anchors)
        assert verdict.is_whole, verdict.findings
        with closing(sqlite3.connect(copy)) as db:
            planned = tuple(db.execute("SELECT order_id, order_ref FROM v_orders_planned"))
            exec_ids = tuple(row[0] for row in db.execute("SELECT exec_id FROM v_executions"))
            changes = Counter(row[0] for row in db.execute("SELECT order_id FROM v_changes"))
            kinds = Counter(dict(db.execute("SELECT kind, count(*) FROM events GROUP BY kind")))
            ended = {row[0] for row in db.execute("SELECT run_id FROM v_reconciliations")}
        _assert_replayed(copy, journal.parent / RUNS_FOLDER, ended)
        return Story(planned, exec_ids, kinds, asyncio.run(_fold(copy)), changes)


def _assert_replayed(journal: Path, runs: Path, ended: set[str]) -> None:
    """Decide every recorded run again, from the journal alone."""
    names = (path.parent.name for path in runs.glob("*/run.json"))
    # What a crash has cut off before the journal had its end can never be asked again.
    records = [stored_run(runs, name).run for name in names if name in ended]
    decisions = [row.decision for row in records if row.decision is not None]
    others = [found for found in replayed(journal, decisions) if not found.is_same]
    assert not others, others


async def _fold(path: Path) -> Book:
    """Restore as the daemon does, and hold it against the fold over every event."""
    journal = await SqliteJournal.open(path, SystemClock())
    try:
        loaded = await journal.load()
        assert not loaded.skipped, loaded.skipped
        book = restored(loaded.state) if loaded.state is not None else Book()
        async for recorded in loaded.events:
            book.apply(recorded)
        whole = Book()
        async for recorded in journal.events_between(Seq(1), loaded.last_seq):
            whole.apply(recorded)
        assert state_of(book) == state_of(whole), "checkpoint and rest differ from the whole"
        return book
    finally:
        await journal.close()


def families(exec_ids: Iterable[str]) -> Counter[str]:
    """Count executions, a correction with the one it corrects."""
    return Counter({str(exec_family(ExecId(one))[0]) for one in exec_ids})


def assert_agree(story: Story, truth: Json, status: Json | None = None) -> None:
    """Compare everything that can be compared while nothing moves."""
    _assert_orders(story, truth)
    assert not [one for one, count in Counter(story.exec_ids).items() if count > 1]
    booked, happened = (
        families(story.exec_ids),
        families(row["exec_id"] for row in truth["executions"]),
    )
    assert booked == happened, (
        f"executions never booked: {happened - booked}; booked without one: {booked - happened}"
    )
    book = story.book
    held = {int(key): row.quantity for key, row in book.positions.items() if row.quantity}
    real = {
        row["con_id"]: Decimal(row["quantity"])
        for row in truth["positions"]
        if Decimal(row["quantity"])
    }
    assert held == real, f"positions: journal {held}, simulator {real}"
    cash = Decimal(truth["cash"]["USD"])
    assert book.cash["USD"] == cash, f"cash: journal {book.cash['USD']}, simulator {cash}"
    assert not book.tickets, f"tickets: {book.tickets}"
    if status is not None:
        shown = {
            row["con_id"]: Decimal(row["quantity"])
            for row in status["positions"]
            if Decimal(row["quantity"])
        }
        assert shown == real, f"positions: status {shown}, simulator {real}"
        assert Decimal(status["money"]["cash"]) == cash, f"cash: {status['money']}, real {cash}"
        assert status["tally"]["executions"] == len(truth["executions"])


def without_emergency(truth: Json) -> Json:
    """Return the truth without the orders that left without the daemon; their executions stay.

    They are promised in a file of their own, and the journal holds what they did.
    """
    kept = {
        name: [row for row in truth[name] if not row["order_ref"].startswith("kill-")]
        for name in ("orders", "place_frames")
    }
    return {**truth, **kept}


def assert_nothing_sent_twice(story: Story, truth: Json) -> None:
    """Hold every placeOrder frame against the promises; allowed at any moment."""
    planned = dict(story.planned)
    assert len(planned) == len(story.planned), "an order id was planned twice"
    refs = Counter(ref for _, ref in story.planned)
    assert not [ref for ref, count in refs.items() if count > 1], "an intent was planned twice"
    frames = [frame for frame in truth["place_frames"] if not frame["modify"]]
    for frame in frames:
        promised = planned.get(frame["order_id"])
        assert promised == frame["order_ref"], f"{frame}: the journal promised {promised}"
    for name in ("order_id", "order_ref"):
        seen = Counter(frame[name] for frame in frames)
        twice = {key: count for key, count in seen.items() if count > 1}
        assert not twice, f"sent more than once, by {name}: {twice}"
    changed = Counter(frame["order_id"] for frame in truth["place_frames"] if frame["modify"])
    unpromised = {key: n for key, n in changed.items() if n > story.changes[key]}
    assert not unpromised, f"changes of orders sent beyond those promised: {unpromised}"


def assert_terms_agree(story: Story, truth: Json) -> None:
    """Hold the terms of every order of ours against the simulator's; either while one is open."""
    for row in truth["orders"]:
        order = story.book.orders.get(row["order_id"])
        if order is None or row["client_id"] != order.client_id:
            continue
        held = (row["quantity"], row["limit_price"], row["stop_price"])
        numbers = tuple(None if one is None else Decimal(one) for one in held)
        may_be = [order.terms.changeable, *([order.open_change] if order.open_change else [])]
        terms = [(one.quantity, one.limit_price, one.stop_price) for one in may_be]
        assert numbers in terms, f"order {row['order_id']}: journal {terms}, simulator {numbers}"


def _assert_orders(story: Story, truth: Json) -> None:
    assert_nothing_sent_twice(story, truth)
    book = story.book
    real = {row["order_id"]: row for row in truth["orders"] if row["client_id"] != 0}
    live = {key for key, row in real.items() if row["status"] in _LIVE}
    ours = {int(key): order.state for key, order in book.live_orders.items()}
    assert set(ours) == live, f"live: journal {ours}, simulator {live}"
    stuck = {key: state for key, state in ours.items() if state is not OrderState.WORKING}
    assert not stuck, f"neither final nor working: {stuck}"
    for key, row in real.items():
        order = book.orders[key]
        assert order.filled == Decimal(row["filled"]), f"{order} but {row}"
        if row["status"] in _FINAL:
            assert order.state is _FINAL[row["status"]], f"{order} but {row}"


def settled(
    simulator: Simulator, daemon: Daemon, causes: frozenset[str] = HALTED_BY_US
) -> tuple[Json, Json]:
    """Wait until nothing moves any more; returns truth and status of that moment.

    Nothing but ``causes`` may halt it then.
    """

    def look() -> tuple[Json, Json] | None:
        status, truth = daemon.status(), simulator.truth()
        if status is None or not set(dict(status["causes"])) <= causes:
            return None
        is_quiet = not any(row["status"] in _LIVE for row in truth["orders"])
        is_whole = status["tally"]["executions"] == len(truth["executions"])
        finals = {"FILLED", "CANCELLED", "REJECTED", "WITHHELD"}
        is_final = all(row["state"] in finals for row in status["orders"])
        is_paid = status["money"]["commission_pending"] in ("0", "0.00")
        return (truth, status) if is_quiet and is_whole and is_final and is_paid else None

    def is_durable(seq: int) -> bool:
        status = daemon.status()
        return status is not None and status["journal"]["durable_seq"] >= seq

    try:
        truth, status = until("nothing moves", look)
        # Facts are applied at once and durable soon.
        until("all of it is durable", lambda: is_durable(status["journal"]["seq"]))
        return truth, status
    except AssertionError as error:
        status, truth = daemon.status() or {}, simulator.truth()
        raise AssertionError(
            f"{error}; causes {status.get('causes')}, tally {status.get('tally')}, truth has "
            f"{len(truth['executions'])} executions; orders that still count: "
            f"{[row for row in status.get('orders', []) if row['state'] not in ('FILLED',)][:5]}; "
            f"money {status.get('money')}"
        ) from error


def halt_and_compare(simulator: Simulator, daemon: Daemon) -> Story:
    """Halt, let everything come to rest, compare; the daemon stays halted."""
    daemon.halt()
    truth, status = settled(simulator, daemon)
    story = read_story(daemon.journal)
    assert_agree(story, truth, status)
    assert_witness_agrees(daemon.journal, truth)
    return story


def assert_witness_agrees(journal: Path, truth: Json) -> None:
    """Have the simulator's own comparison say the same, through the journal's views alone."""
    verdict = compare(told(json.dumps(truth).encode(), "truth"), read_journal(journal))
    assert not verdict.differences, "\n".join(one.line for one in verdict.findings)
