"""``trader tail``: what happens, event by event, from the journal; no daemon is needed.

Each event is one line: number, time, kind and what it says. With ``--follow`` it goes on until it
is interrupted; an event is shown once, however long nobody looked.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import get_args

from trader.commands.asking import DONE, NOT_DONE, add_reading
from trader.commands.journal_place import journal_asked_for
from trader.config import ConfigError
from trader.core.events import Event, Recorded
from trader.core.ids import Seq
from trader.core.words import words
from trader.ops.clock import SystemClock
from trader.ops.status_json import plain
from trader.ops.table_text import one_line
from trader.store.latest import ROWS_MAX, behind, end_of, newest
from trader.store.rows import JournalUnusable
from trader.terminal import Reader

KINDS = tuple(sorted(kind.__name__ for kind in get_args(Event)))
_ROWS = 20
_INTERVAL_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_reading(parser)
    parser.add_argument(
        "-n", dest="count", type=_count, default=_ROWS, metavar="N",
        help=f"begin with the last N (default: {_ROWS})",
    )  # fmt: skip
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    parser.add_argument(
        "--kind", action="append", type=_kind, default=[], metavar="KIND",
        help="of this kind alone, as OrderSent; may be given more than once",
    )  # fmt: skip


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= ROWS_MAX):
        raise argparse.ArgumentTypeError(f"is {text}, allowed is 0 to {ROWS_MAX}")
    return int(text)


def _kind(text: str) -> str:
    if text not in KINDS:
        raise argparse.ArgumentTypeError(f"is {text}, allowed is one of {', '.join(KINDS)}")
    return text


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Show events; returns the exit code."""
    try:
        path = journal_asked_for(given, environment)
        # First of all: where none is shown, what comes while that is found out is new.
        end = end_of(path)
        rows = newest(path, given.count, given.kind)
        _show(rows, is_json=given.json)
        if given.follow:
            asyncio.run(_follow(given, path, rows[-1].seq if rows else end))
    except (ConfigError, JournalUnusable) as error:
        print(f"trader: {error}", file=sys.stderr)
        return NOT_DONE
    except KeyboardInterrupt:
        return DONE
    return DONE


async def _follow(given: argparse.Namespace, path: Path, last: Seq) -> None:
    clock, reader = SystemClock(), Reader()
    while not reader.has_left():
        end = end_of(path)
        rows = behind(path, last, given.kind)
        _show(rows, is_json=given.json)
        # Of a rare kind, what was looked through without one is not looked through again.
        last = rows[-1].seq if rows else max(last, end)
        await clock.sleep(_INTERVAL_S)


def _show(rows: Iterable[Recorded], *, is_json: bool) -> None:
    for row in rows:
        print(_json(row) if is_json else _line(row))
    print(end="", flush=True)


def _line(row: Recorded) -> str:
    kind = type(row.event).__name__
    text = one_line(words(row.event))
    return f"{row.seq:>7}  {row.at_utc:%Y-%m-%d %H:%M:%S.%f}  {kind:<20}  {text}".rstrip()


def _json(row: Recorded) -> str:
    body = {"seq": row.seq, "at_utc": row.at_utc, "kind": type(row.event).__name__}
    return json.dumps(plain({**body, "text": words(row.event), "event": row.event}))
