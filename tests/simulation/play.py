"""The play of one seed: faults while safety must hold, then calm in which all must settle."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from dataclasses import dataclass, field

from tests.simulation import operating
from tests.simulation.faults import Faults
from tests.simulation.loop import Deadlock, Livelock
from tests.simulation.oracle import Oracle
from tests.simulation.watch import Violation
from tests.simulation.world import SimulatedWorld
from trader.config import Configuration

_FAULTS_S = 90.0
_LOOK_S = 5.0
# How long an operator takes to look again, drawn once for each seed.
_ROUNDS_S = (6.0, 12.0, 25.0)
# How long daemon and broker may need to agree once nothing goes wrong any more.
_READY_S = 180.0
_SETTLE_S = 90.0
# What was under way when the strategy rests comes to an end.
_REST_S = 10.0
# Causes for which a person restarts the daemon, since a resume cannot clear them.
_RESTART = frozenset({"journal"})


@dataclass(slots=True)
class Result:
    """What became of a seed."""

    seed: str
    digest: str = ""
    problem: str = ""
    # Which rule was broken, for machines.
    rule: str = ""
    faults: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    callbacks: int = 0
    starts: int = 0
    orders: int = 0
    executions: int = 0
    looks: int = 0
    end: str = ""
    # Which moves of the machines there were, and which kinds of difference.
    reached: dict[str, int] = field(default_factory=dict)


class Play:
    """One seed from its first start to its verdict."""

    def __init__(
        self,
        seed: str,
        config: Configuration,
        *,
        without: frozenset[str] = frozenset(),
        keeps_trace: bool = False,
    ) -> None:
        self.world = SimulatedWorld(seed, config, keeps_trace=keeps_trace)
        self._without = without
        # While the operator asks for something.
        self._at_it = asyncio.Lock()
        self.oracle = Oracle(self.world)

    def run(self) -> Result:
        """Play, and say what was found."""
        world, result = self.world, Result(self.world.seed)
        asyncio.set_event_loop(world.loop)
        started_s = world.loop.time()
        try:
            world.loop.run_until_complete(self.play())
        except (Violation, Deadlock, Livelock) as error:
            result.rule = error.rule if isinstance(error, Violation) else type(error).__name__
            result.problem = f"{type(error).__name__}: {error}"
        except sqlite3.DatabaseError as error:
            # The oracle reads the journal as a start would find it.
            result.rule, result.problem = "journal_damaged", f"the journal: {error}"
        gateway = world.gateway
        result.digest = world.loop.trace.digest()
        result.faults = dict(sorted(world.watch.faults.items()))
        result.seconds = world.loop.time() - started_s
        result.callbacks, result.starts = world.loop.steps, world.starts
        result.orders = len(world.watch.sent)
        result.executions = len(list(gateway.exchange.trades.since(0.0)))
        result.looks, result.end = self.oracle.looks, world.last_end
        result.reached = dict(sorted(world.watch.reached.items()))
        world.clean_up()
        return result

    async def play(self) -> None:
        """Play the day."""
        world = self.world
        await world.open()
        faults = Faults(world, self._without)
        operating = world.loop.create_task(self._operate(), name="operator")
        end_s = world.loop.time() + _FAULTS_S
        while world.loop.time() < end_s:
            await asyncio.sleep(_LOOK_S)
            self._look(faults)
        # Not in the middle of a word: a resume that the disk still holds up may yet be refused.
        async with self._at_it:
            operating.cancel()
        faults.end()
        world.loop.trace.add("calm")
        await self.converge(_REST_S)

    async def converge(self, rest_s: float) -> None:
        """Raise Violation unless, with nothing going wrong any more, all comes to agree."""
        await self._until_ready()
        self.world.rest()
        await asyncio.sleep(rest_s)
        self.oracle.check_cancels()
        await self._until_settled()

    def _look(self, faults: Faults) -> None:
        for error in faults.problems():
            raise error
        if self.world.failure is not None:
            raise self.world.failure
        self.oracle.check_now()

    async def _operate(self) -> None:
        """Release halts from time to time, and restart a daemon that cannot write."""
        round_s = random.Random(f"{self.world.seed}/operator").choice(_ROUNDS_S)
        while True:
            await asyncio.sleep(round_s)
            async with self._at_it:
                await self._mend()

    async def _mend(self) -> str:
        """Do what an operator does about the causes of now; returns what stands in the way."""
        answer = await operating.status()
        if not answer.code:
            return "no answer"
        causes = dict(answer.body["causes"])
        if not causes:
            return ""
        if _RESTART & set(causes):
            self.world.terminate()
            return f"restarted for {causes}"
        if "baseline_missing" in causes:
            await operating.verb("baseline", "the operator's round")
        self.world.watch.resuming()
        answer = await operating.verb("resume", "the operator's round")
        if answer.is_done:
            return ""
        if answer.code:
            self.world.watch.refused()
        return f"{causes}; resume: {answer.body}"

    async def _until_ready(self) -> None:
        end_s, problem = self.world.loop.time() + _READY_S, "never asked"
        while self.world.loop.time() < end_s:
            problem = await self._mend()
            if not problem:
                return
            await asyncio.sleep(3)
        # What broke for ever says more. Where all goes well it is found once all has settled: to
        # read the journal twice for that costs a tenth of a seed.
        self.oracle.check_journal()
        raise Violation("not_ready", f"{_READY_S:g} s after the last fault: {problem}")

    async def _until_settled(self) -> None:
        """Take working orders off, and wait until everybody says the same."""
        end_s = self.world.loop.time() + _SETTLE_S
        is_empty = False
        while True:
            if not is_empty:
                answer = await operating.verb("cancel-orders", "the end of the day")
                # A wish from before the rest may have been sent meanwhile; it is named as kept.
                is_empty = answer.is_done and answer.body["code"] == "done"
            await asyncio.sleep(5)
            if self.world.failure is not None:
                raise self.world.failure
            answer = await operating.status()
            try:
                self.oracle.check_settled(answer)
                posture, causes = answer.body["posture"], answer.body["causes"]
                if posture != "armed":
                    raise Violation("not_armed", f"settled, but {posture} by {causes}")
            except Violation:
                if self.world.loop.time() >= end_s:
                    raise
            else:
                return
