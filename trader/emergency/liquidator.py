"""The liquidation without a daemon: cancel, close one by one, and have the broker prove it.

The caller holds the lock. The daemon's own client id goes first: it can cancel the daemon's
orders one by one and so leave what protects. Only when the gateway keeps that id locked (326), or
when everything is to go, the second id comes with a global cancel, which takes everybody's orders
off, protective stops and orders entered by hand included; that is said before it is done.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trader.core.amounts import ZERO
from trader.core.backoff import Backoff
from trader.core.flatten import Cancels, Resting, sort_orders
from trader.core.ids import ClientId, ConId, OrderId, PermId
from trader.core.instruments import Instrument
from trader.emergency.closer import Closer, Ending
from trader.emergency.line import Line
from trader.emergency.memory import Memory
from trader.emergency.report import ExitCode, Report
from trader.emergency.settings import EmergencySettings
from trader.emergency.settling import Settling
from trader.ibkr.emergency import Look
from trader.ports import (
    Clock,
    ConnectRefused,
    LinkDown,
    SendUncertain,
    SnapshotUnavailable,
    WorldError,
)

# How often what has come in meanwhile is dealt with as well.
_ROUNDS_MAX = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for."""

    must_cancel: bool
    must_liquidate: bool
    # Every order and position of the account, managed or not, whoever owns it.
    is_everything: bool
    by: str
    reason: str
    # How long a missing link is waited for, in seconds; all the times it is missing together.
    wait_s: float
    # A global cancel may take protective stops off where the daemon's id stays locked.
    may_strip: bool = True
    # The daemon was at work until just now: what it has cancelled may have filled (INC-024).
    settles_first: bool = False


