"""Steps happen in their order, at their triggers, and as the seed says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, memory_host, playing
from tests.unit.sim.support import place_fields
from trader.sim.host import play
from trader.sim.script.engine import DONE_MAX
from trader.sim.script.loader import load_text
from trader.sim.script.processes import NoProcesses

HEAD = "name: t\nwhy: a test\n"


def done(engine: Any) -> list[str]:
    return [name for name, _ in engine.done]


def test_steps_wait_for_the_one_before() -> None:
    host, engine = playing(
        HEAD
        + """
steps:
- {wait: 2s, action: duplicate, with: {times: 2}}
- {at: 1s, action: duplicate, with: {times: 3}}
- {wait: 500ms, action: duplicate, with: {times: 4}}
- {end: true}
"""
    )
    host.clock.advance(1.5)
    assert engine.done == []
    host.clock.advance(0.5)
    assert [found["times"] for _, found in engine.done] == [2, 3]
    assert not engine.is_ended
    host.clock.advance(0.5)
    assert [found["times"] for _, found in engine.done] == [2, 3, 4]
    assert engine.is_ended


def test_the_third_order_is_counted_before_it_is_handled() -> None:
    host, engine = playing(
        HEAD
        + """
steps:
- before: {message: placeOrder, count: 3}
  action: ignore
  with: {message: placeOrder}
"""
    )
    wire = Wire(host)
    for number in (1, 2, 3, 4):
        wire.send(*place_fields(number, kind="LMT", limit=50))
    wire.wait()
    assert done(engine) == ["ignore"]
    assert [o.order_id for o in host.exchange.orders.values()] == [1, 2, 4]


def test_a_message_sent_names_what_later_inputs_speak_of() -> None:
    host, engine = playing(
        HEAD
        + """
steps:
- sent: {message: orderStatus, where: {status: Submitted}, client_id: 7}
  action: inject
  with: {req_id: $order_id, code: 399, text: hello, client_id: $client_id}
"""
    )
    wire, other = Wire(host), Wire(host, 8)
    wire.send(*place_fields(41, kind="LMT", limit=50))
    errors = wire.frames(4)
    assert [(f[2], f[3], f[4]) for f in errors] == [("41", "399", "hello")]
    assert other.frames(4) == []
    assert engine.failures == []


def test_a_state_fires_when_it_holds_and_at_once_if_it_holds_already() -> None:
    host, engine = playing(
        HEAD
        + """
steps:
- when: {order: Filled, symbol: AAPL}
  action: manual-trade
  with: {symbol: $symbol, side: SELL, quantity: 1}
- when: {executions: 2}
  action: duplicate
  with: {times: 2}
"""
    )
    wire = Wire(host)
    wire.send(*place_fields(1, kind="LMT", limit=50))
    wire.wait(1)
    assert engine.done == []
    wire.send(*place_fields(2, quantity=1))
    wire.wait(2)
    assert sorted(done(engine)) == ["duplicate", "manual-trade"]
    assert len(host.exchange.executions) == 2


def test_a_step_may_be_repeated_with_pauses() -> None:
    host, engine = playing(
        HEAD
        + """
steps:
- {action: inject, with: {req_id: -1, code: 1100, text: lost}, times: 3, every: 4s}
"""
    )
    wire = Wire(host)
    wire.wait(8)
    assert [f[3] for f in wire.frames(4) if f[3] == "1100"] == ["1100", "1100"]
    assert len(engine.done) == 3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_seed_draws_everything_the_file_leaves_open(seed: int) -> None:
    text = (
        HEAD
        + """
steps:
- wait: {between: [1.0, 9.0]}
  action: duplicate
  with: {times: {between: [2, 90]}}
- action: commission
  with: {mode: {pick: [normal, never, first]}}
"""
    )
    runs = []
    for _ in range(2):
        host, engine = playing(text, seed=seed)
        steps = 0
        while len(engine.done) < 2:
            host.clock.advance(0.25)
            steps += 1
            assert steps < 100
        runs.append((steps, engine.done))
    assert runs[0] == runs[1]
    other, drawn = playing(text, seed=seed + 100)
    other.clock.advance(10.0)
    assert drawn.done != runs[0][1]


def test_an_input_that_fails_while_playing_is_reported_and_the_play_goes_on() -> None:
    host, engine = playing(
        HEAD
        + """
steps:
- {action: click}
- {action: duplicate, with: {times: 2}}
"""
    )
    assert done(engine) == ["duplicate"]
    assert "open dialog" in engine.failures[0]
    assert "line 5" in engine.failures[0]
    assert host.faults.copies == 2


def test_a_long_row_of_repeats_holds_one_timer_and_its_own_moments() -> None:
    host, engine = playing(
        HEAD + "steps:\n- {action: duplicate, with: {times: 2}, times: 9000, every: 10s}\n"
    )
    host.clock.advance(1.0)
    assert len(engine.done) == 1
    host.clock.advance(89_989.5)
    # Only the last answers are kept.
    assert DONE_MAX <= len(engine.done) < 2 * DONE_MAX
    before = len(engine.done)
    host.clock.advance(0.5)
    assert len(engine.done) == before
    assert before % DONE_MAX == 9000 % DONE_MAX
    host.clock.advance(100.0)
    assert len(engine.done) == before


class OneChild(NoProcesses):
    """A child whose state a test sets."""

    now = "waiting"

    def state(self, child: str | None) -> str | None:
        return self.now if child in (None, "bot") else None

    def become(self, state: str) -> None:
        self.now = state
        self.on_change()


@pytest.mark.parametrize("named", ["", "child: bot, "])
def test_a_step_may_wait_for_what_a_process_does(named: str) -> None:
    scenario = load_text(
        HEAD
        + f"""
steps:
- {{when: {{{named}child_state: ended}}, action: duplicate, with: {{times: 2}}}}
- {{when: {{{named}child_state: running}}, action: duplicate, with: {{times: 3}}}}
"""
    )
    host = memory_host()
    host.processes = child = OneChild()
    engine = play.begin(scenario, play.stage_of(host, host.clock, lambda: None))
    heard = []
    for state in ("running", "frozen", "ended", "running"):
        child.become(state)
        heard.append(len(engine.done))
    assert heard == [0, 0, 1, 2]
