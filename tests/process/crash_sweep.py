"""Kill the daemon at one step after the other, and hold after each what a crash may not cost.

One simulator serves a chunk of kills. Each life of the daemon is the recovery from the kill before
it and, once all agrees, the one that is killed next: its fuse does nothing until a flag is there.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.crash_table import Cell, Row
from tests.process.agreement import (
    Story,
    assert_nothing_sent_twice,
    halt_and_compare,
    read_story,
)
from tests.process.harness import Daemon, Json, Simulator, until, world
from tests.process.orders_api import AGAIN, MODE, ask
from tests.process.test_tickets import await_ticket, tickets
from trader.ops.control_client import NoReply
from trader.ops.halt_file import HaltFile

SEED = 20261123
# On a machine that does other things too; alone it is a tenth of it.
RECOVERY_S_MAX = 40.0
# So many kills share a simulator and a journal: what is verified after each grows with them.
CHUNK = 4
_PRICE, _LOW, _HIGHER, _BEYOND = "200", "196.00", "197.00", "250.00"
_QUIET: Mapping[str, object] = {"strategies.momentum.entry_fraction": 0.9}
_AFTER_THE_BYTES = Cell(
    "trading", "engine/orders/gateway.py OrderGateway._send: place(order)", "", "after"
)
# What the page tells of a restart.
_TOLD = ("Order", "Execution", "Commission", "Cancel", "Modify", "Halt", "Ticket", "Position",
         "Cash", "Foreign", "Trade")  # fmt: skip


@dataclass
class Stage:
    """A simulator, a daemon with a fuse, and what was asked of it."""

    simulator: Simulator
    daemon: Daemon
    number: int = 0
    # What the daemon has answered to a halt that it was killed in, if it had.
    is_halt_answered: bool = False
    endowed: int = 0
    asked: list[tuple[str, str, str, Mapping[str, object]]] = field(default_factory=list)

    @property
    def flag(self) -> Path:
        """Return the file that lights the fuse."""
        return self.daemon.folder / "lit"

    def start(self, cell: Cell, *, is_lit: bool = False) -> None:
        """Start the daemon with the fuse of a cell."""
        self.flag.unlink(missing_ok=True)
        if is_lit:
            self.flag.touch()
        self.daemon.start(
            "tests.process.stepping_daemon",
            {"STEP": cell.step, "STEP_SIDE": cell.side, "STEP_KIND": cell.kind, "STEP_AT": "1",
             "STEP_FLAG": str(self.flag)},
        )  # fmt: skip

    def is_dead(self) -> bool:
        """Tell whether the daemon's process has ended."""
        return self.daemon.process is None or self.daemon.process.poll() is not None

    def request(self, method: str, path: str, key: str, body: Mapping[str, object]) -> Json | None:
        """Ask until it is decided on; None when the daemon dies."""
        while not self.is_dead():
            answer = ask(self.daemon, method, path, key, {**body, **MODE})
            if answer is not None and answer.code not in AGAIN:
                return answer.body
            time.sleep(0.02)
        return None

    def await_state(self, order_id: int, *states: str) -> bool:
        """Wait until an order is in one of these states; False when the daemon dies."""

        def look() -> str:
            if self.is_dead():
                return "dead"
            answer = ask(self.daemon, "GET", f"/api/v1/orders/{order_id}", "", {})
            state = "" if answer is None else str(answer.body["order"]["state"])
            return state if state in states else ""

        return until(f"order {order_id} is {' or '.join(states)}", look) != "dead"

    def verb(self, name: str) -> bool:
        """Ask for a verb; whether it was answered and done."""
        with suppress(NoReply, AssertionError):
            return self.daemon.verb(name).is_done
        return False


# ---- the plays: what a life does once its fuse is lit


def _trades(stage: Stage) -> None:
    stage.flag.touch()


def _place(stage: Stage, price: str) -> int | None:
    body = {"symbol": "AAPL", "side": "BUY", "type": "LIMIT", "quantity": 5, "price": price}
    said = stage.request("POST", "/api/v1/orders", f"place-{stage.number}", body)
    return None if said is None else said["order_id"]


def _orders(stage: Stage) -> None:
    stage.flag.touch()
    _order_changes(stage)


def _order_changes(stage: Stage) -> None:
    """Place, change and cancel; with the keys of before it is done once all the same."""
    order_id = _place(stage, _LOW)
    if order_id is None or not stage.await_state(order_id, "WORKING", "CANCELLED"):
        return
    path = f"/api/v1/orders/{order_id}"
    if stage.request("PATCH", path, f"change-{stage.number}", {"price": _HIGHER}) is None:
        return
    stage.request("DELETE", path, f"cancel-{stage.number}", {})


