"""The simulator's settings: one frozen value, checked when it is made.

A wrong value raises `SettingsError` whose text names the field, the value and what is allowed.
"""

import ipaddress
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

# Above 200 clients speak protobuf. At 158 one widely used client writes a field (the duration of
# an order) that it does not read back, so that it misreads every openOrder: best left out.
VERSION_RANGE = (157, 200)
# Open day and night, or as the exchanges' own calendars say.
SESSIONS = ("always", "exchange")

# What a declared process or file may be called.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")

ACCOUNT_KINDS = ("margin", "cash", "portfolio")
COMMISSIONS = ("fixed", "tiered")


class SettingsError(ValueError):
    """A setting is not allowed."""


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _is_plain(name: str) -> bool:
    # Clients decode what the gateway sends as ASCII.
    return name.isascii() and name.isalnum()


def is_loopback(host: str) -> bool:
    """Return whether only this host can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Declared:
    """A process that the simulator may start: its name, its command, and when it is started."""

    name: str
    words: tuple[str, ...]
    # Started only by an action, not when the simulator listens.
    is_later: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a simulator is started with; latencies in seconds."""

    account: str
    seed: int
    # Further accounts of the same login, of the same kind and with the same cash.
    more_accounts: tuple[str, ...] = ()
    account_kind: str = "margin"
    currency: str = "USD"
    commissions: str = "fixed"
    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    speed: float = 1.0
    cash: Decimal = Decimal(1_000_000)
    positions: tuple[tuple[str, Decimal], ...] = ()
    server_version: int = 178
    data: Path = Path(__file__).parent / "data"
    state: Path | None = None
    tick_interval_s: float = 0.25
    ack_s: tuple[float, float] = (0.001, 0.005)
    fill_s: tuple[float, float] = (0.005, 0.150)
    start_date: date | None = None
    sessions: str = "always"
    # Messages a second a client may send (error 100), None for any number.
    rate_limit: int | None = 50
    # Where the gateway believes to be: its day and its nights are those of this zone.
    zone: str = "UTC"
    has_history_pacing: bool = True
    is_read_only: bool = False
    may_be_remote: bool = False
    # Nothing but these is ever run or locked, whatever a scenario or the control port asks for.
    children: tuple[Declared, ...] = ()
    lockables: tuple[tuple[str, Path], ...] = ()
    # Where each child has a log of its own; without, they write to this program's stderr.
    child_logs: Path | None = None

    def __post_init__(self) -> None:
        low, high = VERSION_RANGE
        _check("seed", self.seed, self.seed >= 0, "0 or more")
        _check("account", self.account, _is_plain(self.account), "letters and digits")
        for name in self.more_accounts:
            is_new = name != self.account and self.more_accounts.count(name) == 1
            is_good = is_new and _is_plain(name)
            _check("account", name, is_good, "letters and digits, each name once")
        _check("account-kind", self.account_kind, self.account_kind in ACCOUNT_KINDS,
               " or ".join(ACCOUNT_KINDS))  # fmt: skip
        is_currency = (
            self.currency.isalpha() and self.currency.isupper() and (len(self.currency) == 3)
        )
        _check("currency", self.currency, is_currency, "three capital letters")
        _check("commissions", self.commissions, self.commissions in COMMISSIONS,
               " or ".join(COMMISSIONS))  # fmt: skip
        _check("port", self.port, 0 <= self.port <= 65535, "0 to 65535")
        _check("control-port", self.control_port, 0 <= self.control_port <= 65535, "0 to 65535")
        _check("speed", self.speed, 0 < self.speed <= 100_000, "above 0, up to 100000")
        _check("cash", self.cash, self.cash.is_finite() and self.cash >= 0, "0 or more")
        _check("server-version", self.server_version, low <= self.server_version <= high,
               f"{low} to {high}")  # fmt: skip
        _check("tick-interval", self.tick_interval_s, 0.0005 <= self.tick_interval_s <= 60,
               "0.0005 to 60 seconds")  # fmt: skip
        _check("sessions", self.sessions, self.sessions in SESSIONS, " or ".join(SESSIONS))
        _check("rate-limit", self.rate_limit, self.rate_limit is None or self.rate_limit >= 1,
               "1 or more, or off")  # fmt: skip
        _check("data", self.data, self.data.is_dir(), "an existing directory")
        for name, (first, last) in (("ack-ms", self.ack_s), ("fill-ms", self.fill_s)):
            _check(name, f"{first * 1000:g}:{last * 1000:g}", 0 <= first <= last <= 60,
                   "LO:HI with 0 <= LO <= HI <= 60000")  # fmt: skip
        _check("zone", self.zone, _is_zone(self.zone), "a name such as America/New_York")
        _check_names("child", [child.name for child in self.children])
        _check_names("lockable", [name for name, _ in self.lockables])
        logs = self.child_logs
        _check("child-logs", logs, logs is None or logs.is_dir(), "an existing directory")
        if not self.may_be_remote:
            _check("host", self.host, is_loopback(self.host),
                   "a loopback address, or any with --allow-remote")  # fmt: skip


def _check_names(field: str, names: list[str]) -> None:
    for name in names:
        is_good = bool(_NAME.match(name)) and names.count(name) == 1
        _check(field, name, is_good, "a name of small letters, digits and hyphens, each once")


def _check(field: str, value: object, is_allowed: bool, allowed: str) -> None:
    if not is_allowed:
        shown = "an empty text" if value == "" else value
        raise SettingsError(f"{field}: {shown} is not allowed; allowed: {allowed}")
