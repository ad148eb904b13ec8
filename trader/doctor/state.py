"""What facts about the state mean: who holds it, what halts, who may read it, its journal."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trader.doctor.findings import Finding, fail, ok, unknown, warn
from trader.ports import HaltReading

# Of a random token of 32 bytes; of a password somebody made up.
_TOKEN_BITS = 128
_PASSWORD_BITS = 60
_PLACEHOLDERS = ("changeme", "change_me", "password", "secret", "example", "trader", "placeholder")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds the state's lock, as the kernel shows; ``said`` is the process in the lock file."""

    pid: int = 0
    is_liquidator: bool = False
    said: int = 0
    # Daemons that hold the lock on a file that somebody removed.
    strays: tuple[int, ...] = ()
    # Who holds the journal's own lock: DATABASE_URL may lead two states to one journal.
    journal_pid: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FileMode:
    """A file or directory: who may touch it."""

    path: str
    mode: int
    owner: int
    is_secret: bool
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by its name; None where there is a file and nothing usable in it."""

    name: str
    value: str | None
    bits_min: int

    def __repr__(self) -> str:
        """Say nothing of it."""
        return f"Secret({self.name!r})"


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A short look at the journal: whole and anchored as far as there was time to read it."""

    path: str
    exists: bool
    event_count: int = 0
    findings: tuple[str, ...] = ()
    has_anchors: bool = False
    # Empty where all of it was read.
    left_out: str = ""
    problem: str = ""


def token(value: str | None) -> Secret:
    """Name the control token."""
    return Secret("control.token", value, _TOKEN_BITS)


def password(name: str, value: str | None) -> Secret:
    """Name a password that a person has chosen."""
    return Secret(name, value, _PASSWORD_BITS)


def daemon(held: Held, status: Mapping[str, Any] | None, problem: str = "") -> Finding:
    """Judge whether a daemon runs, and what it says of itself."""
    if held.problem:
        return unknown("daemon", held.problem, "run as the daemon's user, or as root")
    if held.strays:
        return fail(
            "daemon",
            f"process {held.strays[0]} holds a lock whose file was removed",
            "one daemon, on the lock of its state",
            f"stop process {held.strays[0]} before anything is started here",
        )
    if not held.pid:
        return ok("daemon", "none runs here")
    if held.is_liquidator:
        return warn(
            "daemon",
            f"a kill switch or sentinel is acting, process {held.pid}",
            "a daemon, or nobody",
            "wait for its end: it says what it has done",
        )
    if status is None:
        return fail(
            "daemon",
            f"process {held.pid} holds the lock and does not answer: {problem}",
            "an answer on its control port",
            "look at its log; scripts/kill_switch.py if in doubt",
        )
    causes = [f"{name}: {text}" for name, text in dict(status.get("causes") or ()).items()]
    who = f"process {held.pid}, mode {status.get('mode')}, {status.get('posture')}"
    if causes:
        more = f" and {len(causes) - _SHOWN} more" if len(causes) > _SHOWN else ""
        return warn(
            "daemon",
            f"{who}: {'; '.join(causes[:_SHOWN])}{more}",
            "no cause of a halt",
            "trader status; RUNBOOK.md, Halts, has each cause",
        )
    return ok("daemon", who)


def lock(held: Held) -> Finding:
    """Judge what a process that is gone has left behind; the kernel took its lock with it."""
    if held.problem:
        return unknown("lock", held.problem)
    if held.journal_pid not in (0, held.pid):
        return fail(
            "lock",
            f"the journal is held by process {held.journal_pid}, which does not hold this state",
            "one state for one journal",
            "end that process, or give this state a journal of its own: DATABASE_URL",
        )
    if held.pid:
        return ok("lock", f"held by process {held.pid}")
    if held.said:
        return ok("lock", f"free; its file still names process {held.said}, which holds nothing")
    return ok("lock", "free")


def halt(reading: HaltReading, environment: str) -> Finding:
    """Judge the halt file, and the halt of the environment."""
    expected = "no halt, where it is meant to trade"
    if environment:
        return warn("halt", environment, expected, "unset it for the daemon, then start it again")
    if reading.is_missing:
        return warn(
            "halt",
            reading.reason,
            expected,
            "a fresh state starts halted: `trader baseline`, then `trader resume`",
        )
    if reading.is_active:
        return warn(
            "halt", reading.reason, expected, "find out why; then `trader resume --reason ...`"
        )
    return ok("halt", "no halt in the halt file")


