"""``trader quarantine``: messages that could not be read, listed, shown, read again, dismissed.

``list`` and ``show`` read the journal and need no daemon; the others ask the running one.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import datetime

from trader.commands.asking import DONE, NOT_DONE, add_deciding, add_reading, ask
from trader.commands.journal_place import journal_asked_for
from trader.config import ConfigError
from trader.core.quarantine import message_words
from trader.ops.kill import operator_name
from trader.store.quarantine import LetterRow, NotKeptRow, letters_in
from trader.store.rows import JournalUnusable

_VERBS = {
    "retry": "have the running daemon read it again; an execution or a commission is booked",
    "dismiss": "end it; nothing of it is taken in",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``quarantine`` takes."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="VERB")
    listed = verbs.add_parser("list", help="every letter, the open ones first")
    shown = verbs.add_parser("show", help="one letter: its raw fields, and what can be done")
    shown.add_argument("letter", help="its key, as trader quarantine list shows it")
    for one in (listed, shown):
        add_reading(one)
    for name, text in _VERBS.items():
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("letter", help="its key, as trader quarantine list shows it")
        add_deciding(verb)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """List, show, or have the daemon decide."""
    if given.action not in _VERBS:
        return _told(given, environment)
    asked = {"reason": given.reason, "by": operator_name(environment), "letter": given.letter}
    return ask(given, f"{given.action}-letter", asked)


def _told(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    try:
        rows, lost = letters_in(journal_asked_for(given, environment))
    except (ConfigError, JournalUnusable) as error:
        print(f"trader: {error}", file=sys.stderr)
        return NOT_DONE
    if given.action == "list":
        body = {"letters": [_json(row) for row in rows], "not_kept": [_lost(row) for row in lost]}
        lines = [_line(row) for row in rows] or ["nothing is in the quarantine"]
        lines += [_lost_line(row) for row in lost]
        print(json.dumps(body, indent=1) if given.json else "\n".join(lines))
        return DONE
    # The same message may have come again after its letter was ended: the open one is meant.
    found = next((row for row in rows if row.key == given.letter), None)
    if found is None:
        print(f"trader: no letter {given.letter!r} in the journal", file=sys.stderr)
        return NOT_DONE
    print(json.dumps(_json(found), indent=1) if given.json else "\n".join(_lines(found)))
    return DONE


def _state(row: LetterRow) -> str:
    return "OPEN" if row.is_open else row.ended_as


def _line(row: LetterRow) -> str:
    often = "" if row.count == 1 else f" ({row.count} times or more)"
    what = message_words(row.message_id)
    return f"{_state(row):<10}{_when(row.first_utc)}  {row.key}  {what}{often}: {row.error}"


def _lost_line(row: NotKeptRow) -> str:
    told = f"{row.count} or more of {message_words(row.message_id)}, last {_when(row.last_utc)}"
    return f"not kept  {told}: there were too many"


def _lines(row: LetterRow) -> list[str]:
    told = [
        ("letter", f"{row.key}: {_state(row)}"),
        ("message", f"{message_words(row.message_id)}, at server version {row.server_version}"),
        ("error", row.error),
        ("came", f"{row.count} times or more" if row.count > 1 else "once"),
        ("first", _when(row.first_utc)),
        ("last", _when(row.last_utc)),
    ]
    whole = ", cut off: it was too long" if row.is_truncated else ""
    told.append(("fields", f"{len(row.fields)}{whole}"))
    told += [(f"  {place}", repr(text)) for place, text in enumerate(row.fields)]
    if row.tried_utc is not None:
        told.append(("tried", f"{_when(row.tried_utc)} by {row.tried_by}: {row.tried_outcome}"))
    if row.ended_utc is not None:
        how = f"{row.ended_as} by {row.ended_by}: {row.ended_reason}"
        told.append(("ended", f"{_when(row.ended_utc)}, {how}"))
    told += list(row.verbs.items())
    if row.is_open:
        told.append(("how", f"trader quarantine VERB {row.key} --reason '...'"))
    return [f"{name:<14}{text}" for name, text in told]


def _json(row: LetterRow) -> dict[str, object]:
    return {
        "key": row.key,
        "state": _state(row).lower(),
        "message_id": row.message_id,
        "server_version": row.server_version,
        "error": row.error,
        "count": row.count,
        "first": _when(row.first_utc),
        "last": _when(row.last_utc),
        "fields": list(row.fields),
        "is_truncated": row.is_truncated,
        "tried": None if row.tried_utc is None else _when(row.tried_utc),
        "tried_by": row.tried_by,
        "tried_outcome": row.tried_outcome,
        "ended": None if row.ended_utc is None else _when(row.ended_utc),
        "ended_by": row.ended_by,
        "ended_reason": row.ended_reason,
        "verbs": row.verbs,
    }


def _lost(row: NotKeptRow) -> dict[str, object]:
    return {"message_id": row.message_id, "count": row.count, "last": _when(row.last_utc)}


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
