"""What facts about TWS or IB Gateway mean: its port, clock, account, lists and quotes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from trader.core.halts import Mode
from trader.core.ids import AccountId
from trader.doctor.findings import Finding, fail, ok, unknown, warn
from trader.engine.link import account_problem
from trader.ports import LinkFacts

# What the daemon's client library speaks.
VERSIONS = (157, 178)
# Whole seconds on the wire, and what the daemon tolerates.
_SKEW_S_MAX = 2.0
_QUARTER = timedelta(minutes=15)
_GATEWAY_TIME = re.compile(r"(\d{8}) (\d{2}:\d{2}:\d{2})")
# Refused or altered because of a preset or precaution, each with what it says.
PRESET_CODES: Mapping[int, str] = {
    163: "a size or value limit of the presets",
    164: "a precaution that waits for a person",
    382: "a price limit of the presets",
    383: "a size limit of the presets",
    451: "a value limit of the presets",
    2109: "an attribute that TWS ignores",
    10311: "direct routing that waits for a person",
    10349: "the time in force came from a preset",
}
_NO_DATA = {
    354: "the account has no subscription for it",
    101: "every line of the user is taken",
    10089: "it needs a subscription of its own for the API",
    10090: "a part of it is not subscribed",
    10091: "a part of it needs a subscription for the API",
    10167: "delayed data in place of live ones",
    10168: "no subscription, and delayed data are not enabled",
    10186: "no subscription, and delayed data are not enabled",
    10197: "another session of the same user has the live data",
}
_SAY_DATA = "subscribe in Client Portal (Settings, Market Data) and share them with the paper user"


class Reached(StrEnum):
    """How far a connection came."""

    REFUSED = "refused"
    UNREACHED = "unreached"
    CLOSED = "closed"
    SILENT = "silent"
    STRANGE = "strange"
    GREETED = "greeted"


@dataclass(frozen=True, slots=True)
class Greeting:
    """What came of a handshake without an API session."""

    where: str
    reached: Reached
    text: str = ""
    version: int = 0
    # The gateway's own clock, in its own zone; empty where it named none.
    time: str = ""
    round_trip_s: float = 0.0


@dataclass(slots=True)
class Line:
    """What was heard for one instrument's quotes."""

    symbol: str
    data_type: int | None = None
    is_priced: bool = False
    problems: list[tuple[int, str]] = field(default_factory=list)


def port(found: Greeting) -> Finding:
    """Judge whether a TWS or gateway listens there."""
    expected = "a TWS or IB Gateway that says its version"
    todo = {
        Reached.REFUSED: "start and log in to TWS or IB Gateway; enable socket clients; compare "
        "the port (TWS 7497 paper, 7496 live; gateway 4002 paper, 4001 live)",
        Reached.UNREACHED: "compare broker.host, route and firewall; the unit allows localhost",
        Reached.CLOSED: "add this machine to Trusted IPs; 32 clients at most",
        Reached.SILENT: "a dialog may stand in its way: look at its window, restart it",
        Reached.STRANGE: "something else listens on this port: compare broker.port",
    }
    if found.reached is not Reached.GREETED:
        return fail("port", f"{found.where}: {found.text}", expected, todo[found.reached])
    least, most = VERSIONS
    if not least <= found.version <= most:
        return fail(
            "port",
            f"{found.where}: server version {found.version}",
            f"a version from {least} to {most}",
            "update TWS or IB Gateway",
        )
    return ok("port", f"{found.where} speaks the TWS protocol, server version {found.version}")


def zone(time_text: str, now_utc: datetime, configured: str) -> Finding:
    """Judge whether the gateway lives in the zone that its times are read in."""
    match = _GATEWAY_TIME.match(time_text)
    if match is None:
        return unknown("zone", f"the gateway's greeting has no time: {time_text!r}")
    told = datetime.strptime(" ".join(match.groups()), "%Y%m%d %H:%M:%S").replace(tzinfo=UTC)
    # Zones are whole quarters of an hour from UTC; what is left over is the clocks' difference.
    offset = round((told - now_utc) / _QUARTER) * _QUARTER
    wanted = now_utc.astimezone(ZoneInfo(configured)).utcoffset() or timedelta()
    if offset != wanted:
        return warn(
            "zone",
            f"the gateway's clock says {time_text}, which is UTC{_hours(offset)}",
            f"broker.zone is {configured}, UTC{_hours(wanted)} now",
            "set broker.zone to the zone of the gateway: execution times are read in it",
        )
    return ok("zone", f"the gateway says {time_text}, as broker.zone {configured} does")


def client_id(number: int, refusal: str | None, *, is_daemon_running: bool) -> Finding:
    """Judge whether the daemon's client id is free for it."""
    if is_daemon_running:
        return ok("client_id", f"{number} is the running daemon's: not tried")
    if refusal is None:
        return ok("client_id", f"{number} is free")
    if is_in_use(refusal):
        return fail(
            "client_id",
            f"{number} is in use: {refusal}",
            "an id that nobody else uses",
            "end the other program, or set broker.client_id; after a crash wait a minute",
        )
    return fail(
        "client_id",
        f"as {number}: {refusal}",
        "accounts and the next order id",
        "look at the gateway's window: a login, a dialog, an agreement to accept",
    )


def is_in_use(refusal: str) -> bool:
    """Tell whether a connection was refused because another one has its client id."""
    # Not by its number: a port may have the same.
    return refusal.startswith("client id")


