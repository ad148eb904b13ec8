"""Goal: an event called durable is in the journal after SIGKILL, whenever it strikes.

Method: a child writes promises and prints each number it was told is durable. It is killed at
30 seeded instants, always on the same journal, so that each run recovers what the last one left:
a checkpoint cut off, a log half folded. Then every printed number must be there and no number
missing before it. (SIGKILL keeps the kernel's cache: this is about our order of doing things,
not about the disk's.) The chain must be whole after each, up to the head that the child knew
when it died.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.unit.store.support import CountingClock, order_planned, running, shell, state_at
from trader.core import events as ev
from trader.core.ids import Seq
from trader.ports import Anchor, ChainHead
from trader.store.journal import SqliteJournal
from trader.store.verify import verified

SEED = 20240305
KILLS = 30


async def write_promises(path: Path) -> None:
    """Be the child: append in bursts, save checkpoints, say what is durable, until killed."""
    chance = random.Random(SEED)
    clock = CountingClock()
    async with running(path) as journal, asyncio.TaskGroup() as group:
        seq = journal.durable_seq
        while True:
            for _ in range(chance.randint(1, 20)):
                seq = Seq(seq + 1)
                journal.append(ev.Recorded(seq=seq, at_utc=clock.utc(), event=order_planned()))
            await journal.durable(seq)
            # One write for each head: a line is whole or it is not there.
            head = journal.head
            sys.stdout.write(f"{head.seq} {head.digest}\n")
            sys.stdout.flush()
            if chance.random() < 0.05:
                group.create_task(journal.save_checkpoint(state_at(seq)))


def last_said_before_kill(path: Path, after_s: float) -> ChainHead:
    """Run a child, kill it ``after_s`` after its first word, return its last whole line."""
    command = [sys.executable, "-m", "tests.process.test_journal_crash", str(path)]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        killer = threading.Timer(after_s, child.kill)
        killer.start()
        text = first + child.stdout.read()
        killer.join()
    assert child.returncode == -9, "the child ended by itself"
    *whole, _ = text.split("\n")
    said = [int(line.split()[0]) for line in whole]
    assert said == sorted(said)
    return ChainHead(Seq(said[-1]), whole[-1].split()[1])


async def opened_afresh(path: Path) -> tuple[int, int, tuple[str, ...]]:
    """Return the number of the last event, the checkpoint's number, and what was skipped."""
    journal = await SqliteJournal.open(path, CountingClock())
    try:
        loaded = await journal.load()
        after = [recorded.seq async for recorded in loaded.events]
        checkpoint = loaded.state.seq if loaded.state else 0
        assert after == list(range(checkpoint + 1, loaded.last_seq + 1))
        return loaded.last_seq, checkpoint, loaded.skipped
    finally:
        await journal.close()


@pytest.mark.process
@pytest.mark.slow
def test_what_was_called_durable_survives_thirty_kills(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    path = tmp_path / "journal.db"
    checkpoints = set()
    for kill in range(KILLS):
        said = last_said_before_kill(path, chance.uniform(0.0, 0.15))
        # As the kill left it, with its log beside it, before anybody opens it for writing.
        verdict = verified(path, [Anchor("child", "", said)])
        assert verdict.is_whole, f"kill {kill}: {verdict.findings}"
        last, checkpoint, skipped = asyncio.run(opened_afresh(path))
        counted = shell(path, "SELECT count(*), min(seq), max(seq) FROM events")
        assert counted == [(last, 1, last)], f"kill {kill}: a number is missing"
        assert said.seq <= last, f"kill {kill}: {said} was called durable, the last is {last}"
        assert not skipped, f"kill {kill}: {skipped}"
        checkpoints.add(checkpoint)
    assert len(checkpoints) > KILLS // 3, "the kills did not meet any saving of checkpoints"


if __name__ == "__main__":
    asyncio.run(write_promises(Path(sys.argv[1])))
