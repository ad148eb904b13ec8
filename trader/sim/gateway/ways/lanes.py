"""The two ways between gateway and broker: requests up in their order, news down, both held when
the broker link is cut.
"""

import random
from collections import deque
from collections.abc import Callable

from trader.sim.broker.exchange import Latency
from trader.sim.clock import Clock
from trader.sim.gateway.ways.faults import Faults

# The kinds of news that a cut link holds back.
NEWS = ("orders", "executions", "commissions", "positions")
Step = Callable[[], None]


class Lanes:
    """What is on its way, for each client in the order it was sent."""

    def __init__(self, clock: Clock, faults: Faults, rng: random.Random, ack: Latency) -> None:
        self.ack = ack
        self.clock = clock
        self._faults, self._rng = faults, rng
        self._due_s: dict[int, float] = {}
        self._waiting: dict[int, deque[Step]] = {}
        self._up: list[Step] = []
        # What the cut link holds back, each with the kind of news it is.
        self._down: list[tuple[str, Step]] = []

    def up(self, client_id: int, step: Step) -> None:
        """Run a step at the broker after the latency, never before an earlier one."""
        delay_s, now = self.ack.draw(self._rng), self.clock.monotonic()
        due = max(now + delay_s, self._due_s.get(client_id, 0.0))
        waiting = self._waiting.setdefault(client_id, deque())
        if due <= now and not waiting:
            self._arrive(step)
            return
        self._due_s[client_id] = due
        waiting.append(step)
        # Timers of a real loop may fire out of order: each lets the first one through.
        self.clock.call_later(due - now, lambda: self._arrive(waiting.popleft()))

    def _arrive(self, step: Step) -> None:
        if self._faults.is_upstream_down:
            self._up.append(step)
        else:
            step()

    def down(self, kind: str, deliver: Step) -> None:
        """Let news of a kind through to the clients, unless the cut link holds it back."""
        if self._faults.is_upstream_down and not self._faults.is_delivering:
            self._down.append((kind, deliver))
        else:
            deliver()

    def release(self, replay: tuple[str, ...]) -> None:
        """Let go, in order, of what was held; news of other kinds are lost."""
        news, requests = self._down, self._up
        self._down, self._up = [], []
        for kind, deliver in news:
            if kind in replay:
                deliver()
        for step in requests:
            step()
