"""What must hold at any moment, and what must hold once everything has settled.

It asks the broker what happened and reads the journal as a stranger would, from a copy of the
disk as it would be found now. It asks the daemon nothing but its status.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.simulation.operating import Answer
from tests.simulation.watch import LateFill, Violation
from tests.simulation.world import SimulatedWorld
from trader.core.comparison import RunRecord
from trader.sim.model.orders import Order
from trader.sim.oracle import testimony
from trader.sim.oracle.comparison import compare
from trader.sim.oracle.findings import Finding, Kind
from trader.sim.oracle.journal import read_journal
from trader.sim.oracle.records import InputError, Journal, State, Truth
from trader.store.codec import decoder
from trader.store.replay import replayed_in

JOURNAL = Path("state") / "journal.db"
OUTBOX = Path("state") / "outbox"
# True at any moment, whatever is on its way; the others need rest.
_NEVER = frozenset(
    {
        Kind.JOURNAL_GAP,
        Kind.ORDER_UNRECORDED,
        Kind.ORDER_RECORDED_LATE,
        Kind.ORDER_SENT_TWICE,
        Kind.CHANGE_UNRECORDED,
        Kind.ORDER_SENT_WHILE_HALTED,
        Kind.EXECUTION_UNKNOWN,
        Kind.EXECUTION_TWICE,
        Kind.COMMISSION_UNKNOWN,
    }
)
_OVER = ("FILLED", "CANCELLED", "REJECTED", "WITHHELD")
# Causes that say that the daemon caught itself in a mistake.
_MISTAKES = ("invariant", "decode_error", "journal_unproven")
# Pages for what only a mistake of the daemon's own brings about here.
_MISTAKES_PAGED = ("intent id reused",)
# As long as the service manager waits for an end that was asked for.
_END_S = 90.0
# How long a fill may take to be known to the daemon, and what it sent before to arrive.
_NEWS_S = 30.0


class Oracle:
    """The rules of one world."""

    def __init__(self, world: SimulatedWorld) -> None:
        self._world = world
        self.looks = 0
        # What a play brings about on purpose: rules and differences that it breaks by itself, and
        # causes that are no mistake of the daemon's in it.
        self.excused: frozenset[str] = frozenset()
        # Late fills that a position beyond its limits no longer needs for an explanation.
        self._spent: set[LateFill] = set()

    def check_now(self) -> None:
        """Raise Violation if a rule is broken that can be seen without the journal."""
        self.looks += 1
        for check in (
            self._check_orders,
            self._check_silence,
            self._check_cash,
            self._check_positions,
            self._check_ends,
        ):
            try:
                check()
            except Violation as found:
                if found.rule not in self.excused:
                    raise
        for title in _MISTAKES_PAGED:
            if self._world.watch.pages[title]:
                raise Violation("paged", title)
        if self._world.watch.stopped:
            raise Violation("strategy_stopped", self._world.watch.stopped[0])
        if self._world.loop.strays:
            raise Violation("stray_error", f"nobody took {self._world.loop.strays[0]}")

    def check_journal(self) -> tuple[Truth, Journal | None]:
        """Raise Violation if the journal, as a start would find it now, breaks a rule for ever."""
        self.check_now()
        truth, journal = self._both()
        if journal is None:
            return truth, None
        for one in compare(truth, journal).differences:
            if one.kind in _NEVER and one.kind not in self.excused:
                raise Violation(one.kind, _told(one))
        for halt in journal.halts:
            is_mistake = halt.cause in _MISTAKES and halt.cause not in self.excused
            if halt.is_raised and is_mistake:
                raise Violation("halted_itself", f"by {halt.cause}: {self._reason(halt.cause)}")
        return truth, journal

    def check_settled(self, status: Answer) -> None:
        """Raise Violation unless daemon, journal and broker agree on everything."""
        truth, journal = self.check_journal()
        if journal is None:
            raise Violation("no_journal", "no journal can be read")
        excused = self._ended_before_its_fill(journal)
        found = [
            one
            for one in compare(truth, journal).differences
            if one.kind not in self.excused
            and (one.kind is not Kind.ORDER_STATE or one.subject not in excused)
        ]
        if found:
            text = "; ".join(f"{one.kind}: {_told(one)}" for one in found[:5])
            raise Violation(found[0].kind, f"settled, but {text}")
        if not journal.baseline_us:
            raise Violation("no_baseline", "the account was never taken over")
        self._check_adjustments()
        self._check_memory(truth, status.body)
        self._check_replays()
        self._check_outbox()

    def _check_adjustments(self) -> None:
        """This broker charges nothing but commissions: no cash ever differs for good."""
        with self.journal_at_rest() as db:
            found = db.execute("SELECT payload FROM events WHERE kind = 'CashAdjusted'").fetchall()
        if found:
            raise Violation("cash_adjusted", f"{len(found)} times, first {found[0][0]}")

    def _check_outbox(self) -> None:
        """What was handed on is what the journal has, and all of it up to the cursor.

        A power cut takes nothing from these files, so they may be ahead of the cursor, by what the
        journal has as well, and never behind it.
        """
        found: dict[str, str] = {}
        for path in sorted(OUTBOX.glob("*.jsonl")):
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            firsts = list({line["id"]: line["seq"] for line in lines}.values())
            if firsts != sorted(firsts):
                raise Violation("outbox_order", f"{path.name} is not in the journal's order")
            for line in lines:
                text = json.dumps([line["kind"], line["event"]])
                if found.setdefault(line["id"], text) != text:
                    raise Violation("outbox_id", f"{line['id']} names two events")
        with self.journal_at_rest() as db:
            rows = [
                row
                for stream in ("market_events", "order_intents", "exec_reports")
                for row in db.execute(f"SELECT id, seq, kind, payload FROM {stream}")  # noqa: S608
            ]
            cursors = db.execute("SELECT seq FROM consumer_cursors").fetchall()
        cursor = cursors[0][0] if cursors else 0
        known = {name: json.dumps([kind, json.loads(text)]) for name, _, kind, text in rows}
        for name, text in found.items():
            if known.get(name) != text:
                raise Violation("outbox_lie", f"{name} was handed on, the journal has no such")
        missing = [name for name, seq, _, _ in rows if seq <= cursor and name not in found]
        if missing or not cursor:
            raise Violation("outbox_gap", f"cursor at {cursor}, never handed on: {missing[:5]}")

    def _check_replays(self) -> None:
        """Each run whose end the journal has comes out the same when it is decided again."""
        records = [decoder(RunRecord)(json.loads(text)) for text in self._world.watch.runs]
        with self.journal_at_rest() as db:
            found = db.execute("SELECT payload FROM events WHERE kind = 'ReconcileFinished'")
            ended = {json.loads(payload)["run_id"] for (payload,) in found}
            decisions = [
                row.decision
                for row in records
                if row.decision is not None and row.finished.run_id in ended
            ]
            try:
                replays = replayed_in(db, decisions)
            except AssertionError as error:
                text = f"the book refuses what the journal holds: {error}"
                raise Violation("run_not_replayed", text) from error
        for one in replays:
            if not one.is_same:
                raise Violation("run_not_replayed", "; ".join((*one.differences, *one.missing)))

    # ---- rules

    def _check_orders(self) -> None:
        """No intent twice and no id twice, at the broker itself."""
        register = self._world.gateway.exchange.register
        orders = [one for one in register.everything() if one.order_id > 0 and self._is_ours(one)]
        for name, values in (
            ("reference", Counter(one.order_ref for one in orders if one.order_ref)),
            ("order id", Counter((one.client_id, one.order_id) for one in orders)),
        ):
            for value, count in values.items():
                if count > 1:
                    text = f"{name} {value}: {count} orders at the broker"
                    raise Violation(Kind.ORDER_SENT_TWICE, text)

    def _check_silence(self) -> None:
        """Nothing left after a halt that was confirmed."""
        for sent in self._world.watch.sent_while_halted:
            text = f"order {sent.order_id} left at {sent.at_s:.6f}, after a halt"
            raise Violation(Kind.ORDER_SENT_WHILE_HALTED, text)

    def _check_ends(self) -> None:
        """Nothing left after the signal to end was seen, and it ends whoever saw it."""
        world = self._world
        for sent in world.watch.sent_while_draining:
            text = f"order {sent.order_id} left at {sent.at_s:.6f}, after SIGTERM"
            raise Violation("sent_while_draining", text)
        took_s = world.loop.time() - world.draining_from_s
        if world.process is world.draining and took_s > _END_S and not world.process.is_dead:
            raise Violation("signal_ignored", f"it lives {took_s:.0f} s after SIGTERM")

    def check_cancels(self) -> None:
        """Raise Violation if a cancel that was taken on has neither left nor become needless."""
        world = self._world
        live = {
            one.order_id
            for one in world.gateway.exchange.register.everything()
            if not one.status.is_done and self._is_ours(one)
        }
        for promise in world.watch.cancels_promised:
            left_s = world.watch.cancels_left_s.get(promise.order_id, float("-inf"))
            is_owed = promise.start == world.starts and promise.order_id in live
            if is_owed and left_s < promise.at_s:
                text = (
                    f"order {promise.order_id} works, its cancel of {promise.at_s:.3f} never left"
                )
                raise Violation("cancel_forgotten", text)

    def _check_cash(self) -> None:
        for currency, amount in self._world.gateway.exchange.bank.main.balances.items():
            if amount < 0:
                raise Violation("cash_negative", f"cash is {amount} {currency}")

    def _check_positions(self) -> None:
        """No position can come to be that the limits forbid, whatever fills first.

        Where the broker fills what it has told as cancelled long before, nobody can hold it: so
        much more may come of it, until that is gone again.
        """
        world = self._world
        exchange, limit = world.gateway.exchange, world.config.policy.position.quantity_max
        worst: dict[str, list[Decimal]] = {}
        for held in exchange.bank.main.positions.values():
            worst.setdefault(held.instrument.symbol, [Decimal(0)] * 2)
            worst[held.instrument.symbol] = [held.quantity, held.quantity]
        for order in exchange.register.everything():
            if not order.status.is_done:
                low, high = worst.get(order.instrument.symbol, [Decimal(0)] * 2)
                is_buy = str(order.side) == "BUY"
                high += order.remaining if is_buy else 0
                low -= 0 if is_buy else order.remaining
                worst[order.instrument.symbol] = [low, high]
        for symbol, (low, high) in worst.items():
            for is_buy, beyond in ((False, -low), (True, high - limit)):
                if beyond > self._explained(symbol, beyond, is_buy=is_buy):
                    text = f"{symbol} could come to {low} or {high}, allowed 0 to {limit}"
                    raise Violation("position_limit", text)

    def _explained(self, symbol: str, beyond: Decimal, *, is_buy: bool) -> Decimal:
        """Return how far late fills and a person may have taken a position beyond its limits."""
        world = self._world
        settle_s, now_s = world.config.policy.order.settle_s, world.loop.time()
        # Up to then what is left of an order that is over must count as if it worked.
        fills = [
            one
            for one in world.watch.late_fills
            if (one.symbol, one.is_buy) == (symbol, is_buy)
            and one.over_s >= settle_s
            and one not in self._spent
        ]
        # A person may hold what no daemon would.
        hand = [one for one in world.watch.by_hand if (one.symbol, one.is_buy) == (symbol, is_buy)]
        known = sum((one.quantity for one in fills), Decimal(0))
        known += sum((one.quantity for one in hand), Decimal(0))
        for one in fills:
            if now_s - one.at_s > _NEWS_S and known - one.quantity >= max(beyond, Decimal(0)):
                self._spent.add(one)
                known -= one.quantity
        return known

    def _check_memory(self, truth: Truth, status: dict[str, Any]) -> None:
        """What the daemon holds in memory is what the broker has."""
        ours = {
            row["symbol"]: row["quantity"]
            for row in status["positions"]
            if float(row["quantity"]) != 0
        }
        real = {one.symbol: f"{one.quantity:f}" for one in truth.positions if one.quantity}
        if ours != real:
            text = f"settled, but the status shows {ours}, the broker holds {real}"
            raise Violation("status_position", text)
        for row in status["orders"]:
            if row["state"] not in _OVER or row["is_settling"]:
                text = f"settled, but the daemon has order {row['order_id']}: {row}"
                raise Violation("status_order", text)
        for row in status["strategies"]:
            if row["problem"]:
                text = f"strategy {row['name']} stopped: {row['problem']}"
                raise Violation("strategy_stopped", text)

    def _ended_before_its_fill(self, journal: Journal) -> frozenset[str]:
        """Return the orders of which the name for their end may differ, by a fill after that end.

        One whose last change nobody answered may have been filled or nearly so: the journal keeps
        the end that was told, and counts the fill.
        """
        filled = {(one.client_id, one.order_id) for one in self._world.watch.late_fills}
        return frozenset(
            f"client {one.client_id} order {one.order_id}"
            for one in journal.orders
            if (one.client_id, one.order_id) in filled
            and one.desired is not None
            and one.state is State.CANCELLED
        )

    # ---- both sides

    def _is_ours(self, order: Order) -> bool:
        """Tell whether an order came from the daemon: here nobody else sends any."""
        return True

    def _truth(self) -> Truth:
        """Return what the broker tells of what is compared."""
        return testimony.told(json.dumps(self._world.gateway.truth()).encode(), "the simulator")

    def _both(self) -> tuple[Truth, Journal | None]:
        world = self._world
        truth = self._truth()
        world.looked_at = world.disk.after_crash(has_power=True)
        world.looked_at.bytes_max = None
        try:
            return truth, self._dated(read_journal(JOURNAL))
        except InputError as error:
            text = str(error)
            if "damaged" in text or "malformed" in text:
                raise Violation("journal_damaged", text) from error
            # Not made yet, or a start that was cut off.
            return truth, None
        finally:
            world.looked_at = None

    def _dated(self, journal: Journal) -> Journal:
        """Return a journal with its moments by the broker's clock, which nobody sets."""

        def dated(shown_us: int) -> int:
            at_us = self._world.wall.first_us(shown_us)
            if at_us is None:
                text = f"{shown_us} us since 1970 is in the journal, and was never on the clock"
                raise Violation("moment_unknown", text)
            return at_us

        return replace(
            journal,
            opened_us=dated(journal.opened_us),
            baseline_us=None if journal.baseline_us is None else dated(journal.baseline_us),
            orders=tuple(replace(one, at_us=dated(one.at_us)) for one in journal.orders),
            changes=tuple(replace(one, at_us=dated(one.at_us)) for one in journal.changes),
        )

    @contextmanager
    def journal_at_rest(self) -> Iterator[sqlite3.Connection]:
        """Open the journal as a start would find it now."""
        world = self._world
        world.looked_at = world.disk.after_crash(has_power=True)
        try:
            with closing(sqlite3.connect(JOURNAL)) as db:
                yield db
        finally:
            world.looked_at = None

    def _reason(self, cause: str) -> str:
        with self.journal_at_rest() as db:
            rows = db.execute(
                "SELECT payload FROM events WHERE payload LIKE ? ORDER BY seq LIMIT 1",
                (f'%"{cause}"%',),
            ).fetchall()
        return str(rows[0][0]) if rows else "?"


def _told(one: Finding) -> str:
    return f"{one.subject}: {one.text}"
