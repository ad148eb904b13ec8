"""What facts about the machine mean: disk, memory, clock, and the units that systemd starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trader.core.halts import Mode
from trader.doctor.findings import Finding, fail, ok, unknown, warn
from trader.engine.host import TimeServiceStatus

# Every promise waits for one write to be durable before its bytes leave.
_WRITE_SLOW_S = 0.25
_WRITE_STUCK_S = 2.0
_SHARE_LOW = Decimal("0.10")
_MB = 1024 * 1024
# The unit's MemoryMax is 1 GB; a daemon with three strategies takes 150 MB.
_MEMORY_LOW = 512 * _MB
_MEMORY_MIN = 192 * _MB
_LINES_SHOWN = 3
# Where the program lies and whose it is, each set-up has for itself.
_OWN = ("Documentation=", "ExecStart=", "WorkingDirectory=", "EnvironmentFile=", "User=", "Group=")


@dataclass(frozen=True, slots=True)
class Written:
    """A trial write into the state: how long until it was durable, or why it was not."""

    folder: str
    took_s: float | None
    free: Decimal | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of systemd: what systemctl shows of it, and its text here and as shipped."""

    name: str
    shown: Mapping[str, str] | None
    installed: str | None
    shipped: str | None
    problem: str = ""


def disk(found: Written, free_min: Decimal) -> Finding:
    """Judge the disk of the state; below ``free_min`` the daemon takes no new risk."""
    expected = f"a write durable within {_WRITE_SLOW_S:g} s, and {_SHARE_LOW:.0%} free"
    if found.problem:
        return fail(
            "disk",
            found.problem,
            "a state directory that this user can write",
            "run this as the daemon's user; mend the disk or the owner of the state",
        )
    if found.took_s is None or found.free is None:
        return unknown("disk", f"{found.folder} is not there yet: the first start makes it")
    seen = f"a write was durable after {found.took_s * 1000:.0f} ms, {found.free:.0%} free"
    if found.free < free_min:
        return fail("disk", seen, expected, f"below {free_min:.0%} no new risk is taken: free room")
    if found.took_s > _WRITE_STUCK_S:
        return fail("disk", seen, expected, "orders wait for this disk: use a local one")
    if found.free < _SHARE_LOW:
        return warn("disk", seen, expected, "free room; `trader archive` moves older events")
    if found.took_s > _WRITE_SLOW_S:
        return warn("disk", seen, expected, "each order waits so long: use a faster, local disk")
    return ok("disk", seen)


def memory(available: int | None, total: int | None) -> Finding:
    """Judge the memory that the machine has left."""
    if available is None or not total:
        return unknown("memory", "/proc/meminfo does not say how much is left")
    seen = f"{available // _MB} of {total // _MB} MB available"
    expected = f"{_MEMORY_LOW // _MB} MB or more"
    if available < _MEMORY_MIN:
        return fail("memory", seen, expected, "end something, or the kernel ends the daemon")
    if available < _MEMORY_LOW:
        return warn("memory", seen, expected, "end something before the daemon starts")
    return ok("memory", seen)


def clock(found: TimeServiceStatus, mode: Mode) -> Finding:
    """Judge what the kernel says of this machine's clock."""
    expected = "a time service that keeps the clock within 0.5 s of UTC"
    todo = "start chrony or systemd-timesyncd: timedatectl set-ntp true"
    if found.is_synchronised is None:
        return unknown(
            "clock", found.problem, "ask the time service: timedatectl, chronyc tracking"
        )
    if found.problem and mode is Mode.LIVE:
        return fail(
            "clock", found.problem, expected, f"{todo}; mode live takes no new risk without"
        )
    if found.problem:
        return warn("clock", found.problem, expected, todo)
    return ok(
        "clock", f"kept by a time service, estimated error {found.estimated_error_s or 0:.3f} s"
    )


def unit(found: Unit, stop_timeout_s: float | None = None) -> Finding:
    """Judge one unit; ``stop_timeout_s`` is what the settings take systemd's patience for."""
    name = f"unit-{found.name.removesuffix('.service')}"
    if found.shown is None:
        return unknown(name, found.problem or "systemctl does not answer")
    shown = found.shown
    if shown.get("LoadState") != "loaded":
        return warn(
            name,
            f"no unit is installed ({shown.get('LoadState') or 'nothing said'})",
            "a unit that starts it after a crash and a reboot",
            f"install systemd/{found.name}: RUNBOOK.md, or leave it where a person starts it",
        )
    if shown.get("ActiveState") == "failed":
        return fail(
            name,
            f"the unit has failed: {shown.get('Result') or 'no reason'}",
            "active",
            f"journalctl -u {found.name}; systemctl reset-failed {found.name}",
        )
    return _installed(found, shown, name, stop_timeout_s)


def _installed(
    found: Unit, shown: Mapping[str, str], name: str, stop_timeout_s: float | None
) -> Finding:
    patience = _seconds(directives(found.installed or "").get("TimeoutStopSec", ""))
    if stop_timeout_s is not None and patience is not None and patience < stop_timeout_s:
        return fail(
            name,
            f"TimeoutStopSec is {patience:g} s and drain.stop_timeout_s {stop_timeout_s:g}",
            "systemd waits at least as long as the drain may take",
            f"raise TimeoutStopSec in {found.name} or lower the drain's bounds",
        )
    if shown.get("NeedDaemonReload") == "yes":
        return warn(
            name,
            "its file has changed and systemd has not read it",
            "the unit in force is the file",
            "systemctl daemon-reload",
        )
    # The alert is started by the others and never by itself.
    if shown.get("UnitFileState") not in ("enabled", "static"):
        return warn(
            name,
            f"installed and {shown.get('UnitFileState') or 'not enabled'}",
            "enabled: nothing starts it after a reboot",
            f"systemctl enable {found.name}",
        )
    state = f"{shown.get('UnitFileState')}, {shown.get('ActiveState')}"
    if shown.get("DropInPaths"):
        state += f", with {shown['DropInPaths']}"
    if found.installed is None or found.shipped is None:
        which = "the shipped unit is" if found.shipped is None else "the installed unit can"
        return unknown(name, f"{state}; {which} not be read here, and not compared")
    lines = differences(found.shipped, found.installed)
    if lines:
        more = f" and {len(lines) - _LINES_SHOWN} more" if len(lines) > _LINES_SHOWN else ""
        return warn(
            name,
            f"{state}; differs from the shipped one: {'; '.join(lines[:_LINES_SHOWN])}{more}",
            "the shipped unit, with changes in a drop-in",
            f"move what is yours to {found.name}.d/ and install the shipped one",
        )
    return ok(name, f"{state}, as shipped")


def differences(shipped: str, installed: str) -> list[str]:
    """Return what two units have differently; comments and where things lie are one's own."""
    one, other = (
        [line for line in _lines(text) if not line.startswith(_OWN)]
        for text in (shipped, installed)
    )
    gone = [f"-{line}" for line in one if line not in other]
    new = [f"+{line}" for line in other if line not in one]
    return gone + new


def directives(text: str) -> dict[str, str]:
    """Return the last value of each directive of a unit."""
    rows = (line.partition("=") for line in _lines(text))
    return {key.strip(): value.strip() for key, _, value in rows}


def _lines(text: str) -> list[str]:
    rows = (line.strip() for line in text.splitlines())
    return [row for row in rows if row and not row.startswith(("#", ";"))]


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() else None
