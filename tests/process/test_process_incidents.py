"""Goal: incidents of processes, replayed against the real daemon, cost neither order nor fill.

Method: the simulator itself starts the daemon, kills it at the moment a scenario names, locks its
journal or throws its switch, and starts it again. A halt outlives every restart; a restart writes
nothing new and sends nothing that a former life had meant to send; no order is without a row in
the journal, none goes out twice, and journal, simulator and daemon agree at the end.
"""

from __future__ import annotations

import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.agreement import (
    Story,
    assert_agree,
    assert_nothing_sent_twice,
    halt_and_compare,
    read_story,
    settled,
)
from tests.process.children import replaying
from tests.process.harness import (
    HALTED_BY_US,
    PATIENCE_S,
    ROOT,
    Daemon,
    Json,
    Simulator,
    environment,
    until,
    world,
)
from tests.process.recovery import recovery
from tests.process.test_kill_switch import (
    HALT,
    LIQUIDATE,
    crossings,
    kill_switch,
    positions,
)
from tests.process.test_sigterm import UNREAD_S_MAX, last_sent_utc
from trader.core.checkpoint import state_of

SEED = 20240380
# What was written before a halt is read by then.
ON_THE_WAY_S = 1.0
ATTEMPTS_MAX = 6
# Events and parts of the book that no restart may change.
OF_TRADING = ("Order", "Cancel", "Execution", "Commission", "Foreign", "Ticket", "Cash", "Position")
BOOKED = (
    "orders", "fills", "commissions", "positions", "cash", "commission_paid", "foreign", "tickets",
    "order_id_high", "perm_ids",
)  # fmt: skip

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(120)]


def is_reconciled(daemon: Daemon) -> bool:
    """Tell whether nothing but our own halt keeps it from trading."""
    causes = daemon.causes()
    return bool(causes) and set(causes or ()) <= HALTED_BY_US


def logged(simulator: Simulator, words: str, times: int = 1) -> bool:
    """Tell whether the simulator's log has some words so often, and no error."""
    log = simulator.log.read_text()
    assert " ERROR " not in log, log
    return log.count(words) >= times


def halted_and_settled(simulator: Simulator, daemon: Daemon) -> tuple[Json, Story]:
    """Wait until it is halted by us alone and nothing moves, and hold all against each other."""
    truth, status = settled(simulator, daemon)
    story = read_story(daemon.journal)
    assert_agree(story, truth, status)
    return truth, story


def test_a_halt_after_a_loss_outlives_every_restart(tmp_path: Path) -> None:
    name = "inc-020-a-loss-and-a-restart"
    with replaying(tmp_path, name, SEED) as (simulator, daemon):
        daemon.begin()
        until("the loss", lambda: logged(simulator, "price-move {"))
        daemon.halt()
        truth, _ = halted_and_settled(simulator, daemon)
        for starts in (2, 3):
            daemon.await_starts(starts)
            with recovery(name):
                causes = daemon.await_cause("operator")
            assert "halt_file" in causes, causes
        until("it is reconciled", lambda: is_reconciled(daemon))
        daemon.await_refusals(3)
        after, _ = halted_and_settled(simulator, daemon)
        assert len(after["place_frames"]) == len(truth["place_frames"]), "sent after the halt"
        assert daemon.codes() == [-9, -9]


def test_no_order_leaves_that_a_locked_journal_has_not_taken(tmp_path: Path) -> None:
    with replaying(tmp_path, "inc-028-the-journal-is-locked", SEED) as (simulator, daemon):
        daemon.begin()
        daemon.await_armed()
        until("a short lock", lambda: logged(simulator, "file-lock {"))
        until("it is over", lambda: not simulator.truth()["locked"])
        daemon.await_orders(3)
        assert daemon.await_armed()["posture"] == "armed", "a short lock is waited out"
        until("a long lock", lambda: logged(simulator, "file-lock {", 2))
        daemon.await_cause("journal")
        sent = len(simulator.frame_times())
        assert_nothing_sent_twice(read_story(daemon.journal), simulator.truth())
        time.sleep(ON_THE_WAY_S)
        assert len(simulator.frame_times()) == sent, "sent without a journal"
        simulator.tell("/file-unlock")
        simulator.tell("/child-restart", signal="TERM")
        with recovery("INC-028"):
            daemon.await_starts(2)
            daemon.await_armed()
        daemon.await_orders(4)
        halt_and_compare(simulator, daemon)