def kill(words: str | None, problem: str) -> Finding:
    """Judge whether a kill was ordered that nobody could carry out yet."""
    if problem:
        return fail(
            "kill", problem, "no standing order", "read the file; scripts/kill_switch.py --help"
        )
    if words is not None:
        return fail(
            "kill",
            f"unanswered: {words}",
            "no standing order",
            "the daemon carries it on at its next link; look at the account in TWS",
        )
    return ok("kill", "no kill waits to be carried out")


def modes(files: Iterable[FileMode], owner: int | None) -> Finding:
    """Judge who else may read or write; ``owner`` is the state's."""
    bad, loose, strange = [], [], []
    for file in files:
        others = file.mode & 0o077
        if (file.is_secret and others) or others & 0o022:
            bad.append(f"{file.path} is {file.mode & 0o777:04o}")
        elif file.is_folder and others:
            loose.append(f"{file.path} is {file.mode & 0o777:04o}")
        if owner is not None and file.owner not in (owner, 0):
            strange.append(f"{file.path} belongs to user {file.owner}, the state to {owner}")
    expected = "secrets 0600, the state 0700, nothing that others may write"
    if bad:
        return fail(
            "modes",
            _some(bad),
            expected,
            "chmod go-rwx each; a secret that was open is spent: make a new one",
        )
    if strange:
        return fail("modes", _some(strange), "one owner", "chown it to the daemon's user")
    if loose:
        return warn("modes", _some(loose), expected, "chmod 0700")
    return ok("modes", "only their owner may touch state and secrets")


def secrets(rows: Sequence[Secret]) -> Finding:
    """Judge how hard each secret is to guess; none of it is ever told."""
    if not rows:
        return ok("secrets", "none is kept here")
    bad = [f"{row.name}: {why}" for row in rows if (why := weakness(row))]
    if bad:
        return fail(
            "secrets",
            _some(bad),
            f"random, {_TOKEN_BITS} bits; a password {_PASSWORD_BITS}",
            "remove control.token, the next start makes one; set another password",
        )
    return ok("secrets", f"{', '.join(row.name for row in rows)}: hard enough to guess")


def weakness(secret: Secret) -> str:
    """Say why a secret is easily guessed; empty when it is not."""
    if secret.value is None:
        return "nothing usable is in it"
    if any(word in secret.value.lower() for word in _PLACEHOLDERS):
        return "a placeholder"
    bits = entropy_bits(secret.value)
    return f"about {bits:.0f} bits" if bits < secret.bits_min else ""


def entropy_bits(text: str) -> float:
    """Return an upper estimate: drawn from the kinds of letters there are, repeats count little."""
    kinds = (
        ("abcdefghijklmnopqrstuvwxyz", 26),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 26),
        ("0123456789", 10),
    )
    pool = sum(size for letters, size in kinds if any(one in letters for one in text))
    known = "".join(letters for letters, _ in kinds)
    pool += 20 if any(one not in known for one in text) else 0
    # Twice each is what chance does; more says that somebody repeats.
    length = min(len(text), 2 * len(set(text)))
    return length * math.log2(pool) if pool > 1 else 0.0


def journal(found: Glimpse) -> Finding:
    """Judge the journal, by a look that is short on purpose."""
    if found.problem:
        return fail(
            "journal",
            found.problem,
            "a journal that this version reads",
            "trader verify; trader migrate for an older one; trader restore from a backup",
        )
    if not found.exists and found.has_anchors:
        return fail(
            "journal",
            f"{found.path} is gone, and its digests are still noted in the state",
            "the journal that they are of",
            "put it back: trader restore",
        )
    if not found.exists:
        return ok("journal", f"{found.path} is not there yet: the first start makes it")
    if found.findings:
        return fail(
            "journal",
            _some(found.findings),
            "every event as it was written",
            "do not start on it: RUNBOOK.md, the journal; trader verify tells all",
        )
    if found.left_out:
        return unknown("journal", f"{found.event_count} events; {found.left_out}", "trader verify")
    return ok("journal", f"{found.event_count} events, whole, and as far as it was noted elsewhere")


def _some(lines: Sequence[str]) -> str:
    more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return "; ".join(lines[:_SHOWN]) + more
