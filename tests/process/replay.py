"""What replays of incidents share: a scenario, the daemon beside it, and how it must come out.

A scenario is played unchanged. What the daemon never does by itself (it changes no order and asks
for no history) a scripted client does through the control port, so that the incident happens for
real beside the daemon.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.process.agreement import (
    Story,
    assert_agree,
    assert_nothing_sent_twice,
    assert_witness_agrees,
    read_story,
    settled,
)
from tests.process.harness import Daemon, Json, Simulator, until, world
from trader.sim.oracle.comparison import compare
from trader.sim.oracle.journal import read_journal
from trader.sim.oracle.testimony import told

# The client id of the daemon, and that of the scripted client beside it.
OURS, STRANGER = 7, 55
# What was written before a halt is read by then; a daemon that goes on sends dozens meanwhile.
ON_THE_WAY_S = 1.0
DRAIN_S = 40.0

Look = Callable[[Simulator, Daemon], None]


def _nothing(simulator: Simulator, daemon: Daemon) -> None:
    """Neither do nor hold anything."""


@dataclass(frozen=True, slots=True)
class Replay:
    """One scenario and what is to be seen of it."""

    name: str
    # How many steps act.
    steps: int = 1
    # Done once the daemon trades, and held once the scenario has acted and it still trades.
    provoke: Look = _nothing
    witness: Look = _nothing
    # Seconds of the scenario that are passed over.
    advance_s: float = 0.0
    # A part of a frame that must have been written, by the transcript.
    said: str = ""
    # The kinds of what `trader sim diff` must find different once a person has to look.
    different: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    changes: Mapping[str, object] = field(default_factory=dict)
    seed: int = 20240371
    # It takes long, or touches nothing that the daemon asks for: replayed only with SCENARIOS=all
    # in the environment.
    is_rare: bool = False

    def acted(self, simulator: Simulator) -> bool:
        """Tell whether every step has been done, and none in vain."""
        log = simulator.log.read_text()
        assert "ERROR" not in log, log
        return log.count(f"scenario {self.name}, line ") >= self.steps

    def has_said(self, folder: Path) -> bool:
        """Tell whether the simulator has written what it must."""
        if not self.said:
            return True
        return any(
            " < " in line and self.said in line
            for line in (folder / "transcript.txt").read_text().splitlines()
        )


def rows(replays: tuple[Replay, ...]) -> list[object]:
    """Return the parameters of a test; the rare ones are skipped unless all are wanted."""
    is_all = os.environ.get("SCENARIOS") == "all"
    why = "replayed with SCENARIOS=all"
    return [
        pytest.param(
            one, id=one.name, marks=pytest.mark.skipif(one.is_rare and not is_all, reason=why)
        )
        for one in replays
    ]


@contextmanager
def playing(folder: Path, replay: Replay) -> Iterator[tuple[Simulator, Daemon]]:
    """Start both, the simulator with its scenario; hold at the end that neither log has a crash."""
    options = ("--scenario", replay.name, *replay.options)
    if replay.said:
        options += ("--transcript", str(folder / "transcript.txt"))
    with world(folder, replay.seed, changes=replay.changes, options=options) as (simulator, daemon):
        daemon.start()
        yield simulator, daemon
        for log in (simulator.log, daemon.log):
            assert "Traceback" not in log.read_text(), log


def act_and_trade_on(folder: Path, simulator: Simulator, daemon: Daemon, replay: Replay) -> None:
    """Let the daemon trade, the scenario act, and the daemon trade on."""
    daemon.await_armed()
    replay.provoke(simulator, daemon)
    daemon.await_orders(6)
    if replay.advance_s:
        simulator.tell("/advance", seconds=replay.advance_s)
    until("the scenario has acted", lambda: replay.acted(simulator))
    until(f"{replay.said} was written", lambda: replay.has_said(folder))
    daemon.await_armed()
    daemon.await_orders(4)
    replay.witness(simulator, daemon)


def compare_at_rest(simulator: Simulator, daemon: Daemon) -> Story:
    """Halt, let everything come to rest, compare what is the daemon's; it stays halted."""
    daemon.halt()
    truth, status = settled(simulator, daemon)
    story = read_story(daemon.journal)
    assert_agree(story, of_daemon(truth), status)
    assert_witness_agrees(daemon.journal, truth)
    return story


def stays_halted(simulator: Simulator, daemon: Daemon, causes: tuple[str, ...]) -> Story:
    """Wait for the halt; hold that nothing is sent under it, twice or not, and that it stays."""
    daemon.await_cause(*causes)
    time.sleep(ON_THE_WAY_S)
    sent = len(simulator.frame_times())
    until("all is booked", lambda: is_booked(simulator, daemon))
    time.sleep(ON_THE_WAY_S)
    truth = of_daemon(simulator.truth())
    assert len(truth["place_frames"]) == sent, "sent while halted"
    assert set(causes) <= set(until("causes", daemon.causes))
    story = read_story(daemon.journal)
    assert_nothing_sent_twice(story, truth)
    return story


def differences(simulator: Simulator, daemon: Daemon) -> set[str]:
    """Return the kinds of what `trader sim diff` finds different."""
    truth = told(json.dumps(simulator.truth()).encode(), "truth")
    return {str(one.kind) for one in compare(truth, read_journal(daemon.journal)).differences}


def is_booked(simulator: Simulator, daemon: Daemon) -> bool:
    """Tell whether every execution has been booked and no order of the daemon's works."""
    status, truth = daemon.status(), of_daemon(simulator.truth())
    is_quiet = all(row["status"] in ("Filled", "Cancelled", "Inactive") for row in truth["orders"])
    return (
        status is not None
        and is_quiet
        and status["tally"]["executions"] == len(truth["executions"])
    )


def end_by_sigterm(daemon: Daemon) -> None:
    """End the daemon as systemd does; nothing is left open, and its exit code says so."""
    daemon.send(signal.SIGTERM)
    assert daemon.ended(DRAIN_S) == 0


def of_daemon(truth: Json) -> Json:
    """Return the truth without the orders and requests of scripted clients."""
    mine = {
        name: [row for row in truth[name] if row["client_id"] != STRANGER]
        for name in ("orders", "place_frames")
    }
    return {**truth, **mine}