def _is_refused(stage: Stage) -> None:
    order_id = _place(stage, _LOW)
    assert order_id is not None
    assert stage.await_state(order_id, "WORKING")
    stage.flag.touch()
    path = f"/api/v1/orders/{order_id}"
    stage.request("PATCH", path, f"same-{stage.number}", {"price": _LOW})
    if not stage.is_dead():
        # The key of the one that rests is used up.
        stage.number += 1000
        _place(stage, _BEYOND)


def _is_swallowed(stage: Stage) -> None:
    stage.simulator.tell("/swallow", kind="placeOrder", count=1, register=False)
    stage.flag.touch()
    _place(stage, _LOW)


def _halts(stage: Stage) -> None:
    stage.flag.touch()
    stage.is_halt_answered = stage.verb("halt")


def _resumes(stage: Stage) -> None:
    stage.daemon.halt()
    stage.flag.touch()
    stage.verb("resume")


def _decides(*words: str) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        stage.endowed += 3
        stage.simulator.tell("/endow", symbol="IBM", quantity=str(stage.endowed))
        ticket = await_ticket(stage.daemon)["ticket_id"]
        stage.flag.touch()
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        verb, *rest = (word.format(later=later) for word in words)
        tickets(stage.daemon, verb, ticket, *rest, "--reason", "crash matrix")

    return act


