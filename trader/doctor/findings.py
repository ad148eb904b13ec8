"""A finding: what was seen, what was expected, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is; ``unknown`` could not be looked at, which is never the same as ok."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


ALL_OK, FOUND, COULD_NOT_RUN = 0, 1, 2

# What no look can tell, because only an order shows it.
UNSEEN = (
    "whether a precaution of TWS holds an order back until somebody clicks (Global Configuration, "
    "API, Precautions: bypass order precautions for API orders)",
    "which presets TWS adds to an order that names none, and its size and value limits (10349, "
    "383, 382, 163); what the journal has of them is told as presets",
    "whether the account may trade an instrument: that its quotes come says nothing of it",
    "what the broker's own risk desk refuses (201)",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check; what is ok expects nothing else and asks for nothing."""

    name: str
    level: Level
    seen: str
    expected: str = ""
    todo: str = ""


def ok(name: str, seen: str) -> Finding:
    """Make a finding that all is well."""
    return Finding(name, Level.OK, seen)


def warn(name: str, seen: str, expected: str, todo: str) -> Finding:
    """Make a finding that something should be put right."""
    return Finding(name, Level.WARN, seen, expected, todo)


def fail(name: str, seen: str, expected: str, todo: str) -> Finding:
    """Make a finding that something does not work."""
    return Finding(name, Level.FAIL, seen, expected, todo)


def unknown(name: str, seen: str, todo: str = "") -> Finding:
    """Make a finding that nobody could look."""
    return Finding(name, Level.UNKNOWN, seen, "", todo)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 0 only where everything was looked at and is well."""
    return ALL_OK if all(one.level is Level.OK for one in findings) else FOUND


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """Count the findings of each level, none left out."""
    return {str(level): sum(one.level is level for one in findings) for level in Level}
