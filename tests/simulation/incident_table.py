"""The table of incidents under virtual time: what must be seen of each, and what stays apart.

`incidents.yaml` has a row for each shipped scenario of an incident. A row is strict: a cause that
halts, a ticket, a latched halt or an order taken for lost that it does not name fails the play.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("incidents.yaml")
# How a play comes out: it trades on by itself; it does so once a person has resumed; or a person
# has to look first, and it stays halted.
ENDINGS = ("trading", "resumed", "halted")

Act = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario, and what must be seen of it."""

    name: str
    ends: str = "trading"
    # The causes that halt it once it has been armed: all of these, and none but these and those
    # that may come along.
    halts: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    # It is blind from the start: the causes are those from before it was armed for the first time.
    is_dark: bool = False
    # How many of an event the journal must have; of 0, none. See NEVER.
    events: Mapping[str, int] = field(default_factory=dict)
    # Titles that somebody must be called with.
    pages: tuple[str, ...] = ()
    # Events that may be there, of those that no journal may have otherwise.
    allowed: tuple[str, ...] = ()
    # Codes of errors that the gateway must have written, parts of frames, and what it must not.
    codes: tuple[int, ...] = ()
    said: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    # Symbols that it must not have sent an order for.
    untraded: tuple[str, ...] = ()
    # So many starts of the daemon, at least; and the least orders that must have left.
    starts: int = 1
    orders: int = 3
    # What is done beside the daemon before it is armed and once it trades, and what mends the
    # fault once it has been seen.
    first: tuple[Act, ...] = ()
    beside: tuple[Act, ...] = ()
    mend: tuple[Act, ...] = ()
    # Seconds that pass at the broker in one jump, one after the other.
    leaps_s: tuple[float, ...] = ()
    # Jumps once nothing is wanted any more, and how long anything may be waited for.
    rest_leaps_s: tuple[float, ...] = ()
    patience_s: float = 60.0
    # What the broker's truth and the journal must differ in, where it stays halted.
    different: tuple[str, ...] = ()
    # Rules of the oracle that the scenario breaks by itself, at the broker.
    excused: tuple[str, ...] = ()
    # Settings of the daemon, as the command line takes them, and of the broker.
    changes: tuple[str, ...] = ()
    tick_s: float = 0.25
    pace: float = 0.5
    # Played only with SCENARIOS=all, by its cost.
    is_rare: bool = False


# None of these may be in a journal unless a row says so.
NEVER = ("HaltRaised", "TicketOpened", "OrderProvenAbsent", "CashAdjusted", "PositionAdjusted",
         "MessageQuarantined")  # fmt: skip


@cache
def _read() -> Mapping[str, Any]:
    read: Mapping[str, Any] = yaml.safe_load(TABLE.read_text("utf-8"))
    return read


@cache
def rows() -> tuple[Row, ...]:
    """Return every row that is played."""
    return tuple(_row(name, told or {}) for name, told in _read()["played"].items())


@cache
def apart() -> Mapping[str, str]:
    """Return the scenarios that are not played, each with the reason."""
    told: Mapping[str, str] = _read()["apart"]
    return told


@cache
def without_scenario() -> Mapping[str, str]:
    """Return the incidents that no scenario is about, each with what holds it instead."""
    told: Mapping[str, str] = _read()["without_scenario"]
    return told


def wanted() -> tuple[Row, ...]:
    """Return the rows of a run of every day, or all of them."""
    is_all = os.environ.get("SCENARIOS") == "all"
    return tuple(row for row in rows() if is_all or not row.is_rare)


def _row(name: str, told: Mapping[str, Any]) -> Row:
    known = {one.name: one for one in fields(Row)}
    wrong = [key for key in told if key not in known or key == "name"]
    assert not wrong, f"{TABLE.name}: {name}: {wrong[0]} is not allowed; allowed: {list(known)[1:]}"
    values: dict[str, Any] = {
        key: tuple(_act(one) if key in ("first", "beside", "mend") else one for one in value)
        if isinstance(value, list)
        else value
        for key, value in told.items()
    }
    row = Row(name, **values)
    assert row.ends in ENDINGS, f"{TABLE.name}: {name}: ends: {row.ends}; allowed: {ENDINGS}"
    return row


def _act(told: Any) -> Act:
    name, inputs = told if isinstance(told, list) else (told, {})
    return name, inputs
