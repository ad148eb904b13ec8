"""The play of one incident: the scenario happens, all comes to agree, and its row is held.

Safety holds all the time, by the oracle of the simulation. What the row adds is what must have
been seen: which causes halted it, which events the journal has, who was called, what was said.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.simulation import operating
from tests.simulation.faults import CLIENT
from tests.simulation.incident_table import NEVER, Row
from tests.simulation.incident_world import IncidentOracle, IncidentWorld
from tests.simulation.loop import Deadlock, Livelock
from tests.simulation.play import Play
from tests.simulation.watch import Violation
from trader.config import Configuration
from trader.sim.oracle.comparison import compare

_LOOK_S, _MOMENT_S = 0.5, 0.02
# Every so many looks the oracle looks as well.
_ORACLE_EVERY = 6
# What the daemon trades before it is disturbed, before each jump, and after the last of all.
_BEFORE_S = 4.0
_ORDERS_AFTER = 2
# Time in which a daemon that had not stopped would send.
_HOLD_S = 8.0
_REST_S = 3.0
# Message 4: a version, the id that it is about, the code.
_ERROR = re.compile(r" < 4\|2\|-?\d+\|(\d+)\|")


@dataclass(slots=True)
class Seen:
    """What was seen of one play."""

    name: str
    problem: str = ""
    rule: str = ""
    # Causes, each with the first words that were said about it: before it was armed, and since.
    dark: dict[str, str] = field(default_factory=dict)
    halts: dict[str, str] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)
    orders: int = 0
    executions: int = 0
    starts: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0


class IncidentPlay(Play):
    """One row from its first start to its verdict."""

    world: IncidentWorld
    oracle: IncidentOracle
    world_kind = IncidentWorld

    def __init__(self, row: Row, seed: str, config: Configuration) -> None:
        self.row = row
        self.world = self.world_kind(row, seed, config)
        self.oracle = IncidentOracle(self.world)
        self.seen = Seen(row.name)
        self._causes: dict[str, str] = {"starting": "no daemon yet"}
        self._was_armed = False
        self._watching: asyncio.Task[None]

    def told(self) -> Seen:
        """Play, and say what was seen."""
        world, seen = self.world, self.seen
        asyncio.set_event_loop(world.loop)
        started_s, cpu_s = world.loop.time(), time.process_time()
        try:
            world.loop.run_until_complete(self.play())
        except (Violation, Deadlock, Livelock) as error:
            seen.rule = error.rule if isinstance(error, Violation) else type(error).__name__
            seen.problem = f"{type(error).__name__}: {error}"
        seen.events = dict(sorted(self._events().items()))
        seen.pages = dict(world.watch.pages)
        seen.orders, seen.starts = len(world.watch.sent), world.starts
        seen.executions = len(list(world.gateway.exchange.trades.since(0.0)))
        seen.seconds, seen.cpu_s = world.loop.time() - started_s, time.process_time() - cpu_s
        if not seen.problem:
            seen.problem = "; ".join(self._missing())
            seen.rule = "row" if seen.problem else ""
        world.clean_up()
        return seen

    async def play(self) -> None:
        """Play the incident."""
        row, world = self.row, self.world
        await world.open()
        self._watching = world.loop.create_task(self._watch(), name="watch")
        for act in row.first:
            await world.act(act)
            await asyncio.sleep(_MOMENT_S)
        if not row.is_dark:
            await self._until("armed", lambda: not self._causes)
        world.begin()
        await self._disturb()
        await self._until("the scenario has acted", self._has_acted)
        if row.ends != "trading" or row.mend:
            await self._halted()
        for act in row.mend:
            await world.act(act)
            await asyncio.sleep(_LOOK_S)
        if row.ends == "resumed":
            await self._resume()
        if row.ends == "halted":
            await self._stays_halted()
        else:
            await self._until("armed again", lambda: not self._causes)
            target = max(len(world.watch.sent) + _ORDERS_AFTER, row.orders)
            await self._until("it trades on", lambda: len(world.watch.sent) >= target)
            await self._until_seen()
        self._watching.cancel()
        if row.ends != "halted":
            world.rest()
            for seconds in row.rest_leaps_s:
                await asyncio.sleep(_BEFORE_S)
                world.leap(seconds)
            await self.converge(_REST_S)

    async def _disturb(self) -> None:
        row, world = self.row, self.world
        await asyncio.sleep(_BEFORE_S)
        for act in row.beside:
            await world.act(act)
            await asyncio.sleep(_LOOK_S)
        for seconds in row.leaps_s:
            await self._until("the scenario waits", lambda: world.waits_for_time)
            world.leap(seconds)
            await asyncio.sleep(_BEFORE_S)

    async def _watch(self) -> None:
        """Look at the daemon as an operator does, and at everything as the oracle does."""
        looks = 0
        while True:
            await asyncio.sleep(_LOOK_S)
            looks += 1
            answer = await operating.status()
            causes = dict(answer.body["causes"]) if answer.code else {"silent": "no answer"}
            seen = self.seen.halts if self._was_armed else self.seen.dark
            for cause, text in causes.items():
                if cause not in ("silent", "starting"):
                    seen.setdefault(cause, text)
            self._causes = causes
            self._was_armed = self._was_armed or not causes
            if self.world.failure is not None:
                raise self.world.failure
            if looks % _ORACLE_EVERY == 0:
                self.oracle.check_now()

    def _has_acted(self) -> bool:
        if self.world.engine.failures:
            raise Violation("scenario", self.world.engine.failures[0])
        return self.world.has_acted

    async def _until(self, what: str, is_so: Callable[[], bool]) -> None:
        end_s = self.world.loop.time() + self.row.patience_s
        while not is_so():
            if self._watching.done():
                self._watching.result()
            if self.world.loop.time() >= end_s:
                raise Violation("waited_in_vain", f"for: {what}; halted by {self._causes}")
            await asyncio.sleep(_LOOK_S)

    async def _until_seen(self) -> None:
        """Wait for what the row names and is not there yet; what never comes is said at the end."""
        with suppress(Violation):
            await self._until("the row", lambda: not self._awaited())

    # ---- halted

    async def _halted(self) -> None:
        """Wait until all the causes of the row hold, and hold that nothing leaves."""
        wanted = set(self.row.halts)
        await self._until(f"halted by {sorted(wanted)}", lambda: wanted <= set(self._causes))
        self.world.watch.halted()
        await asyncio.sleep(_HOLD_S)
        self.oracle.check_now()
        if not wanted <= set(self._causes):
            raise Violation("halt_gone", f"of {sorted(wanted)} by itself: {self._causes}")
        if self.row.ends == "trading":
            # What mends it needs nobody's word.
            self.world.watch.resuming()

    async def _resume(self) -> None:
        self.world.watch.resuming()
        answer = await operating.verb("resume", "the incident has been looked at")
        if not answer.is_done:
            raise Violation("not_resumed", f"{answer.body}")

    async def _stays_halted(self) -> None:
        """A resume changes nothing, and broker and journal differ in what the row says."""
        answer = await operating.verb("resume", "before anybody has looked")
        await asyncio.sleep(_REST_S)
        if not set(self.row.halts) <= set(self._causes):
            raise Violation("halt_gone", f"resumed: {answer.body}; {self._causes}")
        self.oracle.check_now()
        truth, journal = self.oracle.check_journal()
        assert journal is not None, "it has traded"
        different = {str(one.kind) for one in compare(truth, journal).differences}
        if different != set(self.row.different):
            text = f"{sorted(different)}, not {sorted(self.row.different)}"
            raise Violation("different", text)

    # ---- the row

    def _awaited(self) -> list[str]:
        """Say what must still be seen."""
        row, problems = self.row, []
        events = self._events() if row.events else Counter()
        problems += [
            f"{name}: {events[name]}, wanted {count}"
            for name, count in row.events.items()
            if events[name] < count
        ]
        pages = self.world.watch.pages
        problems += [f"nobody was called: {title}" for title in row.pages if not pages[title]]
        problems += [f"never said: {text}" for text in row.said if not self._has_said(text)]
        if row.codes:
            told = {int(found[1]) for line in self.world.lines if (found := _ERROR.search(line))}
            problems += [f"never said: {code}" for code in row.codes if code not in told]
        return problems

    def _missing(self) -> list[str]:
        """Say in what the play differs from its row."""
        row, seen = self.row, self.seen
        problems = self._awaited()
        halts = set(seen.dark if row.is_dark else ()) | set(seen.halts)
        if not set(row.halts) <= halts:
            problems.append(f"halted by {sorted(halts)}, wanted {sorted(row.halts)}")
        beyond = set(seen.halts) - set(row.halts) - set(row.may)
        if beyond:
            problems.append(f"halted by { {name: seen.halts[name] for name in sorted(beyond)} }")
        for name in (*NEVER, *(key for key, count in row.events.items() if not count)):
            is_named = row.events.get(name) or name in row.allowed
            if seen.events.get(name) and not is_named:
                problems.append(f"{name}: {seen.events[name]}, wanted none")
        for what, count, least in (
            ("orders", seen.orders, row.orders),
            ("starts", seen.starts, row.starts),
        ):
            if count < least:
                problems.append(f"{count} {what}, wanted {least}")
        problems += [f"said: {text}" for text in row.unsaid if self._has_said(text)]
        traded = sorted(self._traded() & set(row.untraded))
        problems += [f"traded {symbol}" for symbol in traded]
        if row.orders == 0 and seen.orders:
            problems.append(f"{seen.orders} orders left, wanted none")
        return problems

    def _events(self) -> Counter[str]:
        with self.oracle.journal_at_rest() as db:
            rows = db.execute("SELECT kind, count(*) FROM events GROUP BY kind").fetchall()
        return Counter(dict(rows))

    def _traded(self) -> set[str]:
        register = self.world.gateway.exchange.register
        return {one.instrument.symbol for one in register.everything() if one.client_id == CLIENT}

    def _has_said(self, text: str) -> bool:
        return any(" < " in line and text in line for line in self.world.lines)
