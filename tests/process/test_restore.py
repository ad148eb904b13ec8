"""Goal: a backup that takes the journal's place sends nothing twice, and says what it is.

Method: a daemon trades against the simulator, and the journal is backed up while it does. It trades
on, is halted and stopped, and the backup is restored. The next start is halted for that reason; the
executions since the backup are booked from the broker's lists, and the same holds after a SIGKILL.
After a resume it trades on: nothing that was ever on the wire, by reference or by order id, comes
again, and what was sent was promised in one of the two journals.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.process.agreement import assert_agree, read_story, settled
from tests.process.harness import HALTED_BY_US, Daemon, Json, environment, until, world
from tests.process.test_verify import verify
from trader.sim.oracle.comparison import compare
from trader.sim.oracle.journal import read_journal
from trader.sim.oracle.testimony import told

ROOT = Path(__file__).resolve().parents[2]
SEED = 20261122
CAUSE = "journal_unproven"


def trader(
    daemon: Daemon, *words: str, state: Path | None = None, url: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trader", *words, "--state", str(state or daemon.state)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env=environment({"DATABASE_URL": url} if url else None),
    )  # fmt: skip


def without(truth: Json, refs: set[str]) -> Json:
    """Return the truth without the orders that only the lost part promised; executions stay."""
    kept = {
        name: [row for row in truth[name] if row["order_ref"] not in refs]
        for name in ("orders", "place_frames")
    }
    return {**truth, **kept}


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_restored_backup_sends_nothing_twice_and_knows_what_was_traded_since(
    tmp_path: Path,
) -> None:
    copy = tmp_path / "copy.db"
    with world(tmp_path, SEED) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(1)
        done = trader(daemon, "backup", "--to", str(copy))
        assert done.returncode == 0, done.stderr
        refused = trader(daemon, "restore", str(copy), "--reason", "too early")
        assert refused.returncode == 1
        assert "held by another daemon, process" in refused.stderr
        daemon.await_orders(2)
        daemon.halt()
        before, _ = settled(simulator, daemon)
        daemon.send(signal.SIGTERM)
        daemon.ended()
        full = read_story(daemon.journal)

        done = trader(daemon, "restore", str(copy), "--reason", "the disk died")
        assert done.returncode == 0, done.stderr
        restored = read_story(daemon.journal)
        lost = {ref for _, ref in full.planned} - {ref for _, ref in restored.planned}
        assert lost, "nothing was sent between the backup and the stop"
        for end in ("kill", "stay"):
            daemon.start()
            causes = daemon.await_cause(CAUSE)
            assert causes[CAUSE].startswith("restored from copy.db, which ended with event")
            assert ": the disk died;" in causes[CAUSE]
            until("compared", lambda: "starting" not in (daemon.causes() or {"starting": ""}))
            assert daemon.verb("reconcile").is_done
            assert len(simulator.truth()["place_frames"]) == len(before["place_frames"])
            if end == "kill":
                daemon.kill()
        truth, status = settled(simulator, daemon, HALTED_BY_US | {CAUSE})
        assert_agree(read_story(daemon.journal), without(truth, lost), status)
        assert CAUSE in until("causes", daemon.causes)
        assert verify(daemon)[0] == 0

        assert daemon.verb("resume").is_done
        daemon.await_armed()
        daemon.await_orders(1)
        daemon.halt()
        truth, status = settled(simulator, daemon)
        after = read_story(daemon.journal)
        assert_agree(after, without(truth, lost), status)
        frames = [row for row in truth["place_frames"] if not row["modify"]]
        for name in ("order_id", "order_ref"):
            twice = [key for key, n in Counter(row[name] for row in frames).items() if n > 1]
            assert not twice, f"sent more than once, by {name}: {twice}"
        new = {ref for _, ref in after.planned} - {ref for _, ref in restored.planned}
        assert new
        assert not new & {ref for _, ref in full.planned}
        lineages = {ref.split("-")[1] for ref in new}
        assert lineages == {after.book.lineage}
        verdict = compare(told(json.dumps(truth).encode(), "truth"), read_journal(daemon.journal))
        assert {one.kind for one in verdict.differences} <= {"order_unrecorded"}


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_journal_on_another_disk_is_one_journal_for_every_shell_and_daemon(
    tmp_path: Path,
) -> None:
    """A shell without the variable finds it, and one with it and a wrong state harms nothing."""
    disk, elsewhere, copy = tmp_path / "disk", tmp_path / "elsewhere", tmp_path / "copy.db"
    disk.mkdir()
    elsewhere.mkdir()
    url = f"sqlite:///{disk / 'journal.db'}"
    with world(tmp_path, SEED + 1) as (simulator, daemon):
        daemon.start(extra={"DATABASE_URL": url})
        daemon.await_armed()
        daemon.await_orders(1)
        assert not daemon.journal.exists()
        done = trader(daemon, "backup", "--to", str(copy))
        assert (done.returncode, done.stderr) == (0, "")
        assert str(disk / "journal.db") in done.stdout
        assert trader(daemon, "tickets", "list").stdout == "no tickets\n"
        assert trader(daemon, "verify").returncode == 0
        before = (disk / "journal.db").stat().st_ino
        refused = trader(
            daemon, "restore", str(copy), "--reason", "wrong state", state=elsewhere, url=url
        )
        assert refused.returncode == 1
        assert daemon.process is not None
        holder = f"journal.db.lock: held by another daemon, process {daemon.process.pid}"
        assert holder in refused.stderr
        second = Daemon(tmp_path / "second", simulator)
        second.start(extra={"DATABASE_URL": url})
        assert second.ended() == 5
        assert holder in second.log.read_text()
        assert (disk / "journal.db").stat().st_ino == before
        daemon.await_orders(1)
        daemon.halt()
        truth, status = settled(simulator, daemon)
        assert_agree(read_story(disk / "journal.db"), truth, status)
        daemon.kill()
        done = trader(daemon, "restore", str(copy), "--reason", "from a shell that knows no URL")
        assert done.returncode == 0, done.stderr
        assert not daemon.journal.exists()
        daemon.start(extra={"DATABASE_URL": url})
        assert daemon.await_cause(CAUSE)[CAUSE].startswith("restored from copy.db")
