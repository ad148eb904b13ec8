"""Judges a long day: a line through what was measured, and what may grow by how much.

One line of JSON for each day that was played, written anew at each sample, so that a day can be
stopped at any moment; `docs/long-day.md` is made from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean

from tests.simulation.day import HISTORY_H, Day, DayResult, Plan, Sample, day_configuration
from tests.simulation.memory import set_as_in_production
from tests.simulation.run import Child
from tests.simulation.soak import ROOT, code_digest, commit, keep_lines

LEDGER = Path(__file__).with_name("days.jsonl")
DOCUMENT = ROOT / "docs" / "long-day.md"
# What is promised of the memory, in MB each simulated hour.
MEMORY_MB_H_MAX = 1.0
# The book is full after what it remembers, tapes and names within a few hours.
WARM_UP_H = 6.0
# Of each class of file that has no bound: MB each hour and thousand orders, as the RUNBOOK says.
_KB_PER_ORDER = {"journal": 10.0}
# Of the others: MB each hour once they are full. A line a minute of the chain's head, and a line
# for each page and each request, are records and kept. Runs go after seven days.
_MB_H_MAX = {"audit logs": 0.45, "runs": 20.0}
_FULL_MB_H_MAX = 0.5
# What a container may gain: a few elements more at one moment than at another, and of the orders
# between the two a share that is too small to matter.
_TRIFLE, _TRIFLE_SHARE = 20, 0.02
# Containers that may grow longer than a day's warm-up, with what bounds them.
BOUNDED = {
    "Daemon.ledger.book.acts": "an hour of acts",
    "Daemon.ledger.book.sales": "an hour of sales",
    "Daemon.ledger.book.intents": "what was refused, for an hour; the others with their orders",
    "Daemon.ledger.book.planned": "26 hours of times",
    "Daemon.ledger.book.strangers": "26 hours of strangers' orders",
    "Daemon.reports._walker._named": "20,000 names, the oldest forgotten first",
    "Daemon.board._curve": "900 points",
    "Daemon.safeguards._readings": "windows of time, and a number of prices of each instrument",
    "Daemon.journal._db._connection": "SQLite's list of cursors, which it clears by itself",
    "Daemon.services.broker._tap.requests._ended": "4,096 ids",
    "Daemon.reports": "what the last reports were made of",
}


@dataclass(slots=True)
class Row:
    """One day, as far as it was played."""

    code: str
    commit: str
    hours: float = 0.0
    sent: int = 0
    events: int = 0
    posture: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    samples: list[Sample] = field(default_factory=list)
    # By its way, how many elements each container of the daemon has gained an hour.
    grown: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one thing: what it grew by, what is allowed, in its unit."""

    name: str
    unit: str
    first: float
    last: float
    slope: float
    allowed: float

    @property
    def is_good(self) -> bool:
        """Return whether it stayed within what is allowed."""
        return self.slope <= self.allowed


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the line with the least squares; 0 through fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x, mean_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def warm(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples behind the warm-up."""
    return [sample for sample in samples if sample.hour >= WARM_UP_H]


def verdicts(samples: Sequence[Sample]) -> list[Verdict]:
    """Judge what was measured behind the warm-up."""
    rows = warm(samples)
    if len(rows) < 3:
        return []
    hours = rows[-1].hour - rows[0].hour
    orders_h = (rows[-1].sent - rows[0].sent) / hours

    def verdict(name: str, value: Callable[[Sample], float], allowed: float) -> Verdict:
        points = [(row.hour, value(row)) for row in rows]
        ends = value(rows[0]), value(rows[-1])
        return Verdict(name, "MB/h", *ends, round(slope(points), 4), round(allowed, 4))

    found = [
        verdict("resident, whole process", lambda row: row.resident_mb, MEMORY_MB_H_MAX),
        verdict("objects of the daemon", lambda row: row.daemon_mb, MEMORY_MB_H_MAX),
        verdict("objects of the simulator", lambda row: row.simulator_mb, float("inf")),
    ]
    for name in sorted({name for row in rows for name in row.files_mb}):
        by_order = _KB_PER_ORDER.get(name)
        allowed = _MB_H_MAX.get(name, _FULL_MB_H_MAX)
        if by_order is not None:
            allowed = by_order * orders_h / 1000
        found.append(verdict(f"files: {name}", partial(_size_of, name), allowed))
    return found


def _size_of(name: str, sample: Sample) -> float:
    return sample.files_mb.get(name, 0.0)


def grown(before: Sample, after: Sample, trifle: float = _TRIFLE_SHARE) -> dict[str, float]:
    """Return by how much containers have grown an hour, the most first; nothing below a trifle."""
    floor = _TRIFLE + trifle * (after.sent - before.sent)
    gains = {way: count - before.elements.get(way, 0) for way, count in after.elements.items()}
    found = sorted((item for item in gains.items() if item[1] > floor), key=lambda item: -item[1])
    return {way: round(gain / (after.hour - before.hour), 1) for way, gain in found}


def unbounded(gains: dict[str, float]) -> dict[str, float]:
    """Return what has grown without a known bound."""
    return {way: gain for way, gain in gains.items() if not way.startswith(tuple(BOUNDED))}


def problems(row: Row) -> list[str]:
    """Say what of a day is not as promised; empty when all is."""
    found = [row.problem] if row.problem else []
    found += [
        f"{one.name}: {one.slope:.3f} {one.unit}, allowed {one.allowed:.3f}"
        for one in verdicts(row.samples)
        if not one.is_good
    ]
    found += [
        f"{way} gains {gain:.0f} elements an hour, and nothing is known to bound it"
        for way, gain in unbounded(row.grown).items()
    ]
    return found


# ---- playing


def played_day(
    seed: str, plan: Plan, on_sample: Callable[[Sample], None], plant: Callable[[], None] | None
) -> DayResult:
    """Play a day in this process, which must end with it."""
    set_as_in_production()
    here = Path.cwd()
    config = day_configuration(here, plan)
    if plant is not None:
        plant()
    day = Day(seed, config, plan)
    day.on_sample = on_sample
    return day.run()


def play(plan: Plan, ledger: Path, say: Callable[[str], None]) -> bool:
    """Play a day in a child, with a line and a ledger at each sample; return whether all is good.

    Ctrl-C is an ordinary end: the ledger has the day as far as it was played.
    """
    known = days(ledger)
    row = Row(code_digest(), commit())

    def take(sample: Sample) -> None:
        _add(row, sample)
        keep(ledger, [*known, row])
        say(_line_of(sample))

    def told() -> str:
        result = played_day("day", plan, take, None)
        row.problem = result.problem
        keep(ledger, [*known, row])
        return "\n".join(problems(row)) or "good"

    child = Child(told)
    try:
        text, status = child.said()
    except KeyboardInterrupt:
        child.end()
        say("stopped")
        text, status = "\n".join(problems(days(ledger)[-1])) or "good", 0
    say(text or f"the child ended without a word, status {status}")
    return text == "good"


def _add(row: Row, sample: Sample) -> None:
    row.hours, row.sent, row.events = sample.hour, sample.sent, sample.events
    row.posture[sample.posture] = row.posture.get(sample.posture, 0) + 1
    row.samples.append(sample)
    behind = warm(row.samples)
    if len(behind) > 1:
        row.grown = grown(behind[0], sample)
        for one in behind[1:-1]:
            one.elements.clear()
    else:
        for one in row.samples[:-1]:
            one.elements.clear()


def _line_of(sample: Sample) -> str:
    files = ", ".join(f"{name} {size:.1f}" for name, size in sample.files_mb.items())
    return (
        f"{sample.hour:6.2f} h: resident {sample.resident_mb:.1f} MB, daemon "
        f"{sample.daemon_mb:.2f} MB, simulator {sample.simulator_mb:.2f} MB; {sample.posture}, "
        f"{sample.sent} orders, {sample.events} events, {sample.book['orders']} in the book; "
        f"files in MB: {files}"
    )


# ---- the ledger


def days(ledger: Path) -> list[Row]:
    """Return the days of a ledger."""
    if not ledger.exists():
        return []
    found = [Row(**json.loads(line)) for line in ledger.read_text().splitlines()]
    for row in found:
        row.samples = [Sample(**sample) for sample in row.samples]  # type: ignore[arg-type]
    return found


def keep(ledger: Path, rows: Sequence[Row]) -> None:
    """Write a ledger anew, whole or not at all; of the elements nothing is kept."""
    plain = [asdict(row) for row in rows]
    for sample in (sample for row in plain for sample in row["samples"]):
        sample["elements"] = {}
    keep_lines(ledger, plain)


# ---- the document

_HEAD = """# What a long day costs

Generated by `scripts/simulate --document` from `tests/simulation/days.jsonl`; do not edit.

`scripts/simulate --day 24` plays the whole daemon and the gateway simulator for 24 hours of virtual
time in one process, with heavy flow and no faults but these: the link breaks once an hour, and the
gateway is gone for two minutes at midnight. About every second the strategy wants something: an
order at the market or a limit, a change, a cancel of everything. The settings are production's
defaults but for two: the book remembers {history:g} h instead of days, so that forgetting is part
of the day, and the outbox turns its files over at 1 MiB, so that they are full soon. The policy has
no limits of rate. The broker lists what happened in the last five minutes instead of its whole day:
it must not tell what the book has let go. The garbage collector is on and the allocator set as the
unit of systemd sets it, as in production; each sample is taken behind a full collection.

Daemon and simulator share one process. `resident` is all of it; `objects of the daemon` is what its
composition root keeps alive, weighed object by object, without what is simulated. A container that
grows with the orders and has no known bound ends the play with exit code 1, whatever the memory.

After a warm-up of {warm:g} h a line is drawn through the samples; `allowed` is its steepest slope.
"""


def document(ledger: Path = LEDGER) -> str:
    """Return the document."""
    parts = [_HEAD.format(history=HISTORY_H, warm=WARM_UP_H)]
    rows = days(ledger)
    if not rows:
        parts.append("Nothing was played yet.\n")
    parts += [_told(row) for row in reversed(rows)]
    return "\n".join(parts)


def _told(row: Row) -> str:
    postures = ", ".join(f"{name} {count}" for name, count in sorted(row.posture.items()))
    lines = [
        f"## {row.hours:.1f} hours, code `{row.code}`, {row.commit}\n",
        f"{row.sent} orders sent, {row.events} events; posture at the samples: {postures}."
        + (f" Ended by: {row.problem}." if row.problem else ""),
        "",
        f"| what | at {WARM_UP_H:g} h | at the end | slope | allowed | |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for one in verdicts(row.samples):
        allowed = "-" if one.allowed == float("inf") else f"{one.allowed:.2f}"
        lines.append(
            f"| {one.name} | {one.first:.2f} MB | {one.last:.2f} MB | {one.slope:.3f} {one.unit} "
            f"| {allowed} | {'' if one.is_good else 'too much'} |"
        )
    if row.grown:
        lines += ["", "Containers that still grew with the orders, elements an hour:", ""]
        lines += [f"- `{way}`: {gain:.0f} ({_bound_of(way)})" for way, gain in row.grown.items()]
    return "\n".join([*lines, ""])


def _bound_of(way: str) -> str:
    found = (text for name, text in BOUNDED.items() if way.startswith(name))
    return next(found, "without a known bound")


def write() -> None:
    """Write it."""
    DOCUMENT.write_text(document())
