"""The ledger of all seeds that were ever played, and the document that is made from it.

One line of JSON for each stretch of seeds, so that a soak can be stopped at any moment and goes on
where it was. A seed plays another day for each version of the code, so every line names the code
that it was played with, and the figures of one version are never added to those of another.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.simulation.faults import KINDS
from tests.simulation.play import Result
from tests.simulation.run import Wish, played, replay

ROOT = Path(__file__).resolve().parents[2]
LEDGER = Path(__file__).with_name("ledger.jsonl")
DOCUMENT = ROOT / "docs" / "simulation.md"
# A stretch is written down at least as often.
_STRETCH_S = 30.0


@cache
def code_digest() -> str:
    """Return what names the code: the daemon, the simulator and this simulation, byte for byte."""
    digest = sha256()
    folders = (ROOT / "trader", ROOT / "tests" / "simulation")
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def commit() -> str:
    """Return the commit that is checked out, for people; empty outside a repository."""
    command = ["git", "-C", str(ROOT), "log", "-1", "--format=%h %cs"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


@dataclass(slots=True)
class Stretch:
    """Seeds that were played one after the other with one version of the code."""

    code: str
    commit: str
    first_seed: int
    seeds: int = 0
    simulated_s: float = 0.0
    starts: int = 0
    orders: int = 0
    executions: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    # Of each seed that broke a rule: the seed, the rule and what was found.
    violations: list[tuple[int, str, str]] = field(default_factory=list)
    reached: dict[str, int] = field(default_factory=dict)

    def add(self, seed: int, result: Result) -> None:
        """Count a seed."""
        self.seeds += 1
        self.simulated_s += result.seconds
        self.starts += result.starts
        self.orders += result.orders
        self.executions += result.executions
        self.faults = dict(sorted((Counter(self.faults) + Counter(result.faults)).items()))
        self.reached = dict(sorted((Counter(self.reached) + Counter(result.reached)).items()))
        if result.problem:
            self.violations.append((seed, result.rule, result.problem[:300]))

    @property
    def next_seed(self) -> int:
        """Return the first seed that is not among them."""
        return self.first_seed + self.seeds

    def joined(self, after: Stretch) -> Stretch:
        """Return this stretch and the one that follows it as one."""
        faults = Counter(self.faults) + Counter(after.faults)
        return Stretch(
            self.code,
            self.commit,
            self.first_seed,
            self.seeds + after.seeds,
            round(self.simulated_s + after.simulated_s, 3),
            self.starts + after.starts,
            self.orders + after.orders,
            self.executions + after.executions,
            dict(sorted(faults.items())),
            [*self.violations, *after.violations],
            dict(sorted((Counter(self.reached) + Counter(after.reached)).items())),
        )


def stretches(ledger: Path) -> list[Stretch]:
    """Return what a ledger holds; a line that was cut off by a crash is left out."""
    if not ledger.exists():
        return []
    lines = [line for line in ledger.read_text().splitlines() if line.endswith("}")]
    rows = [Stretch(**json.loads(line)) for line in lines]
    for row in rows:
        row.violations = [(seed, rule, text) for seed, rule, text in row.violations]
    return rows


def joined(rows: Iterable[Stretch]) -> list[Stretch]:
    """Return the same figures in as few lines as they fit."""
    kept: list[Stretch] = []
    for row in rows:
        last = kept[-1] if kept else None
        if last and (last.code, last.next_seed) == (row.code, row.first_seed):
            kept[-1] = last.joined(row)
        else:
            kept.append(row)
    return kept


def keep(ledger: Path, rows: list[Stretch]) -> None:
    """Write a ledger anew, whole or not at all."""
    keep_lines(ledger, map(asdict, rows))


def keep_lines(ledger: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a ledger of any kind anew, a line of JSON for each row, whole or not at all."""
    beside = ledger.with_name(ledger.name + ".new")
    beside.write_text("".join(json.dumps(row) + "\n" for row in rows))
    beside.replace(ledger)


def soak(
    wish: Wish, ledger: Path, first_seed: int, jobs: int, seeds: int, say: Callable[[str], None]
) -> bool:
    """Play on from where the ledger ends, until stopped; return whether no rule was broken.

    Ctrl-C is the ordinary end: what was played up to then is in the ledger.
    """
    code, known = code_digest(), stretches(ledger)
    first = max([first_seed, *(row.next_seed for row in known if row.code == code)])
    say(f"code {code}: from seed {first} on; Ctrl-C ends it, and the next call goes on")
    row = Stretch(code, commit(), first)
    kept_s = time.monotonic()
    try:
        for seed, result in played(wish, range(first, first + seeds), jobs):
            row.add(seed, result)
            if result.problem:
                say(f"seed {seed}: {result.problem}\n  replay: {replay(seed, wish)}")
            if result.problem or time.monotonic() - kept_s > _STRETCH_S:
                keep(ledger, joined([*known, row]))
                kept_s = time.monotonic()
    except KeyboardInterrupt:
        say("stopped")
    finally:
        if row.seeds:
            keep(ledger, joined([*known, row]))
    say(f"{row.seeds} seeds, {row.simulated_s / 3600:.1f} simulated hours, "
        f"{len(row.violations)} with a violation; {ledger} has all")  # fmt: skip
    return not row.violations


# ---- the document


def crashes(faults: dict[str, int]) -> int:
    """Return how often the daemon died without a word, by SIGKILL or with its host."""
    kinds = ("crash at ", "power loss at ")
    return sum(count for name, count in faults.items() if name.startswith(kinds))


def by_code(rows: Iterable[Stretch]) -> list[Stretch]:
    """Return one row for each version of the code, the last one first."""
    found: dict[str, Stretch] = {}
    for row in rows:
        last = found.pop(row.code, None)
        found[row.code] = row if last is None else last.joined(row)
    return list(found.values())[::-1]


def figures(rows: list[Stretch]) -> str:
    """Return the tables of the document."""
    versions = by_code(rows)
    if not versions:
        return "Nothing is in the ledger yet."
    lines = [
        "| code | commit | seeds | simulated hours | starts | crashes | orders | executions "
        "| violations |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| `{row.code}` | {row.commit} | {row.seeds} | {row.simulated_s / 3600:.1f} "
        f"| {row.starts} | {crashes(row.faults)} | {row.orders} | {row.executions} "
        f"| {len(row.violations)} |"
        for row in versions
    ]
    lines += ["", "Faults by kind:", "", "| kind | " + " | ".join(
        f"`{row.code}`" for row in versions) + " |", "|---|" + "---:|" * len(versions)]  # fmt: skip
    names = [*KINDS, *sorted({name for row in versions for name in row.faults} - set(KINDS))]
    lines += [
        f"| {name} | " + " | ".join(str(row.faults.get(name, 0)) for row in versions) + " |"
        for name in names
    ]
    broken = [(row, *one) for row in versions for one in row.violations]
    if broken:
        lines += ["", "Violations, by code and seed:", ""]
        lines += [f"- `{row.code}`, seed {seed}: {rule}" for row, seed, rule, _ in broken]
    return "\n".join(lines)
