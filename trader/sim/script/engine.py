"""Plays a scenario: watches messages, orders and time, and performs each step in its turn.

A step is armed when the one before is done; what happened earlier does not count for it. The
engine does no I/O and knows no host: timers of the clock, the witness of all messages and the
gateway's note that something changed drive it, under virtual time and under asyncio alike.
"""

import logging
import random
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from trader.sim.gateway.ways.intake import own_id, value_of
from trader.sim.model.orders import Order
from trader.sim.script.actions import perform
from trader.sim.script.inputs import InputError
from trader.sim.script.scenario import (
    AfterWait,
    AtTime,
    Immediately,
    OnMessage,
    OnState,
    Scenario,
    Step,
    drawn,
    resolved,
)
from trader.sim.script.stage import Stage
from trader.sim.wire.places import places

log = logging.getLogger("trader.sim")
# Steps that follow at once run in one go up to here; a longer row is a scenario that never waits.
AT_ONCE_MAX = 10_000
# So many answers of performed actions are kept.
DONE_MAX = 1_000
# The layout by which fields are named; the named ones stand at the same place in all below 192.
SV = 178
_KNOWN = {
    "orderId": "order_id", "reqId": "request_id", "execId": "exec_id", "permId": "perm_id",
}  # fmt: skip


class Engine:
    """One play of one scenario."""

    def __init__(self, scenario: Scenario, stage: Stage, on_end: Callable[[], None]) -> None:
        self.scenario, self._stage, self._on_end = scenario, stage, on_end
        rng = stage.rng
        # Everything left to chance is drawn at once, in the order of the file.
        self._draws = [_draw(step, rng) for step in scenario.steps]
        self._place = 0
        self._seen = 0
        self._counted: set[int] = set()
        self._started_s = 0.0
        self._known: dict[str, Any] = {"account": stage.host.exchange.bank.main.name}
        self._events: deque[Callable[[], None]] = deque()
        self._is_busy = False
        self.is_ended = False
        # What the last performed actions answered, in order, for the log and for tests.
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[str] = []

    def start(self) -> None:
        """Begin to watch and arm the first step."""
        host = self._stage.host
        self._started_s = host.clock.monotonic()
        host.faults.witness = self
        before = host.gateway.on_change

        def changed() -> None:
            before()
            self._happened(self._look)

        host.gateway.on_change = changed
        host.processes.on_change = lambda: self._happened(self._look)
        self._happened(self._arm)

    @property
    def step(self) -> Step | None:
        """Return the step that is waited for, None after the last."""
        return self.scenario.steps[self._place] if self._place < len(self._draws) else None

    # -- what is watched (gateway.faults.Witness) -----------------------------------------------

    def receiving(self, client_id: int, fields: list[str]) -> None:
        """A message has come and is about to be handled."""
        self._note_message("before", client_id, fields)

    def received(self, client_id: int, fields: list[str]) -> None:
        """A message has been handled."""
        self._note_message("after", client_id, fields)

    def sent(self, client_id: int, message_id: int, frame: bytes) -> None:
        """A frame has been written."""
        step = self.step
        if step is None or not isinstance(step.trigger, OnMessage):
            return
        if step.trigger.moment == "sent" and step.trigger.message_id == message_id:
            fields = frame[4:].decode().split("\0")[:-1]
            self._note_message("sent", client_id, fields)

    def _note_message(self, moment: str, client_id: int, fields: list[str]) -> None:
        self._happened(lambda: self._message(moment, client_id, fields))

    def _happened(self, event: Callable[[], None]) -> None:
        """Take one event after the other, also those that a step itself brings about."""
        self._events.append(event)
        if self._is_busy:
            return
        self._is_busy = True
        try:
            while self._events:
                self._events.popleft()()
        finally:
            self._is_busy = False

    # -- triggers ---------------------------------------------------------------------------------

    def _arm(self) -> None:
        """Wait for the next step's trigger; go on at once when it needs no waiting."""
        for _ in range(AT_ONCE_MAX):
            step = self.step
            if step is None or self.is_ended:
                return
            self._seen = 0
            self._counted.clear()
            wait_s = self._wait_s(step)
            if wait_s is None:
                self._look()
                return
            if wait_s > 0:
                self._later(wait_s, self._place)
                return
            self._perform(step)
        raise AssertionError(f"scenario {self.scenario.name}: a row of steps never waits")

    def _later(self, wait_s: float, place: int) -> None:
        def due() -> None:
            if self._place == place and not self.is_ended:
                self._happened(self._fire)

        self._stage.host.clock.call_later(wait_s, due)

    def _wait_s(self, step: Step) -> float | None:
        """Return the seconds until a step by time, None for one by event."""
        _, trigger_value = self._draws[self._place]
        match step.trigger:
            case Immediately():
                return 0.0
            case AfterWait():
                return float(trigger_value)
            case AtTime():
                passed_s = self._stage.host.clock.monotonic() - self._started_s
                return max(float(trigger_value) - passed_s, 0.0)
        return None

    def _message(self, moment: str, client_id: int, fields: list[str]) -> None:
        step = self.step
        if step is None or not isinstance(step.trigger, OnMessage) or self.is_ended:
            return
        trigger = step.trigger
        if trigger.moment != moment or int(fields[0]) != trigger.message_id:
            return
        if trigger.client_id not in (None, client_id):
            return
        at = places(trigger.message_id, SV) if moment == "sent" else {}
        if not all(_field(moment, fields, name, at) == text for name, text in trigger.where):
            return
        self._seen += 1
        if self._seen < int(self._draws[self._place][1]):
            return
        self._known |= {"client_id": client_id, **_facts(moment, fields, at)}
        self._fire()

    def _look(self) -> None:
        step = self.step
        if step is None or not isinstance(step.trigger, OnState) or self.is_ended:
            return
        if self._holds(step.trigger):
            self._fire()

    def _holds(self, state: OnState) -> bool:
        host = self._stage.host
        counts = (
            (state.clients, len(host.gateway.clients)),
            (state.executions, len(host.exchange.executions)),
            (state.orders, len(host.exchange.orders)),
        )
        if any(wanted is not None and have < wanted for wanted, have in counts):
            return False
        if state.listening is not None and state.listening != host.is_listening:
            return False
        if state.child_state not in (None, host.processes.state(state.child)):
            return False
        wants = (state.order, state.order_ref, state.symbol, state.order_type)
        if not any(wants) and state.filled_at_least is None:
            return True
        for order in reversed(list(host.exchange.orders.values())):
            if _is_wanted(order, state):
                self._known |= {
                    "order_id": order.order_id, "client_id": order.client_id,
                    "perm_id": order.perm_id, "order_ref": order.order_ref,
                    "symbol": order.instrument.symbol,
                }  # fmt: skip
                return True
        return False

    # -- steps ------------------------------------------------------------------------------------

    def _fire(self) -> None:
        step = self.step
        assert step is not None, "a trigger belongs to a step"
        self._perform(step)
        self._arm()

    def _perform(self, step: Step) -> None:
        inputs, _ = self._draws[self._place]
        self._place += 1
        if step.is_end:
            self._end()
            return
        if step.action is None:
            return
        for _ in range(1 if step.every_s else step.times):
            self._act(step, inputs)
        if step.every_s and step.times > 1:
            self._repeat(step, inputs)

    def _repeat(self, step: Step, inputs: dict[str, Any]) -> None:
        """Set one timer at a time: a long row of them must not lie in the memory."""
        known, clock = dict(self._known), self._stage.host.clock
        started_s = clock.monotonic()

        def plan(number: int) -> None:
            def again() -> None:
                if self.is_ended:
                    return
                self._known |= known
                self._act(step, inputs)
                if number + 1 < step.times:
                    plan(number + 1)

            due_s = started_s + number * step.every_s
            clock.call_later(max(due_s - clock.monotonic(), 0.0), again)

        plan(1)

    def _act(self, step: Step, inputs: dict[str, Any]) -> None:
        action = step.action
        assert action is not None, "asked by the caller"
        if action.is_deferred:
            known = dict(self._known)
            self._stage.host.clock.call_later(0.0, lambda: self._do(step, inputs, known))
        else:
            self._do(step, inputs, self._known)

    def _do(self, step: Step, inputs: dict[str, Any], known: dict[str, Any]) -> None:
        action = step.action
        assert action is not None, "asked by the caller"
        try:
            found = perform(self._stage, action, resolved(inputs, known))
        except InputError as error:
            text = f"{self.scenario.name}, line {step.line}: {action.name}: {error}"
            self.failures.append(text)
            log.error("scenario %s", text)
            return
        self._known |= found
        self.done.append((action.name, found))
        if len(self.done) >= 2 * DONE_MAX:
            del self.done[:-DONE_MAX]
        log.info("scenario %s, line %d: %s %s", self.scenario.name, step.line, action.name, found)

    def _end(self) -> None:
        self.is_ended = True
        self._stage.host.faults.witness = None
        self._on_end()


