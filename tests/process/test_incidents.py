"""Goal: shipped incidents, replayed against the real daemon, cost neither an order nor a fill.

Method: the simulator plays a scenario file while the daemon trades heavily through it. What is
only noise must not halt it; what blinds it must halt it until the fault is over, and then it must
arm by itself; what only a person can judge must leave it halted with nothing sent since. In every
case no order goes out twice, and once all is settled `trader sim diff` agrees. Hours of a scenario
pass through the simulator's `advance`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.process.agreement import (
    assert_nothing_sent_twice,
    halt_and_compare,
    read_story,
)
from tests.process.harness import Daemon, Simulator, until, world
from tests.process.recovery import recovery
from trader.sim.oracle.comparison import compare
from trader.sim.oracle.journal import read_journal
from trader.sim.oracle.testimony import told

SEED = 20240370
# What was written before the halt is read by then.
ON_THE_WAY_S = 1.0

pytestmark = [pytest.mark.process, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class Incident:
    """One scenario: how many steps it acts in, and what the daemon must be halted by."""

    name: str
    steps: int
    causes: tuple[str, ...] = ()
    # Seconds of the scenario that are passed over once the daemon is halted.
    advance_s: float = 0.0
    # So many of the steps make the fault; the rest takes it back.
    fault_steps: int = 1

    def acted(self, simulator: Simulator, steps: int | None = None) -> bool:
        """Tell whether the first steps, or all, have been done, and none in vain."""
        log = simulator.log.read_text()
        assert "ERROR" not in log, log
        return log.count(f"scenario {self.name}, line ") >= (steps or self.steps)


# What is said of an order may be repeated, late, missing, out of turn or refused: noise.
NOISE = (
    Incident("inc-001-note-on-the-order", steps=2),
    Incident("inc-013-filled-without-any-status", steps=1),
    Incident("inc-026-execution-before-the-order", steps=1),
    Incident("inc-034-every-frame-several-times", steps=1),
    Incident("inc-129-refused-after-a-part-has-filled", steps=1),
)
BLIND = (
    Incident("inc-002-orders-lost-before-the-restart", 2, ("link",), 90, fault_steps=2),
    Incident("inc-003-fills-while-the-link-is-down", 2, ("upstream",), 11),
)
LATE = Incident("inc-007-acknowledged-after-the-deadline", 1, ("invariant",), advance_s=45)
FOR_A_PERSON = (
    Incident("inc-054-an-order-of-size-zero", 1, ("invariant",)),
    Incident("inc-113-one-field-less", 2, ("decode_error",)),
)


@contextmanager
def trading(folder: Path, incident: Incident) -> Iterator[tuple[Simulator, Daemon]]:
    """Start both, the simulator with its scenario."""
    with world(folder, SEED, options=("--scenario", incident.name)) as (simulator, daemon):
        daemon.start()
        yield simulator, daemon


@pytest.mark.timeout(120)
@pytest.mark.parametrize("incident", NOISE, ids=lambda one: one.name)
def test_noise_about_orders_costs_nothing(tmp_path: Path, incident: Incident) -> None:
    with trading(tmp_path, incident) as (simulator, daemon):
        daemon.await_armed()
        daemon.await_orders(8)
        until("the scenario has acted", lambda: incident.acted(simulator))
        with recovery(incident.name):
            daemon.await_armed()
            daemon.await_orders(4)
        story = halt_and_compare(simulator, daemon)
        assert story.kinds["HaltRaised"] == 1, "something but the operator halted it"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("incident", BLIND, ids=lambda one: one.name)
def test_a_blinding_fault_halts_and_is_recovered_from(tmp_path: Path, incident: Incident) -> None:
    with trading(tmp_path, incident) as (simulator, daemon):
        # A start has the same causes, so the fault is waited for first.
        until("the fault is there", lambda: incident.acted(simulator, incident.fault_steps))
        daemon.await_cause(*incident.causes)
        sent = len(simulator.frame_times())
        time.sleep(ON_THE_WAY_S)
        assert len(simulator.frame_times()) == sent, "sent while blind"
        simulator.tell("/advance", seconds=incident.advance_s)
        until("the scenario has acted", lambda: incident.acted(simulator))
        with recovery(incident.name):
            daemon.await_armed()
            daemon.await_orders(6)
        halt_and_compare(simulator, daemon)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("incident", FOR_A_PERSON, ids=lambda one: one.name)
def test_what_only_a_person_can_judge_stops_everything(tmp_path: Path, incident: Incident) -> None:
    with trading(tmp_path, incident) as (simulator, daemon):
        stays_halted(simulator, daemon, incident)


@pytest.mark.timeout(120)
def test_an_order_taken_long_after_it_was_given_up_is_found_and_stops_everything(
    tmp_path: Path,
) -> None:
    with trading(tmp_path, LATE) as (simulator, daemon):
        daemon.await_armed()
        until("it is given up", lambda: read_story(daemon.journal).kinds["OrderProvenAbsent"])
        # Others pass it: they must not make the broker refuse it.
        daemon.await_orders(4)
        simulator.tell("/advance", seconds=LATE.advance_s)
        with recovery(LATE.name):
            daemon.await_cause(*LATE.causes)
        stays_halted(simulator, daemon, LATE)
        truth = simulator.truth()
        taken = {row["order_id"] for row in truth["orders"]}
        assert {frame["order_id"] for frame in truth["place_frames"]} == taken


def stays_halted(simulator: Simulator, daemon: Daemon, incident: Incident) -> None:
    """Wait for the halt, and hold that nothing is sent after it and nothing was lost."""
    daemon.await_cause(*incident.causes)
    time.sleep(ON_THE_WAY_S)
    sent = len(simulator.frame_times())
    until("the scenario has acted", lambda: incident.acted(simulator))
    until("all is settled", lambda: is_settled(simulator, daemon))
    # Time in which a daemon that had not stopped would send dozens.
    time.sleep(ON_THE_WAY_S)
    truth = simulator.truth()
    assert len(truth["place_frames"]) == sent, "sent while halted"
    assert set(incident.causes) <= set(until("causes", daemon.causes))
    assert_nothing_sent_twice(read_story(daemon.journal), truth)
    # Facts are applied at once and durable soon.
    until("both agree", lambda: agrees(simulator, daemon))


def is_settled(simulator: Simulator, daemon: Daemon) -> bool:
    """Tell whether every execution has been booked and no order works."""
    status, truth = daemon.status(), simulator.truth()
    is_quiet = all(row["status"] in ("Filled", "Cancelled", "Inactive") for row in truth["orders"])
    return (
        status is not None
        and is_quiet
        and (status["tally"]["executions"] == len(truth["executions"]))
    )


def agrees(simulator: Simulator, daemon: Daemon) -> bool:
    """Tell whether the simulator's own comparison agrees."""
    truth = told(json.dumps(simulator.truth()).encode(), "truth")
    return not compare(truth, read_journal(daemon.journal)).differences
