"""Whoever tries something outside again waits by the one rule for it, and by no other (RUN-15).

Each wait of the daemon, its adapters and its emergency is known here, and is one of two things:
its length comes from ``Backoff.wait_s``, or it stands below with what is waited for. And a loop
that goes on after an error and waits is one that tries again, whatever it is called: its wait is
by the rule, or it stands below as what it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Programs for a person at a desk, the simulator, and what only starts and measures them.
NOT_THE_DAEMON = (
    "trader/sim/",
    "trader/kill_drill/",
    "trader/chaos_drill/",
    "trader/doctor/",
    "trader/drill_stage.py",
    "trader/bench/",
    "trader/replay/",
)
# Loops that look at the daemon's own state in a fixed rhythm, inside it or from a shell.
ROUNDS = {
    "trader/commands/status.py::_watch",
    "trader/commands/tail.py::_follow",
    "trader/engine/market/bar_keeper.py::BarKeeper.fill",
    "trader/engine/risk/breakers.py::Breakers.run",
    "trader/engine/link.py::LinkWatch.beat",
    "trader/engine/told/outbox.py::Consumer._rest",
    "trader/engine/risk/probes.py::Probes.watch_disk",
    "trader/engine/risk/probes.py::Probes.watch_journal",
    "trader/engine/truth/reconciler.py::Reconciler.run_timed",
    "trader/engine/told/reporter.py::Reporter.run",
    "trader/engine/strategy/runner.py::StrategyRunner._run",
    "trader/engine/truth/settler.py::Settler.run",
    "trader/engine/acts/standing.py::StandingOrders.run",
    "trader/engine/risk/reducing.py::Reducing.run",
    "trader/engine/supervisor.py::Supervisor.every",
    "trader/engine/watch.py::Watches.checkpoint",
    "trader/engine/watch.py::Watches.kill_switch",
    "trader/engine/watch.py::Watches.staleness",
    "trader/engine/watch.py::Watches.watchdog",
    "trader/housekeeping.py::Housekeeping.run",
    "trader/ops/http_views.py::Views._ops_events",
    "trader/proof.py::ChainWalk._walk",
    "trader/proof.py::ChainWalk.run",
    "trader/reports.py::Reports._rounds",
}
# Waits, each with an end, until something that was asked for shows in what was heard.
UNTIL = {
    "trader/demo_arming.py::DemoArming.run",
    "trader/emergency/closer.py::Closer._take_back",
    "trader/emergency/closer.py::Closer.run",
    "trader/emergency/line.py::Line.open",
    "trader/emergency/liquidator.py::Liquidator._cancel",
    "trader/emergency/liquidator.py::Liquidator._earlier_promises",
    "trader/emergency/liquidator.py::Liquidator._let_settle",
    "trader/emergency/liquidator.py::Liquidator._verify",
    "trader/engine/market/descriptions.py::Descriptions.arrived",
    "trader/engine/orders/door.py::OrderDoor._cancel",
    "trader/engine/acts/drain.py::Drain._answered",
    "trader/engine/acts/drain.py::Drain._none_working",
    "trader/engine/acts/liquidation.py::Liquidation._all_held_back",
    "trader/engine/acts/liquidation.py::Liquidation._end_twins",
    "trader/engine/acts/liquidation.py::Liquidation._liquidated",
    "trader/engine/acts/liquidation.py::Liquidation._wait_until",
    "trader/engine/risk/reducing.py::Reducing._until_filled",
    "trader/engine/acts/liquidation.py::Liquidation.cancel_everything",
    "trader/engine/acts/standing.py::StandingOrders._closing_orders_end",
    "trader/ibkr/connection.py::Connection._last_one_gone",
    "trader/ops/lock_wait.py::take_in_turn",
}
# Turns for a token of our own pacing.
TURNS = {
    "trader/emergency/pace.py::Pace.take",
    "trader/engine/pacer.py::LanePacer.take",
    # Of the broker's own, for history.
    "trader/ibkr/history.py::History._turn",
}
# Long work in pieces, so that orders go in between: nothing is waited for.
PIECES = {
    "trader/engine/market/recorder.py::Recorder._lines",
    "trader/ibkr/history.py::History._read",
}
# Where the port itself is.
PORTS = {"trader/ops/clock.py::SystemClock.sleep"}
# Loops that wait and go on after an error, and try nothing outside again.
GO_ON = {
    # The next beat asks for the time anew, at its own rhythm; a long silence ends the link.
    "trader/engine/link.py::LinkWatch.beat",
    # The next round saves the book as it is then; a journal that has failed halts by itself.
    "trader/engine/watch.py::Watches.checkpoint",
    # The lock of this machine, which is no call of anything outside.
    "trader/ops/lock_wait.py::take_in_turn",
}


def modules() -> list[str]:
    return sorted(
        path
        for path in (file.relative_to(ROOT).as_posix() for file in (ROOT / "trader").rglob("*.py"))
        if not path.startswith(NOT_THE_DAEMON) and path != "trader/commands/demo.py"
    )


def functions(source: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Give every function of a text with its name; those inside of one belong to it."""

    def look(node: ast.AST, owner: str) -> Iterator[tuple[str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                yield from look(child, f"{owner}{child.name}.")
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{owner}{child.name}", child

    for name, node in look(ast.parse(source), ""):
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        yield name, node


def sleeps(node: ast.AST) -> list[ast.Call]:
    """Return every call of something that is named sleep."""
    return [
        child
        for child in ast.walk(node)
        if isinstance(child, ast.Call)
        and (
            (isinstance(child.func, ast.Attribute) and child.func.attr == "sleep")
            or (isinstance(child.func, ast.Name) and child.func.id == "sleep")
        )
    ]


def is_by_the_rule(call: ast.Call, function: ast.AST) -> bool:
    """Tell whether the length of a wait comes from the helper, there or one name before."""
    texts = [ast.unparse(argument) for argument in call.args]
    if any(".wait_s(" in text for text in texts):
        return True
    ruled = {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and ".wait_s(" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    names = {
        node.id
        for argument in call.args
        for node in ast.walk(argument)
        if isinstance(node, ast.Name)
    }
    return bool(names & ruled)


def goes_on(handler: ast.ExceptHandler) -> bool:
    """Tell whether a loop may go round again after this error."""
    last = handler.body[-1]
    return not isinstance(last, ast.Raise | ast.Return | ast.Break)


def tries_again(function: ast.AST) -> bool:
    """Tell whether a loop waits and goes on after an error, without the rule's word."""
    for loop in ast.walk(function):
        if not isinstance(loop, ast.While | ast.For | ast.AsyncFor):
            continue
        waits = [call for call in sleeps(loop) if not is_by_the_rule(call, function)]
        handlers = [node for node in ast.walk(loop) if isinstance(node, ast.ExceptHandler)]
        # The end of a wait that had a bound is no failure of anything.
        failures = [row for row in handlers if "TimeoutError" not in ast.unparse(row.type or row)]
        if waits and any(map(goes_on, failures)):
            return True
    return False


def waits_of(source: str) -> list[str]:
    """Return the functions of a text that wait and not by the rule."""
    return [
        name
        for name, function in functions(source)
        if any(not is_by_the_rule(call, function) for call in sleeps(function))
    ]


def test_each_wait_is_by_the_rule_or_is_known_with_its_reason() -> None:
    """RUN-15: nobody waits in a loop of its own."""
    found = {
        f"{path}::{name}"
        for path in modules()
        for name in waits_of((ROOT / path).read_text("utf-8"))
    }
    assert found == ROUNDS | UNTIL | TURNS | PIECES | PORTS


def test_a_loop_that_goes_on_after_an_error_waits_by_the_rule() -> None:
    """RUN-15."""
    found = {
        f"{path}::{name}"
        for path in modules()
        for name, function in functions((ROOT / path).read_text("utf-8"))
        if tries_again(function)
    }
    assert found == GO_ON


def test_nobody_else_reckons_waits_that_double() -> None:
    """A second helper would be a second rule."""
    found = {
        path
        for path in modules()
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Pow)
        and isinstance(node.left, ast.Constant)
        and node.left.value == 2
        and not isinstance(node.right, ast.Constant)
    }
    assert found == {"trader/core/backoff.py"}


AGAIN = """
async def connect(self):
    while True:
        try:
            return await self.broker.connect()
        except WorldError:
            failures += 1
        await self.clock.sleep({})
"""


@pytest.mark.parametrize("length", ["1.0", "self._pause_s", "2 ** failures"])
def test_a_loop_that_tries_again_by_itself_is_seen(length: str) -> None:
    source = AGAIN.format(length)
    ((_, function),) = functions(source)
    assert tries_again(function)
    assert waits_of(source) == ["connect"]


@pytest.mark.parametrize(
    "source",
    [
        AGAIN.format("self._backoff.wait_s(failures, self.chance.random())"),
        AGAIN.format("pause_s").replace(
            "            failures += 1", "            pause_s = backoff.wait_s(1, drawn)"
        ),
    ],
)
def test_one_that_waits_by_the_rule_is_not(source: str) -> None:
    ((_, function),) = functions(source)
    assert not tries_again(function)
    assert waits_of(source) == []