def account(mode: Mode, configured: str, facts: LinkFacts) -> Finding:
    """Judge whether it is the account, and of the kind, that the mode is for."""
    problem = account_problem(mode, AccountId(configured), facts)
    if problem is not None:
        return fail(
            "account",
            problem,
            f"account {configured}, of the kind that mode {mode} is for",
            "compare account and mode with the login: paper is a user of its own",
        )
    others = len(facts.accounts) - 1
    more = f", one of {others + 1} of this login" if others else ""
    return ok("account", f"{configured} in mode {mode}{more}")


def upstream(is_up: bool | None, farms: Mapping[str, str]) -> Finding:
    """Judge whether there is a broker behind the gateway, and its data farms."""
    expected = "the gateway's own link to the broker (2104, 2106, 2158)"
    if is_up is False:
        return fail(
            "upstream",
            "the gateway has lost the broker (1100, 2110)",
            expected,
            "wait for 1102, or look at its network and its login",
        )
    down = [f"{name} {state}" for name, state in farms.items() if state in ("broken", "connecting")]
    if down:
        return warn(
            "upstream",
            f"farms: {', '.join(down)}",
            expected,
            "wait: a farm comes back by itself; at night and weekends they rest",
        )
    if is_up is None:
        return unknown("upstream", "no farm has spoken", "look again in a minute")
    return ok("upstream", f"farms: {', '.join(f'{n} {s}' for n, s in farms.items())}")


def read_only(is_read_only: bool | None, mode: Mode) -> Finding:
    """Judge the Read-Only API box, by what the gateway says to a question for open orders."""
    if is_read_only is None:
        return unknown("read_only", "the list of open orders neither ended nor was refused")
    if is_read_only and mode.may_send:
        return fail(
            "read_only",
            "the API is read-only (321)",
            "an API that takes orders",
            "untick Read-Only API: Global Configuration, API, Settings",
        )
    if is_read_only:
        return ok("read_only", f"the API is read-only, which mode {mode} does not mind")
    return ok("read_only", "the API takes orders")


def skew(server_utc: datetime, now_utc: datetime, round_trip_s: float) -> Finding:
    """Judge this clock against the broker's, which tells whole seconds."""
    ahead_s = (now_utc - server_utc).total_seconds()
    # Between the second that was told and its end, and on its way meanwhile.
    off_s = max(0.0, ahead_s - 1.0 - round_trip_s, -ahead_s)
    if off_s > _SKEW_S_MAX:
        side = "ahead of" if ahead_s > 0 else "behind"
        return fail(
            "skew",
            f"this clock is {off_s:.0f} s {side} the broker's",
            f"within {_SKEW_S_MAX:g} s",
            "set the clock: chronyc makestep; see clock",
        )
    return ok("skew", "this clock agrees with the broker's, to the second that it tells")


def snapshot(problem: str | None, took_s: float, orders: int, positions: int) -> Finding:
    """Judge whether the gateway answers everything that a reconciliation asks."""
    if problem is not None:
        return fail(
            "snapshot",
            problem,
            "complete lists of orders, executions, positions and values",
            "without them the daemon stays halted: restart the gateway, look again",
        )
    return ok(
        "snapshot", f"complete after {took_s:.1f} s: {orders} open orders, {positions} positions"
    )


def lines(heard: Sequence[Line]) -> Finding:
    """Judge whether quotes come live, which is what is traded on."""
    if not heard:
        return ok("lines", "no instrument is traded here")
    bad = [text for line in heard if (text := _denied(line))]
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        return fail(
            "lines",
            "; ".join(bad[:3]) + more,
            "live data (type 1) for each instrument",
            f"no live quote, no order: {_SAY_DATA}",
        )
    # Prices of no kind are not traded on either.
    quiet = [line.symbol for line in heard if line.data_type is None]
    if quiet:
        return unknown(
            "lines",
            f"nothing says whether the quotes of {', '.join(quiet)} are live",
            "look again while the exchange is open",
        )
    return ok("lines", f"live for {', '.join(line.symbol for line in heard)}")


def lines_told(data: Mapping[str, Any]) -> Finding:
    """Judge the quotes of a daemon that runs, by its own word: its lines are not doubled."""
    if not data:
        return unknown("lines", "the daemon says nothing of its market data")
    expected = "a live price for each instrument whose session is on"
    todo = "trader status, Market data; docs/market-data.md has each rule"
    if denied := _names(data.get("denied")):
        return fail("lines", f"refused to the daemon: {denied}", expected, _SAY_DATA)
    if unusable := _names(data.get("unusable")):
        return warn("lines", f"not to be traded on: {unusable}", expected, todo)
    if waiting := _names(data.get("waiting")):
        return warn("lines", f"no price in time: {waiting}", expected, todo)
    return ok("lines", f"the daemon has {data.get('used')} lines, and no complaint of them")


def _names(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else ""


def presets(seen: Mapping[int, int], orders: int) -> Finding:
    """Judge what orders of before have met; without one nobody can know."""
    told = [f"{code} {count} times ({PRESET_CODES[code]})" for code, count in sorted(seen.items())]
    if told:
        return warn(
            "presets",
            f"among the newest events: {'; '.join(told)}",
            "presets that leave API orders as they were sent",
            "TWS: Global Configuration, Presets and API, Precautions; tick the bypasses",
        )
    if not orders:
        return unknown("presets", "no order has been sent yet: only one shows them")
    return ok("presets", f"none was met by the newest {orders} orders")


def _denied(line: Line) -> str:
    for code, text in line.problems:
        if code != 10167 or line.data_type not in (1, None):
            return f"{line.symbol}: {code} {_NO_DATA.get(code, text)}"
    if line.data_type in (2, 3, 4):
        kind = {2: "frozen", 3: "delayed", 4: "delayed and frozen"}[line.data_type]
        return f"{line.symbol}: {kind} data"
    return ""


def _hours(offset: timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
