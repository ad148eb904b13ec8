"""What the drills showed, for a machine and for a person; written whole or not at all.

The evidence is that of a simulator and says so in a field of its own: whoever collects evidence
for a real account must not count it as more.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from trader.chaos_drill.judgement import RECOVERY_S_MAX, Observed, Outcome, Verdict
from trader.ops.halt_record import utc_text

KIND = "chaos drill"
EVIDENCE = "simulator"
FORMAT = 1
LATEST = "latest.json"
_TEXT_MAX = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One drill: what it was, what was seen, what follows from it."""

    name: str
    text: str
    verdict: Verdict
    seen: Observed
    took_s: float


@dataclass(frozen=True, slots=True)
class Head:
    """When it began, on what, and with which of all drills."""

    started_utc: datetime
    seed: int
    versions: dict[str, str]
    config_hash: str
    is_complete: bool


def outcome_of(rows: Sequence[Row]) -> Outcome:
    """Return the outcome of all: a skipped drill fails nothing, and only skips pass nothing."""
    outcomes = {row.verdict.outcome for row in rows}
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED
    return Outcome.PASSED if Outcome.PASSED in outcomes else Outcome.SKIPPED


def as_record(head: Head, rows: Sequence[Row], finished_utc: datetime) -> dict[str, object]:
    """Return everything as what JSON can hold."""
    times = [row.seen.recovery_s for row in rows if row.seen.recovery_s is not None]
    counts = {one.value: sum(row.verdict.outcome is one for row in rows) for one in Outcome}
    return {
        "kind": KIND,
        "format": FORMAT,
        "evidence": EVIDENCE,
        "outcome": outcome_of(rows).value,
        "is_complete": head.is_complete,
        "started_utc": utc_text(head.started_utc),
        "finished_utc": utc_text(finished_utc),
        "seed": head.seed,
        "versions": head.versions,
        "config_hash": head.config_hash,
        "recovery_s_limit": RECOVERY_S_MAX,
        "recovery_s_max": round(max(times), 3) if times else None,
        "counts": counts,
        "drills": [_drill(row) for row in rows],
    }


def _drill(row: Row) -> dict[str, object]:
    return {
        "name": row.name,
        "text": row.text,
        "outcome": row.verdict.outcome.value,
        "reasons": [shortened(reason) for reason in row.verdict.reasons],
        "recovery_s": _rounded(row.seen.recovery_s),
        "noticed_s": _rounded(row.seen.noticed_s),
        "took_s": _rounded(row.took_s),
        "observed": asdict(row.seen),
    }


def as_table(rows: Sequence[Row]) -> str:
    """Return a line for each drill, and below it every reason against it."""
    lines = [f"{'drill':<22}{'outcome':<10}{'noticed':>9}{'recovery':>10}{'took':>8}"]
    for row in rows:
        lines.append(
            f"{row.name:<22}{row.verdict.outcome.value:<10}{_seconds(row.seen.noticed_s):>9}"
            f"{_seconds(row.seen.recovery_s):>10}{_seconds(row.took_s):>8}"
        )
        lines += [f"    {shortened(reason)}" for reason in row.verdict.reasons]
    return "\n".join(lines)


def config_hash(files: Iterable[Path], settings: dict[str, object]) -> str:
    """Return one hash over configuration files, in order, and what was set beside them.

    Raises OSError.
    """
    found = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for path in files:
        content = path.read_bytes()
        found.update(f"\n{path.name} {len(content)}\n".encode() + content)
    return found.hexdigest()


def write(folder: Path, record: dict[str, object]) -> Path:
    """Write the record under its time and as the latest; raises OSError.

    Each appears under its name only when all of it is on disk, and no earlier one is replaced
    but the latest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = str(record["started_utc"]).replace(":", "").replace("-", "")
    path = folder / f"{stamp}.json"
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if path.exists():
        raise FileExistsError(17, "there is one of the same time", str(path))
    _replace(path, text)
    _replace(folder / LATEST, text)
    return path


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def shortened(text: str) -> str:
    """Return a text in one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_MAX else line[: _TEXT_MAX - 3] + "..."


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
