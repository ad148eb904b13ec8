"""What goes wrong in a seed: each kind with chance of its own, on or off, and how often.

A kind that is switched off takes nothing from the draws of the others, so a failing seed can be
tried without one kind after the other: each kind has a stream for when it strikes, and each of its
strikes one for what it does, so that not even what the world is like by then moves the next one.
Half of the faults strike at the n-th database call or write to the broker from now: between two
steps of something, and not at a random second. How often a kind strikes is drawn as well, and
whether it does so while the first start is still under way: a start is a time of its own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from tests.simulation import operating
from tests.simulation.processes import outside
from tests.simulation.refusals import Refusals
from tests.simulation.strategy import SYMBOLS
from tests.simulation.watch import ByHand, LateFill
from tests.simulation.world import SimulatedWorld
from trader.ops.halt_record import write_halt
from trader.sim.gateway.ways.frame_rules import Delay, Drop, Effect, Match, Repeat, Rule
from trader.sim.script.actions import perform, registry
from trader.sim.script.stage import Stage

# A kind is on in so many of the seeds.
_SHARE = 0.45
_ALIGNED = 0.5
_OPERATIONS_AHEAD = 60
# By what the mean time between two strikes of a kind is multiplied in a seed.
_STRENGTHS = (0.4, 1.0, 1.0, 2.0)
# In so many seeds a kind strikes for the first time within so many seconds.
_EARLY, _EARLY_S = 0.25, 3.0
# So many halts are followed by a restart: whoever halts a daemon often restarts it as well.
_RESTARTED = 0.35
# So many crashes end the daemon alone; at the others its host loses power.
_HAS_POWER = 0.6
_STATUS, _EXECUTION, _COMMISSION, _OPEN_ORDER = 3, 11, 59, 5
# As the settings have it by default.
CLIENT = 7
_WARNINGS = (
    (399, "Order Message: Warning: your order will not be placed before the open."),
    (10349, "Order TIF was set to DAY based on order preset."),
)
_Act = Callable[[random.Random], Awaitable[None] | None]


KINDS = (
    "reset",
    "half-open",
    "black hole",
    "gateway restart",
    "upstream",
    "mute",
    "crash",
    "sigterm",
    "stopped",
    "clock step",
    "full disk",
    "slow sync",
    "bad sync",
    "halt",
    "halt file",
    "late words",
    "lost words",
    "swallowed order",
    "late fill",
    "correction",
    "broker's end",
    "terminal",
    "slow gateway",
    "order ids",
    "handshake",
    "cancel orders",
    "warning",
    "refused order",
    "trouble with changes",
    "trouble with cancels",
)
# How slow the link is, and how it cuts its bytes: always drawn, and can be left out as well.
WEATHER = "weather"


def chosen_in(seed: str) -> tuple[str, ...]:
    """Return the kinds that a seed switches on: known without playing it."""
    return tuple(name for name in KINDS if random.Random(f"{seed}/fault/{name}").random() < _SHARE)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a kind strikes in a seed: known without playing it as well."""

    # By what the mean time between two strikes is multiplied.
    strength: float
    # When it strikes for the first time, where that is during the first start.
    first_s: float | None
    # Draws the time between two strikes.
    pauses: random.Random


def rhythm_in(seed: str, name: str) -> Rhythm:
    """Return when a kind strikes in a seed that switches it on."""
    pauses = random.Random(f"{seed}/fault/{name}/when")
    strength = pauses.choice(_STRENGTHS)
    first_s = pauses.uniform(0, _EARLY_S) if pauses.random() < _EARLY else None
    return Rhythm(strength, first_s, pauses)


