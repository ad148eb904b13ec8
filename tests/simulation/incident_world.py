"""A world in which a shipped scenario is what happens, and nothing is drawn beside it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.simulation import operating
from tests.simulation.faults import CLIENT
from tests.simulation.incident_table import Act, Row
from tests.simulation.oracle import Oracle
from tests.simulation.processes import outside
from tests.simulation.steady import SteadyStrategy
from tests.simulation.watch import LateFill
from tests.simulation.world import SimulatedWorld
from trader.config import Configuration
from trader.engine.strategy.runner import RunnerSettings
from trader.sim.broker.exchange import Exchange
from trader.sim.host import play
from trader.sim.host.server import SimServer
from trader.sim.host.transcript import Transcript
from trader.sim.model.orders import Execution, Order
from trader.sim.oracle.records import Truth
from trader.sim.script.actions import perform, registry
from trader.sim.script.engine import Engine
from trader.sim.script.inputs import InputError
from trader.sim.script.scenario import AfterWait, AtTime
from trader.sim.script.stage import Stage
from trader.sim.settings import Settings
from trader.wiring import Deployment

# The scripted client beside the daemon, as the process tests have it.
STRANGER = 55
_LOOK_S = 0.5


class IncidentWorld(SimulatedWorld):
    """The world of one row."""

    def __init__(self, row: Row, seed: str, config: Configuration) -> None:
        super().__init__(seed, config)
        self.row = row
        self.scenario = play.find(row.name)
        self.pace = row.pace
        self.lines: list[str] = []
        # What the first order sets off must find somebody who looks.
        self.may_begin = row.is_dark
        # Until when the service manager waits with the next start; None: until it is told.
        self.away_s: float | None = 1.0
        self.engine: Engine
        self.stage: Stage

    def _broker_settings(self) -> Settings:
        settings = replace(super()._broker_settings(), tick_interval_s=self.row.tick_s)
        return play.settings_for(self.scenario, settings)

    async def _start_gateway(self, settings: Settings) -> None:
        gateway = self.gateway = SimServer(settings)
        gateway.processes = Children(self)
        gateway.transcript = Transcript(gateway.clock, self.lines.append)
        play.set_time(self.scenario, gateway.clock)
        await gateway.start()
        _note_late_fills(self, gateway.exchange)
        self.stage = play.stage_of(gateway, gateway.clock, lambda: None)
        self.engine = play.begin(self.scenario, self.stage)

    def _deployments(self, config: Configuration) -> tuple[Deployment, ...]:
        chance = random.Random(f"{self.seed}/strategy/{self.starts}")
        strategy = SteadyStrategy(chance, self.pace)
        strategy.is_resting = self.must_rest or not self.may_begin
        self.strategies = [strategy]
        return (Deployment(strategy, RunnerSettings(_LOOK_S, 1.0)),)

    def begin(self) -> None:
        """Let the strategy want something from now on."""
        self.may_begin = True
        for strategy in self.strategies:
            strategy.is_resting = False

    def _away_s(self, chance: random.Random) -> float:
        return 1.0 if self.away_s is None else self.away_s

    def _boot_again(self) -> None:
        if self.away_s is not None:
            super()._boot_again()

    async def act(self, act: Act) -> None:
        """Perform an action of the simulator, as a scenario does, or a verb of the operator's."""
        name, inputs = act
        if name == "operator":
            answer = await operating.verb(inputs["verb"], "beside the scenario")
            assert answer.is_done, answer
            if inputs["verb"] == "halt":
                self.watch.halted()
            return
        self.gateway_act(lambda: perform(self.stage, registry()[name], inputs))

    def leap(self, seconds: float) -> None:
        """Let time pass at the broker alone, in one jump."""
        self.gateway_act(lambda: self.gateway.clock.advance(seconds))

    @property
    def has_acted(self) -> bool:
        """Return whether every step of the scenario has been done."""
        scenario, engine = self.scenario, self.engine
        due = sum(step.times for step in scenario.steps if step.action is not None)
        return engine.step is None and len(engine.done) >= due

    @property
    def waits_for_time(self) -> bool:
        """Return whether the scenario has nothing before it but time."""
        step = self.engine.step
        return step is None or isinstance(step.trigger, AfterWait | AtTime)