def _strategies_orders(simulator: Simulator) -> int:
    """Count the orders that neither an operator's verb nor the kill switch sent."""
    refs = [frame["order_ref"] for frame in simulator.truth()["place_frames"]]
    return sum("-operator-" not in ref and not ref.startswith("kill-") for ref in refs)


def test_a_liquidation_that_fails_at_every_step_stays_halted_and_ends(tmp_path: Path) -> None:
    name = "inc-030-the-way-of-a-kill-is-full-of-faults"
    options = ("--scenario", name, "--fill-ms", "400:2500")
    with world(tmp_path, SEED, options=options) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(6)
        until("a position", lambda: any(Decimal(p["quantity"]) for p in positions(simulator)))
        codes: list[int] = []
        meant: set[int] = set()
        with recovery(name):
            while codes[-1:] != [0] and len(codes) < ATTEMPTS_MAX:
                done = kill_switch(daemon, *LIQUIDATE)
                codes.append(done.returncode)
                print(done.stdout[-600:], done.stderr[-300:])
                assert (daemon.state / "HALT").exists()
                meant.add(_strategies_orders(simulator))
                assert len(meant) == 1, "it traded on"
                if daemon.process is not None and daemon.process.poll() is None:
                    assert {"operator", "halt_file"} <= set(until("causes", daemon.causes))
        assert codes[-1] == 0, codes
        assert logged(simulator, f"scenario {name}, line", 2), "no cancel met a fault"
        print(f"exit codes {codes}")
        if daemon.process is not None and daemon.process.poll() is not None:
            # It did not answer, so it was fenced; its next life comes up halted.
            daemon.start()
            daemon.await_cause("halt_file")
            until("it is reconciled", lambda: is_reconciled(daemon))
        truth = simulator.truth()
        assert not [row for row in truth["orders"] if row["status"].endswith("ubmitted")]
        assert not [row for row in truth["positions"] if Decimal(row["quantity"])]
        assert not crossings(truth)


def trade_of(story: Story) -> dict[str, object]:
    """Return what a journal tells of trading; a start adds nothing to any of it."""
    state = state_of(story.book)
    kinds = {kind: count for kind, count in story.kinds.items() if kind.startswith(OF_TRADING)}
    return {
        "planned": story.planned,
        "executions": story.exec_ids,
        "kinds": kinds,
        **{name: getattr(state, name) for name in BOOKED},
    }


def test_restarts_write_nothing_new(tmp_path: Path) -> None:
    name = "inc-057-restarted-again-and-again"
    with replaying(tmp_path, name, SEED) as (simulator, daemon):
        daemon.begin()
        until("executions", lambda: len(simulator.truth()["executions"]) >= 3)
        daemon.halt()
        truth, story = halted_and_settled(simulator, daemon)
        assert any(Decimal(row["quantity"]) for row in truth["positions"]), "nothing is held"
        for starts in (2, 3, 4):
            daemon.await_starts(starts)
            until("it is reconciled", lambda: is_reconciled(daemon))
            after, again = halted_and_settled(simulator, daemon)
            assert trade_of(again) == trade_of(story)
            assert after["place_frames"] == truth["place_frames"]


def sent_since_the_last_start(transcript: Path, ids: tuple[str, ...]) -> list[str]:
    """Return the messages of some ids in the last connection of a transcript."""
    lines = transcript.read_text().splitlines()
    last = lines[-1].split()[1]
    said = [line.split(" ", 3) for line in lines]
    return [row[3] for row in said if row[1] == last and row[2] == ">" and row[3].startswith(ids)]