class Faults:
    """The faults of one world."""

    def __init__(self, world: SimulatedWorld, without: frozenset[str]) -> None:
        self._world = world
        self._net = world.loop.network
        self._is_over = False
        self._tasks: list[asyncio.Task[None]] = []
        self._refusals = Refusals(world, self._act, CLIENT)
        self._ends: list[Callable[[], None]] = [self._refusals.end]
        # Kind, the mean seconds between two of it, what it does.
        kinds: tuple[tuple[str, float, _Act], ...] = (
            ("reset", 25, self._reset),
            ("half-open", 40, self._halve),
            ("black hole", 40, self._hole),
            ("gateway restart", 45, self._restart),
            ("upstream", 45, self._upstream),
            ("mute", 45, self._mute),
            ("crash", 25, self._crash),
            ("sigterm", 60, self._sigterm),
            ("stopped", 40, self._stop),
            ("clock step", 30, self._step_clock),
            ("full disk", 60, self._fill_disk),
            ("slow sync", 30, self._slow_sync),
            ("bad sync", 45, self._bad_sync),
            ("halt", 60, self._halt),
            ("halt file", 80, self._halt_file),
            ("late words", 20, self._late_words),
            ("lost words", 25, self._lost_words),
            ("swallowed order", 30, self._swallow),
            ("late fill", 10, self._fill_late),
            ("correction", 25, self._correct),
            ("broker's end", 20, self._end_order),
            ("terminal", 15, self._use_terminal),
            ("slow gateway", 30, self._slow_gateway),
            ("order ids", 40, self._roll_ids_back),
            ("handshake", 30, self._spoil_handshake),
            ("cancel orders", 25, self._cancel_orders),
            ("warning", 15, self._warn),
            ("refused order", 20, self._refusals.refuse_order),
            ("trouble with changes", 15, self._refusals.trouble_change),
            ("trouble with cancels", 15, self._refusals.trouble_cancel),
        )
        assert tuple(name for name, _, _ in kinds) == KINDS, "named once more above"
        chosen = chosen_in(world.seed)
        for name, mean_s, act in kinds:
            if name in chosen and name not in without:
                work = self._repeat(name, mean_s, act)
                self._tasks.append(world.loop.create_task(work, name=f"fault {name}"))
        if WEATHER not in without:
            self._draw_weather(random.Random(f"{world.seed}/weather"))

    def _draw_weather(self, chance: random.Random) -> None:
        weather = self._net.weather
        weather.latency_s = chance.choice((0.0005, 0.002, 0.02, 0.15))
        weather.split = chance.choice((0.0, 0.02, 0.3))
        weather.coalesce = chance.choice((0.0, 0.3, 0.9))

    async def _repeat(self, name: str, mean_s: float, act: _Act) -> None:
        world = self._world
        rhythm = rhythm_in(world.seed, name)
        mean_s, pause_s = mean_s * rhythm.strength, rhythm.first_s
        for number in count(1):
            drawn_s = rhythm.pauses.expovariate(1 / mean_s) if pause_s is None else pause_s
            await asyncio.sleep(drawn_s)
            pause_s = None
            if self._is_over:
                return
            world.watch.faults[name] += 1
            world.loop.trace.add(f"fault {name}")
            doing = act(random.Random(f"{world.seed}/fault/{name}/{number}"))
            if doing is not None:
                await doing

    def problems(self) -> list[BaseException]:
        """Return what the faults themselves ran into."""
        ended = [task for task in self._tasks if task.done() and not task.cancelled()]
        return [error for task in ended if (error := task.exception()) is not None]

    def end(self) -> None:
        """Make everything well again."""
        self._is_over = True
        for task in self._tasks:
            task.cancel()
        for undo in self._ends:
            undo()
        world, weather = self._world, self._net.weather
        weather.latency_s, weather.split, weather.coalesce = 0.001, 0.02, 0.3
        weather.hole_until_s = 0.0
        world.process.crash_at_step = world.disk.crash_at_step = -1
        world.disk.bytes_max, world.disk.sync_s, world.disk.sync_failure = None, 0.0008, 0.0
        world.gateway_act(self._mend_gateway)

    def _mend_gateway(self) -> None:
        gateway = self._world.gateway
        gateway.mute(False)
        if gateway.faults.is_upstream_down:
            self._act("upstream", up=True, data_lost=True)
        gateway.faults.frame_rules.clear()
        for swallow in gateway.faults.swallow.values():
            swallow.count = 0
        gateway.faults.handshakes.faults.clear()
        self._act("ack", lo_ms=1, hi_ms=5)
        if not gateway.is_listening:
            gateway.come_up()

    def _aligned(self, chance: random.Random, spring: Callable[[], object]) -> None:
        """Strike now, or in the middle of what the daemon does next."""
        if chance.random() >= _ALIGNED:
            spring()
            return

        def sprung() -> None:
            if not self._is_over:
                spring()

        self._world.loop.at_operation(chance.randint(1, _OPERATIONS_AHEAD), sprung)

    async def _struck(self, chance: random.Random, spring: Callable[[], object]) -> None:
        """Strike in the same way, and return once it has."""
        done: asyncio.Future[None] = self._world.loop.create_future()

        def sprung() -> None:
            spring()
            done.set_result(None)

        self._aligned(chance, sprung)
        await done

    # ---- the link

    def _reset(self, chance: random.Random) -> None:
        self._aligned(chance, self._net.reset)

    def _halve(self, chance: random.Random) -> None:
        self._aligned(chance, self._net.halve)

    def _hole(self, chance: random.Random) -> None:
        seconds = chance.choice((0.5, 3, 8, 20))

        def fall_silent() -> None:
            self._net.weather.hole_until_s = self._world.loop.time() + seconds

        self._aligned(chance, fall_silent)

    async def _restart(self, chance: random.Random) -> None:
        world, how = self._world, chance.choice(("fin", "rst"))
        await self._struck(chance, lambda: world.gateway_act(lambda: world.gateway.go_down(how)))
        await asyncio.sleep(chance.uniform(0.5, 10))
        world.gateway_act(world.gateway.come_up)

    async def _upstream(self, chance: random.Random) -> None:
        await self._struck(chance, lambda: self._act("upstream", up=False))
        await asyncio.sleep(chance.uniform(0.5, 10))
        self._act("upstream", up=True, data_lost=chance.random() < 0.5)

    async def _mute(self, chance: random.Random) -> None:
        world, gateway = self._world, self._world.gateway
        await self._struck(chance, lambda: world.gateway_act(lambda: gateway.mute(True)))
        await asyncio.sleep(chance.choice((0.5, 3, 9)))
        self._world.gateway_act(lambda: gateway.mute(False))

    # ---- what the gateway says

    def _act(self, name: str, **inputs: object) -> None:
        """Perform an action of the simulator by its name, as a scenario does."""
        action, gateway = registry()[name], self._world.gateway
        stage = Stage(gateway, lambda: None, gateway.clock.advance, random.Random(0))
        self._world.gateway_act(lambda: perform(stage, action, inputs))

    def _rule(self, effect: Effect, match: Match, count: int) -> None:
        rules = self._world.gateway.faults.frame_rules
        rules.append(Rule(f"drawn {len(rules)}", match, effect, left=count))

    def _late_words(self, chance: random.Random) -> None:
        kind = chance.choice((_STATUS, _EXECUTION, _COMMISSION, _OPEN_ORDER))
        # An order that comes after the end of its list would be a list that lacks it.
        is_late = kind != _OPEN_ORDER and chance.random() < 0.5
        effect = Delay((0.1, 4.0)) if is_late else Repeat(2)
        self._rule(effect, _unasked(kind), chance.randint(1, 20))

    def _lost_words(self, chance: random.Random) -> None:
        kind = chance.choice((_STATUS, _EXECUTION, _COMMISSION))
        self._rule(Drop(), _unasked(kind), chance.randint(1, 4))

    def _swallow(self, chance: random.Random) -> None:
        swallow = self._world.gateway.faults.swallow["placeOrder"]
        swallow.count, swallow.register = 1, chance.random() < 0.5

    def _fill_late(self, chance: random.Random) -> None:
        """Fill, after all, an order that was told as cancelled."""
        exchange = self._world.gateway.exchange
        done = [one for one in exchange.register.everything() if str(one.status) == "Cancelled"]
        recent = [one for one in done[-3:] if one.remaining > 0 and one.order_id > 0]
        if recent:
            order = chance.choice(recent)
            self._world.watch.filling_late(
                LateFill(
                    at_s=self._world.loop.time(),
                    # The broker's own clock says when it was over, so it says for how long.
                    over_s=self._world.gateway.clock.time() - order.completed_s,
                    client_id=order.client_id,
                    order_id=order.order_id,
                    symbol=order.instrument.symbol,
                    is_buy=str(order.side) == "BUY",
                    quantity=order.remaining,
                )
            )
            self._world.gateway_act(lambda: exchange.fill_after_cancel(order))

    def _correct(self, chance: random.Random) -> None:
        """Correct the price of a recent execution by a cent."""
        exchange = self._world.gateway.exchange
        recent = [one for one in exchange.trades.items[-5:] if one.order_id > 0]
        if recent:
            item = chance.choice(recent)
            price = item.told_price + Decimal("0.01")
            self._world.gateway_act(lambda: exchange.correct(item.exec_id, price, item.quantity))

    def _end_order(self, chance: random.Random) -> None:
        """Have the broker cancel a live order that nobody asked to cancel."""
        exchange = self._world.gateway.exchange
        live = [one for one in exchange.register.everything() if str(one.status) == "Submitted"]
        if live:
            order = chance.choice(live[-5:])
            self._world.gateway_act(lambda: exchange.end(order))

    def _use_terminal(self, chance: random.Random) -> None:
        """Have a person trade a little in the same account, or cancel what works there.

        Not while it is taken over: whoever trades in that moment has to look at the cash.
        """
        if not self._world.watch.sent:
            return
        exchange = self._world.gateway.exchange
        draw, symbol = chance.random(), chance.choice(SYMBOLS)
        live = [one for one in exchange.register.everything() if not one.status.is_done]
        if draw < 0.3 and live:
            order = chance.choice(live[-8:])
            self._world.gateway_act(lambda: exchange.cancel(order))
            return
        held = sum(
            (
                one.quantity
                for one in exchange.bank.main.positions.values()
                if one.instrument.symbol == symbol
            ),
            Decimal(0),
        )
        quantity = Decimal(chance.randint(1, 5))
        side = "SELL" if held >= quantity and chance.random() < 0.5 else "BUY"
        self._world.watch.by_hand.append(ByHand(symbol, side == "BUY", quantity))
        # Far from the market, so that it works until it is cancelled.
        price = {"type": "LMT", "limit": "1" if side == "BUY" else "9999"} if draw > 0.7 else {}
        self._act("manual-order", symbol=symbol, side=side, quantity=f"{quantity}", **price)

    async def _slow_gateway(self, chance: random.Random) -> None:
        # Less than the time between the two looks that prove an absence.
        slowest_ms = chance.choice((300, 800, 1_200, 1_900))
        self._act("ack", lo_ms=1, hi_ms=slowest_ms)
        await asyncio.sleep(chance.uniform(3, 15))
        self._act("ack", lo_ms=1, hi_ms=5)

    def _warn(self, chance: random.Random) -> None:
        """Say something of a live order that does not end it."""
        exchange = self._world.gateway.exchange
        live = [one for one in exchange.register.everything() if not one.status.is_done]
        ours = [one for one in live[-5:] if one.order_id > 0 and one.client_id == CLIENT]
        if ours:
            code, text = chance.choice(_WARNINGS)
            order_id = chance.choice(ours).order_id
            self._act("inject", req_id=order_id, code=code, text=text, client_id=CLIENT)

    def _roll_ids_back(self, chance: random.Random) -> None:
        """Propose ids at the next connect that were used long ago."""
        self._act("order-ids", client_id=CLIENT, next=chance.choice((1, 5, 20)))

    def _spoil_handshake(self, chance: random.Random) -> None:
        kinds = ("silence", "eof", "reset", "no-next-valid-id", "no-accounts", "no-session")
        self._act("handshake", kind=chance.choice(kinds), count=chance.randint(1, 2))

    # ---- the host

    def _stop(self, chance: random.Random) -> None:
        seconds, process = chance.choice((0.3, 1.5, 4.0, 12.0)), self._world.process

        def stop() -> None:
            if not process.is_dead:
                self._world.loop.stop_for(process, seconds)

        self._aligned(chance, stop)

    def _crash(self, chance: random.Random) -> None:
        world, draw, has_power = self._world, chance.random(), chance.random() < _HAS_POWER
        if world.process.is_dead:
            return
        world.has_power_at_crash = has_power
        if draw < 0.3:
            world.process.crash_at_step = world.process.steps + chance.randint(1, 2_000)
        elif draw < 0.6:
            world.disk.crash_at_step = world.disk.steps + chance.randint(1, 60)
        else:
            process = world.process

            def crash() -> None:
                if world.process is process and not self._is_over:
                    world.crash("operation", has_power=has_power)

            world.loop.at_operation(chance.randint(1, _OPERATIONS_AHEAD), crash)

    def _sigterm(self, chance: random.Random) -> None:
        self._aligned(chance, self._world.terminate)

    def _step_clock(self, chance: random.Random) -> None:
        self._world.wall.step(chance.choice((-3600, -5, -1, 1, 5, 3600)))

    async def _fill_disk(self, chance: random.Random) -> None:
        self._world.disk.bytes_max = self._world.disk.used() + chance.choice((0, 8_000, 40_000))
        await asyncio.sleep(chance.uniform(2, 15))
        self._world.disk.bytes_max = None

    async def _slow_sync(self, chance: random.Random) -> None:
        self._world.disk.sync_s = chance.choice((0.02, 0.3, 3.0))
        await asyncio.sleep(chance.uniform(2, 10))
        self._world.disk.sync_s = 0.0008

    async def _bad_sync(self, chance: random.Random) -> None:
        self._world.disk.sync_failure = 0.3
        await asyncio.sleep(chance.uniform(0.5, 3))
        self._world.disk.sync_failure = 0.0

    # ---- the operator

    def _halt(self, chance: random.Random) -> None:
        world = self._world

        async def ask() -> None:
            before = world.watch.resumes
            answer = await operating.verb("halt", "drawn")
            if answer.is_done and world.watch.resumes == before:
                world.watch.halted()
                if is_restarted and not self._is_over:
                    world.terminate()

        is_restarted = chance.random() < _RESTARTED
        self._asking(chance, ask)

    def _asking(self, chance: random.Random, ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have an operator ask for something, now or in the middle of what the daemon does."""

        def begin() -> None:
            task = self._world.loop.create_task(ask(), name="operator's word")
            self._tasks.append(task)

        self._aligned(chance, begin)

    def _cancel_orders(self, chance: random.Random) -> None:
        async def ask() -> None:
            await operating.verb("cancel-orders", "drawn")

        self._asking(chance, ask)

    def _halt_file(self, chance: random.Random) -> None:
        world = self._world

        def write() -> None:
            at = datetime.fromtimestamp(world.wall.time(), UTC)
            write_halt(world.config.halt_file, "drawn", "simulation", at)
            # Whoever is in the middle of a write is past its last look.
            outside(world.loop.call_soon, world.watch.halted)

        self._aligned(chance, write)


def _unasked(kind: int) -> Match:
    """Match a kind of message, executions only where they answer no request.

    A list that lacks one would be the broker's own lie, which a person has to judge.
    """
    return Match(frozenset({kind}), where=(("reqId", "-1"),) if kind == _EXECUTION else ())