def _note_late_fills(world: IncidentWorld, exchange: Exchange) -> None:
    """Have whatever fills an order that is over be known to the oracle."""
    real = exchange.fill_after_cancel

    def filled(order: Order, quantity: Decimal | None = None) -> Execution:
        world.watch.filling_late(
            LateFill(
                at_s=world.loop.time(), over_s=world.gateway.clock.time() - order.completed_s,
                client_id=order.client_id, order_id=order.order_id,
                symbol=order.instrument.symbol, is_buy=str(order.side) == "BUY",
                quantity=order.remaining if quantity is None else quantity,
            )
        )  # fmt: skip
        return real(order, quantity)

    exchange.fill_after_cancel = filled  # type: ignore[method-assign]


class IncidentOracle(Oracle):
    """Holds what is the daemon's; scripted clients are somebody else."""

    def __init__(self, world: IncidentWorld) -> None:
        super().__init__(world)
        self.excused = frozenset((*world.row.excused, *world.row.halts))

    def _is_ours(self, order: Order) -> bool:
        return order.client_id == CLIENT

    def _truth(self) -> Truth:
        truth = super()._truth()
        return replace(
            truth,
            orders=tuple(one for one in truth.orders if one.client_id != STRANGER),
            frames=tuple(one for one in truth.frames if one.client_id != STRANGER),
        )


class Children:
    """Implements ``trader.sim.script.processes.Processes``: the daemon, and the operator's switch.

    The switch halts and cancels by the control port, as the program does while the daemon answers.
    """

    def __init__(self, world: IncidentWorld) -> None:
        self._world = world
        self.on_change: Callable[[], None] = lambda: None
        self._switch = "waiting"

    def start(self, child: str | None) -> dict[str, Any]:
        """Start the daemon again, or throw the switch."""
        world = self._world
        if child == "switch":
            self._switch = "running"
            outside(world.loop.create_task, self._throw())
        else:
            world.away_s = 1.0
            outside(world.loop.call_later, 0.01, world._boot_again)
        self._changed_soon()
        return {"child": child}

    async def _throw(self) -> None:
        answer = await operating.verb("halt", "the scenario's switch")
        assert answer.is_done, answer
        self._world.watch.halted()
        await operating.verb("cancel-orders", "the scenario's switch")
        self._switch = "ended"
        self.on_change()

    def restart(self, child: str | None, signal: str, after_s: float) -> dict[str, Any]:
        """End the daemon, and have it started so long after."""
        self._world.away_s = after_s
        return self._end(signal)

    def send(self, child: str | None, name: str) -> dict[str, Any]:
        """End the daemon for good."""
        self._world.away_s = None
        return self._end(name)

    def _end(self, signal: str) -> dict[str, Any]:
        world = self._world
        if signal == "TERM":
            outside(world.terminate)
        else:
            assert signal == "KILL", signal
            outside(world.crash, f"SIG{signal} of the scenario")
        self._changed_soon()
        return {"signal": signal}

    def _changed_soon(self) -> None:
        self._world.loop.call_soon(self.on_change)

    def freeze(self, child: str | None, seconds: float) -> dict[str, Any]:
        """Stop the daemon for so long."""
        self._world.loop.stop_for(self._world.process, seconds)
        return {"seconds": seconds}

    def limit_files(self, child: str | None, size: int | None, seconds: float) -> dict[str, Any]:
        """Refuse: no shipped scenario of an incident asks for it."""
        raise InputError("child", child, "a process of its own")

    def lock(self, file: str | None, seconds: float) -> dict[str, Any]:
        """Refuse: who waits for a lock waits in a thread, and here is one thread."""
        raise InputError("file", file, "a process of its own")

    def unlock(self, file: str | None) -> dict[str, Any]:
        """Refuse, as there is no lock."""
        raise InputError("file", file, "a process of its own")

    def state(self, child: str | None) -> str | None:
        """Return one of CHILD_STATES."""
        if child == "switch":
            return self._switch
        return "ended" if self._world.process.is_dead else "running"

    def report(self) -> dict[str, Any]:
        """Return nothing: the oracle asks the broker alone."""
        return {"children": [], "locked": []}