def expected_code(done: subprocess.CompletedProcess[str]) -> int:
    """Return the code of a switch that left nothing, or an exit at work for what had filled."""
    return 3 if "kept, protective" in done.stdout else 0


def test_what_a_killed_life_wanted_to_cancel_or_send_is_not_taken_up(tmp_path: Path) -> None:
    name, transcript = "inc-065-killed-while-it-cancels", tmp_path / "frames.txt"
    options = ("--fill-ms", "2000:9000", "--transcript", str(transcript))
    with replaying(tmp_path, name, SEED, options=options) as (simulator, daemon):
        daemon.begin()
        daemon.await_armed()
        daemon.await_orders(4)
        done = kill_switch(daemon, *HALT, "--cancel-orders")
        # The daemon dies in the middle; the kill switch finishes without it.
        assert "Acting without the daemon" in done.stderr, done
        assert done.returncode == expected_code(done), done
        assert daemon.codes()[0] == -9
        sent = len(simulator.frame_times())
        daemon.await_starts(2)
        # The file is what outlives it: it died before its journal could say who halted it.
        daemon.await_cause("halt_file")
        until("it is reconciled", lambda: is_reconciled(daemon))
        daemon.await_refusals(3)
        assert len(simulator.frame_times()) == sent
        assert sent_since_the_last_start(transcript, ("3|", "4|", "58|")) == []
        done = kill_switch(daemon, *HALT, "--cancel-orders")
        assert done.returncode == expected_code(done), done
        halted_and_settled(simulator, daemon)
        assert len(simulator.frame_times()) == sent


def test_nothing_leaves_after_a_switch_thrown_in_the_middle_of_orders(tmp_path: Path) -> None:
    with replaying(tmp_path, "inc-070-halted-while-orders-flow", SEED) as (simulator, daemon):
        daemon.begin()
        until("the switch is thrown", lambda: daemon.row("switch")["state"] == "ended")
        (end,) = daemon.row("switch")["ends"]
        assert end["code"] == 0, (tmp_path / "switch.log").read_text()
        causes = until("causes", daemon.causes)
        assert {"operator", "halt_file"} <= set(causes)
        daemon.await_refusals(3)
        assert max(simulator.frame_times()) <= end["monotonic_s"] + UNREAD_S_MAX
        assert last_sent_utc(daemon.journal).isoformat() <= end["at_utc"]
        halted_and_settled(simulator, daemon)


def test_a_life_ends_anywhere_on_the_way_of_a_fill_and_the_next_finds_it(tmp_path: Path) -> None:
    name = "inc-110-killed-on-the-way-of-a-fill"
    with replaying(tmp_path, name, SEED) as (simulator, daemon):
        daemon.begin()
        daemon.await_starts(6)
        assert daemon.codes() == [-9] * 5
        daemon.await_armed()
        daemon.await_orders(4)
        halt_and_compare(simulator, daemon)


def resident_bytes(process: subprocess.Popen[str]) -> int:
    """Return how much memory a process has."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * int(text.partition("VmRSS:")[2].split()[0])


@pytest.mark.timeout(400)
@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what memory a process has")
def test_the_simulator_stays_as_small_as_it_was_over_thirty_days() -> None:
    words = ["--virtual", "--scenario", "inc-152-thirty-days-at-once", "--seed", "7"]
    found = []
    with subprocess.Popen(
        [sys.executable, "-m", "trader.sim", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    ) as process:
        assert process.stderr is not None
        placed = 0
        for line in process.stderr:
            placed += "client-place" in line
            if "client-place" in line and placed % 576 == 0:
                found.append(resident_bytes(process))
        assert process.wait(PATIENCE_S) == 0
    assert placed == 17_280
    print([round(size / 1e6) for size in found])
    # Some 10,000 orders and executions are kept: they have come after 18 days.
    assert found[-1] < found[18] + 10e6