class Liquidator:
    """One run against one broker."""

    def __init__(
        self, settings: EmergencySettings, state: Path, *, wanted: Wanted, clock: Clock,
        say: Callable[[str], None], chance: random.Random,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._chance = chance
        self._backoff = Backoff(settings.bounds.retry_s_min, settings.bounds.retry_s_max)
        self._bounds = settings.bounds
        self._wanted = wanted
        self._clock = clock
        self._say = say
        self._memory = Memory(state, settings.lineage, by=wanted.by, utc=clock.utc, complain=say)
        self._lines: dict[ClientId, Line] = {}
        self._instruments: dict[ConId, Instrument | None] = {}
        # Instruments whose closing order the broker holds, with the story of it.
        self._waiting: dict[ConId, str] = {}
        # What this run has dealt with already: what shows up beside it is news.
        self._asked: dict[PermId, None] = {}
        self._tried: dict[ConId, None] = {}
        self._is_locked = False
        # Instruments that the broker did not describe, with the reason: they may be ours to close.
        self._unresolved: dict[ConId, str] = {}
        self._has_cancelled_all = False
        # Whether the broker has shown everything once on this link.
        self._has_looked = False
        self._began_s = clock.monotonic()
        self._settling = Settling(settings.bounds.ended_s)
        self.report = Report()

    async def run(self) -> Report:
        """Do what is wanted as far as the broker lets us; never raises a WorldError."""
        self._began_s = self._clock.monotonic()
        # Only the time without a link counts: what is worked on one takes as long as it takes.
        left_s = self._wanted.wait_s
        told, failures = "", 0
        try:
            while True:
                tried_s = self._clock.monotonic()
                try:
                    return await self._attempt()
                except ConnectRefused as error:
                    problem = str(error)
                    if error.phase == "account":
                        return self._refused(problem)
                except (LinkDown, SendUncertain, SnapshotUnavailable, WorldError) as error:
                    problem = str(error)
                lost_s = self._clock.monotonic()
                if not self._has_looked:
                    left_s -= lost_s - tried_s
                if problem != told:
                    self._say(f"no link: {problem}; trying for another {max(left_s, 0):.0f} s")
                    told = problem
                self._close_lines()
                if left_s <= 0:
                    self.report.problems.append(f"no link to the broker: {problem}")
                    return self.report
                failures += 1
                wait_s = self._backoff.wait_s(failures, self._chance.random())
                await self._clock.sleep(min(wait_s, left_s))
                left_s -= self._clock.monotonic() - lost_s
        finally:
            self._close_lines()

    def _refused(self, problem: str) -> Report:
        self.report.refusal = ExitCode.CANNOT_ACT
        self.report.problems.append(problem)
        return self.report

    async def _attempt(self) -> Report:
        """Go through it once on one link; raises WorldError when the link does not carry it."""
        report = self.report
        report.closed.clear()
        report.waiting.clear()
        report.problems.clear()
        # On a new link everything is open again, the daemon's id and a global cancel as well.
        self._is_locked = self._has_cancelled_all = self._has_looked = False
        self._unresolved.clear()
        report.is_verified = False
        line = await self._primary()
        await self._earlier_promises()
        for _ in range(_ROUNDS_MAX):
            # What an earlier round was shown proves nothing once there is more to do.
            report.is_verified = False
            await self._cancel(line)
            if self._wanted.must_liquidate:
                await self._let_settle()
                await self._close_positions(line)
            if not await self._verify(line):
                break
            # What was on its way when we looked first has arrived meanwhile.
            self._say("more has come in: once more")
            report.problems.clear()
        return report

    # ---- connections

    async def _primary(self) -> Line:
        own, second = self._settings.client_id, self._settings.emergency_client_id
        if self._wanted.is_everything:
            return await self._line(second)
        try:
            return await self._unlocked(own)
        except ConnectRefused as error:
            if error.phase != "client id" or not self._wanted.may_strip:
                raise
            self._is_locked = True
            self._say(f"client id {own} stays in use ({error}): acting as client {second}")
            return await self._line(second)

    async def _unlocked(self, client_id: ClientId) -> Line:
        """Connect as a client whose last process may not have been forgotten yet (INC-090)."""
        end_s = self._clock.monotonic() + self._bounds.locked_s
        backoff, failures = Backoff(self._bounds.poll_s, self._bounds.retry_s_min), 0
        while True:
            try:
                return await self._line(client_id)
            except ConnectRefused as error:
                if error.phase != "client id" or self._clock.monotonic() >= end_s:
                    raise
            failures += 1
            await self._clock.sleep(backoff.wait_s(failures, self._chance.random()))

    async def _line(self, client_id: ClientId) -> Line:
        line = self._lines.get(client_id)
        if line is not None and line.is_up:
            return line
        line = line or Line(self._settings, client_id, self._clock, self._settling)
        await line.open(OrderId(self._memory.highest_id(client_id)))
        self._lines[client_id] = line
        self._say(f"connected to {self._settings.host}:{self._settings.port} as client {client_id}")
        return line

    def _close_lines(self) -> None:
        for line in self._lines.values():
            line.close()
        self._lines.clear()

    async def _earlier_promises(self) -> None:
        """Let an order of a run that was cut off just now show up in the broker's lists first."""
        age_s = self._memory.open_promise_s()
        if age_s is not None and age_s < self._bounds.promise_s:
            await self._clock.sleep(self._bounds.promise_s - age_s)

    # ---- cancelling

    async def _cancel(self, line: Line) -> None:
        """Cancel until the broker lists nothing more of what must go, or time is over."""
        end_s = self._clock.monotonic() + self._bounds.cancel_s
        again_s = 0.0
        asked: dict[int, Resting] = {}
        left: dict[int, Resting] = {}
        while True:
            look = await line.look()
            self._has_looked = True
            sorted_out = await self._sorted(line, look)
            self._tell_gone(line, look, asked)
            now_s = self._clock.monotonic()
            if sorted_out.waiting and not left:
                # Whether their entry has filled is known only once it has settled.
                end_s += self._bounds.ended_s
            for row in sorted_out.waiting:
                if row.perm_id not in left:
                    left[row.perm_id] = row
                    self._say(f"left to its entry: {row.words}")
            if not (sorted_out.cancel or sorted_out.waiting) or now_s >= end_s:
                return
            is_again = now_s >= again_s
            # A leg whose entry has gone by now does not wait for the next time.
            due = [row for row in sorted_out.cancel if is_again or row.perm_id not in asked]
            if due:
                again_s = now_s + self._bounds.cancel_again_s if is_again else again_s
                await self._send_cancels(line, tuple(due), asked)
                # Many take their time to be sent; what is bounded is the wait for an answer.
                end_s += self._clock.monotonic() - now_s
            await self._clock.sleep(self._bounds.poll_s)

    def _tell_gone(self, line: Line, look: Look, asked: dict[int, Resting]) -> None:
        """Say of what is not listed any more whether it was cancelled or has filled."""
        listed = {row.perm_id for row in line.resting(look)}
        for row in [row for perm_id, row in asked.items() if perm_id not in listed]:
            left = self._settling.left(row.con_id, line.ears.executions)
            is_cancelled = any(one.perm_id == row.perm_id for one in left)
            (self.report.cancelled if is_cancelled else self.report.filled).append(row.words)
            del asked[row.perm_id]

    async def _sorted(self, line: Line, look: Look) -> Cancels:
        resting = line.resting(look)
        own = self._settings.own
        if self._wanted.is_everything:
            own = frozenset(row.client_id for row in resting)
        held = {row.con_id: row.quantity for row in look.positions}
        keeps = not (self._wanted.must_liquidate or self._wanted.is_everything)
        # A global cancel asks no entry first. Where all is closed afterwards, what an entry has
        # brought needs no leg any more; where exits stay, they must not go before it shows.
        leaves_legs = not (self._wanted.is_everything or self._is_locked)
        # What strangers trade says nothing of our entries, and may never end.
        fresh = {row.con_id for row in line.fresh(look) if row.client_id in self._settings.own}
        late = line.settling.unsettled() | fresh
        return sort_orders(
            resting, held, own,
            keeps_exits=keeps, leaves_legs=leaves_legs, late=late if keeps else (),
        )  # fmt: skip

    async def _send_cancels(
        self, line: Line, orders: tuple[Resting, ...], asked: dict[int, Resting]
    ) -> None:
        """Cancel by id what an id of ours owns; the rest can only go with everything."""
        self._asked.update(dict.fromkeys(row.perm_id for row in orders))
        by_id = [row for row in orders if row.perm_id in asked]
        if not self._needs_global_cancel(orders):
            by_id = list(orders)
        else:
            self._cancel_everything(line, orders)
            asked.update({row.perm_id: row for row in orders})
        for row in by_id:
            is_new = row.perm_id not in asked
            if is_new:
                self._say(f"cancelling: {row.words}")
            asked[row.perm_id] = row
            owner = await self._owner(line, row.client_id)
            if owner is not None:
                await owner.cancel(row.order_id)
                if is_new:
                    # After the bytes: no disk may hold a cancel back.
                    self._memory.note_cancel(row, is_everything=False)

    def _needs_global_cancel(self, orders: tuple[Resting, ...]) -> bool:
        """Tell whether some of them can only go with everything; once more where it did nothing."""
        if self._wanted.is_everything:
            own = self._settings.own
            is_first = not self._has_cancelled_all
            return is_first or any(row.client_id not in own for row in orders)
        locked = self._settings.client_id
        return self._is_locked and any(row.client_id == locked for row in orders)

    def _cancel_everything(self, line: Line, orders: tuple[Resting, ...]) -> None:
        why = "everything is to go" if self._wanted.is_everything else "its id stays locked"
        self._say(
            f"GLOBAL CANCEL ({why}): this takes EVERY order of the login off, protective stops "
            "and orders entered by hand included"
        )
        self.report.used_global_cancel = self._has_cancelled_all = True
        line.broker.cancel_everything()
        for row in orders:
            self._memory.note_cancel(row, is_everything=True)

    async def _owner(self, line: Line, client_id: ClientId) -> Line | None:
        """Return the line that may cancel an order by its id; None when nobody of us can."""
        if client_id == line.client_id:
            return line
        if client_id not in self._settings.own:
            return None
        try:
            return await self._line(client_id)
        except ConnectRefused:
            return None

    # ---- closing

    async def _let_settle(self) -> None:
        if self._wanted.settles_first:
            settled_s = self._began_s + self._bounds.ended_s
            await self._clock.sleep(max(settled_s - self._clock.monotonic(), 0.0))

    async def _close_positions(self, line: Line) -> None:
        self._waiting.clear()
        look = await line.look()
        for row in sorted(look.positions, key=lambda row: (row.symbol, row.con_id)):
            if row.quantity == ZERO:
                continue
            instrument = await self._instrument(line, row.con_id, row.symbol)
            if instrument is None:
                continue
            self._tried[row.con_id] = None
            self._unresolved.pop(row.con_id, None)
            closer = Closer(
                line, instrument, settings=self._settings, memory=self._memory,
                clock=self._clock, say=self._say,
            )  # fmt: skip
            closed = await closer.run()
            self._say(f"{closed.ending}: {closed.text}")
            match closed.ending:
                case Ending.FLAT:
                    self.report.closed.append(closed.text)
                case Ending.WAITS:
                    self._waiting[row.con_id] = closed.text
                case Ending.STOPPED:
                    self.report.problems.append(closed.text)

    async def _instrument(self, line: Line, con_id: ConId, symbol: str) -> Instrument | None:
        """Resolve a contract by its id; None when it is not ours to touch."""
        if con_id in self._instruments:
            return self._instruments[con_id]
        if con_id in self._unresolved:
            return None
        try:
            found = await line.broker.managed(con_id, symbol, self._settings.instruments)
            if found is None and self._wanted.is_everything:
                found = await line.broker.resolve_id(con_id)
        except (LinkDown, SendUncertain):
            raise
        except WorldError as error:
            # One contract that is not described must not keep the others from being closed.
            self._say(f"{symbol}: {error}")
            self._unresolved[con_id] = str(error)
            return None
        self._instruments[con_id] = found
        return found

    async def _is_strange(self, line: Line, con_id: ConId, symbol: str) -> bool:
        """Tell whether an instrument is proven to be none of ours to touch."""
        found = await self._instrument(line, con_id, symbol)
        return found is None and con_id not in self._unresolved

    # ---- proof

    async def _verify(self, line: Line) -> bool:
        """Have the broker show what remains, in two complete looks that agree.

        Returns whether any of it came in after this run had looked for it.
        """
        before: object = None
        end_s = self._clock.monotonic() + self._bounds.close_s
        while True:
            look = await line.look()
            now = (
                sorted((row.perm_id, row.status) for row in line.resting(look)),
                sorted((row.con_id, row.quantity) for row in look.positions if row.quantity),
            )
            unproven = "" if now == before else "no two looks at the broker agreed"
            if self._wanted.must_liquidate and self._settling.is_open(line.ears.executions):
                unproven = "an order that is over may have filled, and that was not told yet"
            # What a closing order of this run has traded is in the position: it was waited for.
            fresh = [row for row in line.fresh(look) if not self._memory.is_ours(row)]
            if fresh:
                unproven = "an execution is too young for the positions to show it"
            if not unproven or self._clock.monotonic() >= end_s:
                break
            before = now
            await self._clock.sleep(self._bounds.quiet_s)
        report = self.report
        for told in (report.kept, report.remaining_orders, report.left_alone, report.positions):
            told.clear()
        report.remaining_positions.clear()
        report.unproven[:] = [unproven] if unproven else []
        await self._tell_orders(line, look)
        await self._tell_positions(line, look)
        report.is_verified = True
        return await self._has_news(line, look)

    async def _has_news(self, line: Line, look: Look) -> bool:
        cancel = (await self._sorted(line, look)).cancel
        if any(row.perm_id not in self._asked and not self._memory.is_ours(row) for row in cancel):
            return True
        if not self._wanted.must_liquidate:
            return False
        for row in look.positions:
            if row.quantity == ZERO or row.con_id in self._tried:
                continue
            if await self._instrument(line, row.con_id, row.symbol) is not None:
                return True
        return False

    async def _tell_orders(self, line: Line, look: Look) -> None:
        report = self.report
        sorted_out = await self._sorted(line, look)
        report.kept.extend(row.words for row in sorted_out.keep)
        for row in sorted_out.cancel:
            # Our own closing order that waits at the broker is told as such.
            if row.con_id in self._waiting and self._memory.is_ours(row):
                continue
            report.remaining_orders.append(f"{row.words}{self._cancel_problem(row)}")
        for row in sorted_out.waiting:
            report.remaining_orders.append(f"{row.words}: stays as long as its entry does")
        for row in sorted_out.foreign:
            if await self._is_strange(line, row.con_id, row.symbol):
                report.left_alone.append(row.words)
            elif not self._wanted.must_liquidate and row not in sorted_out.foreign_risk:
                report.kept.append(row.words)
            else:
                hint = "not ours to cancel by its id; --all takes everything off"
                report.remaining_orders.append(f"{row.words}: {hint}")

    async def _tell_positions(self, line: Line, look: Look) -> None:
        report = self.report
        held = {row.con_id: row for row in look.positions if row.quantity != ZERO}
        listed = {row.con_id for row in line.resting(look) if self._memory.is_ours(row)}
        for con_id, text in tuple(self._waiting.items()):
            # It may have filled while others were closed, or the broker may have given it up.
            if con_id in held and con_id not in listed:
                self._unresolved[con_id] = "its closing order is not listed"
                del self._waiting[con_id]
                continue
            (report.waiting if con_id in held else report.closed).append(text)
        for con_id, row in held.items():
            text = f"{row.symbol} {row.quantity}"
            report.positions.append(text)
            if await self._is_strange(line, con_id, row.symbol):
                report.left_alone.append(text)
            elif con_id in self._unresolved and self._wanted.must_liquidate:
                report.remaining_positions.append(f"{text}: {self._unresolved[con_id]}")
            elif self._wanted.must_liquidate and con_id not in self._waiting:
                report.remaining_positions.append(text)

    def _cancel_problem(self, row: Resting) -> str:
        owner = self._lines.get(row.client_id)
        errors = owner.ears.errors.get(row.order_id, []) if owner is not None else []
        if errors:
            return f": the cancel did not work: {errors[-1].code} {errors[-1].text}"
        if self._is_locked and row.client_id == self._settings.client_id:
            return ": its client id stays locked"
        return ": the cancel was not confirmed"
