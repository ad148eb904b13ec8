"""Goal: a daemon that finds an older journal in its journal's place starts halted and says why.

Method: a daemon trades against the simulator and is stopped; its journal is kept. It trades on and
is stopped again; the kept copy takes the journal's place. The next start is halted for that reason
and sends nothing, and ``trader verify`` says the same before it, during it and after it. It is
killed, and the start after that still refuses. With the right journal back the daemon goes on by
itself, and nothing of the detour is held against it.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from tests.process.harness import Daemon, until, world
from tests.process.test_verify import verify

SEED = 20261122
CAUSE = "journal_unproven"


def put(source: Path, target: Path) -> None:
    """Put a journal with what stands beside it in another one's place."""
    for end in ("", "-wal", "-shm"):
        target.with_name(target.name + end).unlink(missing_ok=True)
        if (beside := source.with_name(source.name + end)).exists():
            shutil.copy(beside, target.with_name(target.name + end))


def kinds(daemon: Daemon) -> tuple[int, set[str]]:
    code, said = verify(daemon)
    return code, {finding["kind"] for finding in said["findings"]}


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_older_journal_in_its_place_halts_the_start_until_it_is_right_again(
    tmp_path: Path,
) -> None:
    older, right = tmp_path / "older.db", tmp_path / "right.db"
    with world(tmp_path, SEED) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(1)
        daemon.send(signal.SIGTERM)
        daemon.ended()
        put(daemon.journal, older)
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(2)
        daemon.send(signal.SIGTERM)
        daemon.ended()
        put(daemon.journal, right)
        assert kinds(daemon) == (0, set())

        put(older, daemon.journal)
        assert kinds(daemon) == (1, {"truncated"})
        frames = len(simulator.truth()["place_frames"])
        for number in range(2):
            daemon.start()
            causes = daemon.await_cause(CAUSE)
            assert "audit_logs/chain.jsonl line" in causes[CAUSE]
            if number == 0:
                assert "the journal ends with event" in causes[CAUSE]
            until("compared", lambda: "starting" not in (daemon.causes() or {"starting": ""}))
            assert daemon.verb("reconcile").is_done
            # All that follows a reading is good by now; this is not one.
            assert CAUSE in until("causes", daemon.causes)
            code, found = kinds(daemon)
            assert code == 1
            assert found <= {"truncated", "rewritten"}
            if number == 0:
                daemon.kill()
            else:
                daemon.send(signal.SIGTERM)
                daemon.ended()
        assert len(simulator.truth()["place_frames"]) == frames

        put(right, daemon.journal)
        assert kinds(daemon) == (0, set())
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(1)
        daemon.kill()
        assert kinds(daemon) == (0, set())


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_is_seen_too_when_nothing_at_the_broker_tells_of_it(tmp_path: Path) -> None:
    """What was lost may be a halt or a breaker's state: the broker's lists agree with both."""
    older = tmp_path / "older.db"
    never = {"strategies.momentum.entry_fraction": 0.9}
    with world(tmp_path, SEED, changes=never) as (_, daemon):
        for _ in range(2):
            daemon.start()
            daemon.await_armed()
            daemon.send(signal.SIGTERM)
            daemon.ended()
            if not older.exists():
                put(daemon.journal, older)
        put(older, daemon.journal)
        daemon.start()
        daemon.await_cause(CAUSE)
        until("compared", lambda: "starting" not in (daemon.causes() or {"starting": ""}))
        assert daemon.verb("reconcile").is_done
        causes = until("causes", daemon.causes)
        assert set(causes) == {CAUSE}
        # A person knows that nothing was sent since, and says so: that is remembered.
        assert daemon.verb("resume").is_done
        daemon.await_armed()
        daemon.send(signal.SIGTERM)
        daemon.ended()
        daemon.start()
        daemon.await_armed()
        code, found = kinds(daemon)
        assert code == 1, "what is gone stays gone"
        assert found <= {"truncated", "rewritten"}