def _drains(stage: Stage) -> None:
    stage.flag.touch()
    stage.daemon.send(signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Play:
    """How a step is reached, and what is done about it after the recovery."""

    act: Callable[[Stage], None]
    changes: Mapping[str, object] = field(default_factory=lambda: _QUIET)
    after: Callable[[Stage], None] = lambda _: None
    may_halt: frozenset[str] = frozenset()


PLAYS = {
    "trading": Play(_trades, {}),
    "ordering": Play(_orders, after=_order_changes),
    "refusing": Play(_is_refused),
    "unanswered": Play(_is_swallowed),
    "halting": Play(_halts),
    "resuming": Play(_resumes),
    "adopting": Play(_decides("adopt"), may_halt=frozenset({"ticket"})),
    "booking": Play(
        _decides("book", "--quantity", "3", "--price", "0"), may_halt=frozenset({"ticket"})
    ),
    "ignoring": Play(_decides("ignore-until", "{later}"), may_halt=frozenset({"ticket"})),
    "draining": Play(_drains, {}),
    "starting": Play(_trades, {}),
}


# ---- what is held


def chunks(cells: Iterable[Cell]) -> list[tuple[Cell, ...]]:
    """Cut a matrix into parts that can be swept beside each other."""
    by_play: dict[str, list[Cell]] = {}
    for cell in cells:
        by_play.setdefault(cell.play, []).append(cell)
    return [
        tuple(rows[at : at + CHUNK])
        for rows in by_play.values()
        for at in range(0, len(rows), CHUNK)
    ]


def sweep(folder: Path, cells: tuple[Cell, ...]) -> Iterator[Row]:
    """Kill the daemon at each cell of one play in turn; gives what was seen of each."""
    play = PLAYS[cells[0].play]
    with world(folder, SEED, changes=play.changes) as (simulator, daemon):
        stage = Stage(simulator, daemon)
        if play.changes:
            simulator.tell("/price", symbol="AAPL", price=_PRICE)
        stage.start(_fuse(cells[0]))
        daemon.await_armed()
        _await_price(daemon, play)
        for number, cell in enumerate(cells):
            stage.number, stage.is_halt_answered = number, False
            try:
                row = _killed(stage, play, cell, (*cells, cell)[number + 1])
            except BaseException:
                print(f"---- {cell}")
                raise
            yield row


def _fuse(cell: Cell) -> Cell:
    """Return what a life is killed by that is to be killed in the next start."""
    return _AFTER_THE_BYTES if cell.play == "starting" else cell


def _await_price(daemon: Daemon, play: Play) -> None:
    if not play.changes:
        return

    def look() -> bool:
        rows = (daemon.status() or {"quotes": []})["quotes"]
        bids = [row["bid"] for row in rows if row["symbol"] == "AAPL"]
        return bool(bids and bids[0] and abs(Decimal(bids[0]) - Decimal(_PRICE)) < 1)

    until("the price", look)


def _killed(stage: Stage, play: Play, cell: Cell, following: Cell) -> Row:
    """Kill one life, hold what its journal says, recover and compare all."""
    daemon, simulator = stage.daemon, stage.simulator
    play.act(stage)
    _ended(stage, cell)
    if cell.play == "starting":
        stage.start(cell, is_lit=True)
        _ended(stage, cell)
    truth, story, last = simulator.truth(), read_story(daemon.journal), _last(daemon.journal)
    assert_nothing_sent_twice(story, truth)
    must = _halts_on_disk(stage, story)

    began_s = time.monotonic()
    stage.start(_fuse(following))
    until("it is ready", lambda: _is_ready(daemon, must, play.may_halt))
    recovery_s = time.monotonic() - began_s
    assert recovery_s <= RECOVERY_S_MAX, f"{cell}: {recovery_s:.1f} s"
    # Nothing that it does by itself afterwards may be taken for the recovery.
    restart = _recorded(daemon.journal, last[0])
    ready = ", ".join(sorted(daemon.causes() or ())) or "armed"

    _come_to_rest(stage, play)
    return Row(
        cell,
        _disk_words(last, story, must),
        _broker_words(story, truth),
        f"{restart}; {'halted by ' if ready != 'armed' else ''}{ready}",
        recovery_s,
    )


def _ended(stage: Stage, cell: Cell) -> None:
    try:
        code = stage.daemon.ended()
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{cell} was not reached") from None
    assert code == -signal.SIGKILL, f"{cell} ended with {code}"


def _halts_on_disk(stage: Stage, story: Story) -> frozenset[str]:
    """Return what must halt the next start, from journal and file alone."""
    halts = {str(cause) for cause in story.book.halts}
    reading = HaltFile(stage.daemon.state / "HALT").reading()
    if reading.is_active and not reading.is_missing:
        halts.add("halt_file")
    if set(story.book.tickets) - set(story.book.ignored):
        halts.add("ticket")
    assert halts or not stage.is_halt_answered, "a halt that was answered is not on disk"
    return frozenset(halts)


def _is_ready(daemon: Daemon, must: frozenset[str], may: frozenset[str]) -> bool:
    """Tell whether it is halted by all of what was on disk and by nothing else, or may trade."""
    status = daemon.status()
    if status is None or not must <= (causes := set(dict(status["causes"]))) <= must | may:
        return False
    return bool(causes) or status["posture"] == "armed" or bool(may)


def _come_to_rest(stage: Stage, play: Play) -> None:
    """Do what is left to be done, compare everything, and trade on."""
    daemon = stage.daemon
    if play.may_halt:
        _close_tickets(stage)
    if set(daemon.causes() or ()) - play.may_halt:
        daemon.resume()
    play.after(stage)
    status = until("a status", daemon.status)
    for row in status["orders"]:
        if play.changes and row["state"] not in ("FILLED", "CANCELLED", "REJECTED", "WITHHELD"):
            path = f"/api/v1/orders/{row['order_id']}"
            stage.request("DELETE", path, f"rest-{stage.number}-{row['order_id']}", {})
    halt_and_compare(stage.simulator, daemon)
    daemon.resume()

    def may_go_on() -> bool:
        causes = daemon.causes()
        return causes is not None and not causes

    until("it goes on", may_go_on)
    _await_price(daemon, play)


def _close_tickets(stage: Stage) -> None:
    """Adopt what is still open; the difference of a kill before its ticket opens one now."""

    def is_whole() -> bool:
        stage.daemon.verb("reconcile")
        status = until("a status", stage.daemon.status)
        held = {row["con_id"]: Decimal(row["quantity"]) for row in status["positions"]}
        truth = stage.simulator.truth()["positions"]
        for name in read_story(stage.daemon.journal).book.tickets:
            tickets(stage.daemon, "adopt", name, "--reason", "crash matrix")
        return all(held.get(row["con_id"], 0) == Decimal(row["quantity"]) for row in truth)

    until("no ticket is left", is_whole)
    until("no ticket is open", lambda: not read_story(stage.daemon.journal).book.tickets)


# ---- in words


def _rows(journal: Path, query: str, *values: object) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        return list(db.execute(query, values))


def _last(journal: Path) -> tuple[int, str]:
    rows = _rows(journal, "SELECT seq, kind FROM events ORDER BY seq DESC LIMIT 1")
    return rows[0] if rows else (0, "nothing")


def _recorded(journal: Path, after: int) -> str:
    """Say what a restart recorded before it reviewed anything new."""
    rows = _rows(journal, "SELECT seq, kind FROM events WHERE seq > ? ORDER BY seq", after)
    counts: Counter[str] = Counter()
    for _, kind in rows:
        if kind == "IntentReviewed":
            break
        counts[kind] += kind.startswith(_TOLD)
    told = [f"{kind} {count}" for kind, count in sorted(counts.items()) if count]
    return ", ".join(told) or "nothing to mend"


def _disk_words(last: tuple[int, str], story: Story, must: frozenset[str]) -> str:
    halts = f"; halted by {', '.join(sorted(must))}" if must else ""
    waits = "; a ticket that waits" if story.book.ignored else ""
    return f"{last[1]} last{halts}{waits}"


def _broker_words(story: Story, truth: Json) -> str:
    if not story.planned:
        return "no order"
    _, ref = story.planned[-1]
    orders = [row for row in truth["orders"] if row["order_ref"] == ref]
    if orders:
        return f"{orders[0]['status']}, {orders[0]['filled']} of {orders[0]['quantity']}"
    is_read = any(frame["order_ref"] == ref for frame in truth["place_frames"])
    return "read, not registered" if is_read else "never seen"
