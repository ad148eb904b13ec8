"""How long a start takes behind a long history: `scripts/bench boot --events 5000000`.

Two journals with the same orders and the same events behind the checkpoint, one with a short past
and one with a long one, are each opened and restored by what the daemon itself calls. The machine
is noisy, so what counts is the time of the processor; the clock's is told beside it.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from trader.app import restore
from trader.bench.history import EVENTS_PER_ORDER, History, make_journal
from trader.ops.clock import SystemClock
from trader.ops.logs import configure_logs
from trader.store.journal import SqliteJournal

# What a start finds behind its checkpoint after a minute of a busy daemon.
TAIL = 2_000


@dataclass(frozen=True, slots=True)
class Boot:
    """One start: the journal's size, and the seconds of opening it and of making the book."""

    events: int
    size_bytes: int
    open_s: float
    restore_s: float
    cpu_s: float

    @property
    def whole_s(self) -> float:
        """Return what the start took by the clock."""
        return self.open_s + self.restore_s


def boot_seconds(path: Path, times: int = 3) -> Boot:
    """Open a journal and restore its book some times; return the fastest."""
    assert times >= 1, f"times {times}"
    size_bytes = path.stat().st_size
    boots = (asyncio.run(_booted(path, size_bytes)) for _ in range(times))
    return min(boots, key=lambda boot: boot.cpu_s)


async def _booted(path: Path, size_bytes: int) -> Boot:
    began_s, cpu_s = time.perf_counter(), time.process_time()
    journal = await SqliteJournal.open(path, SystemClock())
    opened_s = time.perf_counter()
    try:
        book = await restore(journal)
        ended_s, ended_cpu_s = time.perf_counter(), time.process_time()
    finally:
        await journal.close()
    return Boot(
        events=book.seq,
        size_bytes=size_bytes,
        open_s=opened_s - began_s,
        restore_s=ended_s - opened_s,
        cpu_s=ended_cpu_s - cpu_s,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both starts and print them."""
    parser = argparse.ArgumentParser(prog="bench boot", description=__doc__)
    parser.add_argument("--events", type=int, default=500_000, help="events of the long history")
    parser.add_argument("--orders", type=int, default=20_000, help="orders of both")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args(arguments)
    short = given.orders * EVENTS_PER_ORDER + TAIL + 100
    if given.orders < 1 or given.events <= short:
        print(f"bench: --events must be above {short} for {given.orders} orders", file=sys.stderr)
        return 2
    configure_logs("error", "json")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for events in (short, given.events):
            path = Path(folder) / f"journal-{events}.db"
            make_journal(path, History(events, given.orders, TAIL))
            rows.append(boot_seconds(path))
    young, old = rows
    ratio = old.cpu_s / young.cpu_s
    if given.json:
        print(json.dumps({"starts": [asdict(row) for row in rows], "ratio": ratio}, indent=1))
        return 0
    print(f"{'events':>10} {'MB':>8} {'open s':>8} {'restore s':>10} {'cpu s':>8}")
    for row in rows:
        size = row.size_bytes / 1e6
        times = f"{row.open_s:8.2f} {row.restore_s:10.2f} {row.cpu_s:8.2f}"
        print(f"{row.events:10} {size:8.0f} {times}")
    print(f"long history / short history: {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
