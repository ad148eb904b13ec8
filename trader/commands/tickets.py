"""``trader tickets``: what only a person may decide, listed, shown and decided.

``list`` and ``show`` read the journal and need no daemon; the others ask the running one.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from trader.commands.asking import DONE, NOT_DONE, add_deciding, add_reading, ask
from trader.commands.journal_place import journal_asked_for
from trader.config import ConfigError
from trader.core.ticketing import TicketVerb
from trader.ops.clock import SystemClock
from trader.ops.kill import operator_name
from trader.store.rows import JournalUnusable
from trader.store.tickets import TicketRow, tickets_in

_HELP = {
    TicketVerb.ADOPT: "close it: the broker's word replaces the book's",
    TicketVerb.BOOK: "close it: book the trade or the payment that explains it",
    TicketVerb.IGNORE: "let it keep new risk out in place of halting, until a time",
    TicketVerb.FLATTEN: "adopt it and close the position in its instrument",
}
# What ``book`` takes, by how it is asked for.
_STATED = ("quantity", "price", "commission", "amount", "currency")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``tickets`` takes."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="VERB")
    listed = verbs.add_parser("list", help="every ticket, the open ones first")
    shown = verbs.add_parser("show", help="one ticket, and what can be done about it")
    shown.add_argument("ticket", help="its name, as trader tickets list shows it")
    for one in (listed, shown):
        add_reading(one)
    for name, text in _HELP.items():
        verb = verbs.add_parser(str(name), help=text)
        verb.add_argument("ticket", help="its name, as trader tickets list shows it")
        if name is TicketVerb.IGNORE:
            verb.add_argument(
                "until", metavar="TIME", help="ISO 8601 with its zone, 7 days at most"
            )
        if name is TicketVerb.BOOK:
            _add_stated(verb)
        # A close may take its time; what is not answered may have been done all the same.
        add_deciding(verb, 120.0 if name is TicketVerb.FLATTEN else 60.0)


def _add_stated(verb: argparse.ArgumentParser) -> None:
    trade = verb.add_argument_group("of a position's ticket: the trade")
    trade.add_argument("--quantity", type=_number, metavar="Q", help="bought above 0, sold below")
    trade.add_argument("--price", type=_number, metavar="P", help="per unit")
    trade.add_argument("--commission", type=_number, metavar="C", help="what it cost (default: 0)")
    payment = verb.add_argument_group("of a cash ticket: the payment")
    payment.add_argument("--amount", type=_number, metavar="A", help="got above 0, paid below")
    payment.add_argument("--currency", metavar="CUR", help="of the amount")


def _number(text: str) -> str:
    try:
        is_number = Decimal(text).is_finite()
    except InvalidOperation:
        is_number = False
    if not is_number:
        raise argparse.ArgumentTypeError(f"is {text}, allowed is a decimal number")
    return text


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """List, show or decide."""
    if given.action in ("list", "show"):
        return _told(given, environment, SystemClock().utc())
    asked: dict[str, object] = {"reason": given.reason, "by": operator_name(environment)}
    asked["ticket"] = given.ticket
    if given.action == TicketVerb.IGNORE:
        asked["until"] = given.until
    if given.action == TicketVerb.BOOK:
        stated = {name: getattr(given, name) for name in _STATED}
        asked |= {name: value for name, value in stated.items() if value is not None}
    return ask(given, given.action, asked)


def _told(given: argparse.Namespace, environment: Mapping[str, str], now_utc: datetime) -> int:
    try:
        rows = tickets_in(journal_asked_for(given, environment))
    except (ConfigError, JournalUnusable) as error:
        print(f"trader: {error}", file=sys.stderr)
        return NOT_DONE
    if given.action == "list":
        bodies = [_json(row, now_utc) for row in rows]
        lines = [_line(row, now_utc) for row in rows] or ["no tickets"]
        print(json.dumps(bodies, indent=1) if given.json else "\n".join(lines))
        return DONE
    # A name comes back when the same difference does in the same run: the newest is meant.
    found = next((row for row in rows if row.ticket_id == given.ticket), None)
    if found is None:
        print(f"trader: no ticket {given.ticket!r} in the journal", file=sys.stderr)
        return NOT_DONE
    if given.json:
        print(json.dumps(_json(found, now_utc), indent=1))
    else:
        print("\n".join(_lines(found, now_utc)))
    return DONE


def _state(row: TicketRow, now_utc: datetime) -> str:
    if not row.is_open:
        return "closed"
    return "ignored" if row.is_ignored(now_utc) else "OPEN"


def _line(row: TicketRow, now_utc: datetime) -> str:
    return f"{_state(row, now_utc):<8} {_when(row.opened_utc)}  {row.ticket_id}  {row.text}"


def _lines(row: TicketRow, now_utc: datetime) -> list[str]:
    told = [
        ("ticket", f"{row.ticket_id}: {_state(row, now_utc)}"),
        ("kind", row.kind),
        ("instrument", "none in particular" if row.con_id is None else str(row.con_id)),
        ("found", row.text),
        ("opened", f"{_when(row.opened_utc)} by run {row.run_id}"),
        ("for", _span(_open_s(row, now_utc))),
    ]
    if row.is_open and row.ignored_until_utc is not None:
        is_over = "" if row.is_ignored(now_utc) else " (over)"
        until = f"until {_when(row.ignored_until_utc)}{is_over}"
        told.append(("ignored", f"{until} by {row.ignored_by}: {row.ignored_reason}"))
    if row.closed_utc is not None:
        how = f"{_closed_as(row)} by {row.closed_by}: {row.closed_reason}"
        told.append(("closed", f"{_when(row.closed_utc)}, {how}"))
    if _has_run(row):
        told.append(("replay", _replay(row)))
    told += [(str(verb), text) for verb, text in row.verbs.items()]
    if row.is_open:
        told.append(("how", f"trader tickets VERB {row.ticket_id} --reason '...'"))
    return [f"{name:<14}{text}" for name, text in told]


def _closed_as(row: TicketRow) -> str:
    return "booked" if row.was_booked else "adopted"


def _json(row: TicketRow, now_utc: datetime) -> dict[str, object]:
    return {
        "ticket_id": row.ticket_id,
        "state": _state(row, now_utc).lower(),
        "kind": row.kind,
        "con_id": row.con_id,
        "text": row.text,
        "run_id": row.run_id,
        "opened": _when(row.opened_utc),
        "open_s": _open_s(row, now_utc),
        "ignored_until": None if row.ignored_until_utc is None else _when(row.ignored_until_utc),
        "ignored_by": row.ignored_by,
        "ignored_reason": row.ignored_reason,
        "closed": None if row.closed_utc is None else _when(row.closed_utc),
        "closed_as": "" if row.is_open else _closed_as(row),
        "closed_by": row.closed_by,
        "closed_reason": row.closed_reason,
        "replay": _replay(row) if _has_run(row) else "",
        "verbs": {str(verb): text for verb, text in row.verbs.items()},
    }


def _has_run(row: TicketRow) -> bool:
    # A ticket about the day's result comes of no reconciliation.
    return " " not in row.run_id


def _replay(row: TicketRow) -> str:
    return f"trader reconcile replay {row.run_id}"


def _open_s(row: TicketRow, now_utc: datetime) -> float:
    return max(0.0, ((row.closed_utc or now_utc) - row.opened_utc).total_seconds())


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _span(seconds: float) -> str:
    minutes, seconds_left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds_left, "s"))
    told = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(told[:2]) or "0 s"
