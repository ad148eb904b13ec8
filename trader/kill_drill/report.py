"""What a drill showed: each expectation with what was seen, when, by whom, on which versions.

A record that somebody practised has to be believed later, so it says what it was held against
(the simulator, never an account), and a step that was not played is not a step that went well.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from trader.ops.halt_record import utc_text

KIND = "kill switch drill"
# Beside it nothing may be concluded about a real account.
AGAINST = "simulator"
PASSED, FAILED, NOT_PLAYED = "passed", "failed", "not played"
_TEXT_MAX = 300


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation and what was seen, both in words."""

    at_utc: str
    what: str
    expected: str
    observed: str
    is_met: bool


@dataclass(slots=True)
class StepRecord:
    """One step of a play: what it was for, and what it showed."""

    play: str
    name: str
    text: str
    began_utc: str = ""
    checks: list[Check] = field(default_factory=list)
    # Why it could not be played to its end; empty otherwise.
    problem: str = ""

    @property
    def verdict(self) -> str:
        """Return ``passed``, ``failed`` or ``not played``."""
        if not self.began_utc:
            return NOT_PLAYED
        is_well = bool(self.checks) and all(row.is_met for row in self.checks)
        return PASSED if is_well and not self.problem else FAILED


@dataclass(frozen=True, slots=True)
class Head:
    """Who practised, when it began, and on what."""

    by: str
    started_utc: str
    versions: dict[str, str]


class Recorder:
    """Takes down what the steps check, and shows it as it happens."""

    def __init__(self, utc: Callable[[], datetime], say: Callable[[str], None]) -> None:
        self._utc = utc
        self._say = say
        self.steps: list[StepRecord] = []
        self._now: StepRecord | None = None

    def plan(self, play: str, name: str, text: str) -> StepRecord:
        """Put a step on the list; it counts as not played until it has begun."""
        step = StepRecord(play, name, text)
        self.steps.append(step)
        return step

    def begin(self, step: StepRecord) -> None:
        """Begin a step."""
        self._now, step.began_utc = step, utc_text(self._utc())
        place = self.steps.index(step) + 1
        self._say(f"[{place}/{len(self.steps)}] {step.play}: {step.name}")

    def stop(self, problem: str) -> None:
        """Say why the step cannot go on."""
        assert self._now is not None, "no step has begun"
        self._now.problem = shortened(problem)
        self._say(f"    STOPPED  {self._now.problem}")

    def check(
        self, what: str, expected: object, observed: object, *, is_met: bool | None = None
    ) -> bool:
        """Hold what was seen against what was expected: by equality unless it is told."""
        assert self._now is not None, "no step has begun"
        row = Check(
            at_utc=utc_text(self._utc()),
            what=what,
            expected=shortened(str(expected)),
            observed=shortened(str(observed)),
            is_met=expected == observed if is_met is None else is_met,
        )
        self._now.checks.append(row)
        seen = row.observed if row.is_met else f"{row.observed}; expected {row.expected}"
        self._say(f"    {'ok      ' if row.is_met else 'NOT MET '} {what}: {seen}")
        return row.is_met

    @property
    def verdict(self) -> str:
        """Return ``passed`` only if every step was played and every expectation met."""
        is_well = bool(self.steps) and all(row.verdict == PASSED for row in self.steps)
        return PASSED if is_well else FAILED


def as_record(head: Head, recorder: Recorder, finished_utc: datetime) -> dict[str, object]:
    """Return the whole drill as what JSON can hold."""
    checks = [check for step in recorder.steps for check in step.checks]
    return {
        "kind": KIND,
        "against": AGAINST,
        "verdict": recorder.verdict,
        "by": head.by,
        "started_utc": head.started_utc,
        "finished_utc": utc_text(finished_utc),
        "versions": head.versions,
        "checks_met": sum(check.is_met for check in checks),
        "checks": len(checks),
        "steps": [{"verdict": step.verdict} | asdict(step) for step in recorder.steps],
    }


def as_text(record: dict[str, object], recorder: Recorder) -> str:
    """Return the drill for a person to read and to sign."""
    lines = [
        f"{KIND.upper()}, against the {AGAINST.upper()}: {recorder.verdict.upper()}",
        f"  by        {record['by']}",
        f"  began     {record['started_utc']}",
        f"  ended     {record['finished_utc']}",
        f"  checks    {record['checks_met']} of {record['checks']} as expected",
    ]
    versions = record["versions"]
    assert isinstance(versions, dict)
    lines += [f"  {name:<9} {version}" for name, version in versions.items()]
    play = ""
    for step in recorder.steps:
        if step.play != play:
            play = step.play
            lines += ["", play]
        lines.append(f"  {step.verdict.upper():<11} {step.name}: {step.text}")
        for row in step.checks:
            mark = "ok" if row.is_met else "NOT MET"
            lines.append(f"    {row.at_utc}  {mark:<8}{row.what}")
            lines.append(f"        expected {row.expected}")
            lines.append(f"        observed {row.observed}")
        if step.problem:
            lines.append(f"    stopped: {step.problem}")
    return "\n".join(lines) + "\n"


def write(folder: Path, record: dict[str, object], text: str) -> tuple[Path, Path]:
    """Write both forms below ``folder``, never over another's; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = str(record["started_utc"]).replace(":", "").replace("-", "")
    paths = folder / f"kill-drill-{stamp}.json", folder / f"kill-drill-{stamp}.txt"
    contents = json.dumps(record, indent=1, ensure_ascii=False) + "\n", text
    for path, content in zip(paths, contents, strict=True):
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    return paths


def shortened(text: str) -> str:
    """Return a text in one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_MAX else line[: _TEXT_MAX - 3] + "..."