def _draw(step: Step, rng: random.Random) -> tuple[dict[str, Any], Any]:
    """Return the step's inputs and what its trigger leaves to chance, drawn."""
    trigger = step.trigger
    value = None
    if isinstance(trigger, AtTime | AfterWait):
        value = drawn(trigger.seconds, rng)
    elif isinstance(trigger, OnMessage):
        value = drawn(trigger.count, rng)
    return drawn(dict(step.inputs), rng), value


def _field(moment: str, fields: list[str], name: str, at: dict[str, int]) -> str | None:
    if moment != "sent":
        return value_of(fields, name, SV)
    place = int(name) if name.isdecimal() else at.get(name)
    return fields[place] if place is not None and place < len(fields) else None


def _facts(moment: str, fields: list[str], at: dict[str, int]) -> dict[str, Any]:
    """Return what a message tells by name: ids that later inputs may speak of."""
    if moment != "sent":
        ident = own_id(fields, SV)
        name = "order_id" if int(fields[0]) in (3, 4) else "request_id"
        return {} if ident < 0 else {name: ident}
    found: dict[str, Any] = {}
    for wire_name, name in _KNOWN.items():
        text = _field(moment, fields, wire_name, at)
        if text:
            found[name] = int(text) if name != "exec_id" and text.lstrip("-").isdigit() else text
    return found


def _is_wanted(order: Order, state: OnState) -> bool:
    if state.filled_at_least is not None and order.filled < Decimal(state.filled_at_least):
        return False
    pairs = (
        (state.order, str(order.status)), (state.order_ref, order.order_ref),
        (state.symbol, order.instrument.symbol), (state.order_type, order.order_type),
    )  # fmt: skip
    return all(wanted in (None, have) for wanted, have in pairs)
