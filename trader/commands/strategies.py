"""``trader strategies``: what each strategy is doing, what it knows and what its trades brought.

From the journal, so also when no daemon runs; a daemon that runs adds its state and its marks. What
a strategy still holds has a result only at a mark, so without a daemon only a flat one has a P&L.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from trader.commands.asking import DONE, NOT_DONE, add_reading
from trader.commands.journal_place import journal_asked_for
from trader.config import ConfigError, load
from trader.config.model import StrategiesSection
from trader.core.amounts import ZERO, decimal_from
from trader.core.book import Book
from trader.core.events import Recorded
from trader.core.ids import ConId, StrategyName
from trader.core.strategy_events import StrategyCheckpointed, StrategyFailed
from trader.ops.clock import SystemClock
from trader.ops.control_client import NoReply, ask_status
from trader.ops.control_token import ENDPOINT_FILE_NAME, read_endpoint
from trader.ops.status_json import plain
from trader.ops.table_text import table
from trader.store.latest import Known, book_in, newest
from trader.store.rows import JournalUnusable

_ANSWER_S = 5.0
# Two minutes and a half of twenty strategies at their usual pace; who is older is not at work.
_EVENTS = 1_000
_KINDS = (StrategyCheckpointed.__name__, StrategyFailed.__name__)
_NOT_RUNNING = "NOT RUNNING"
_NO_PARAMETERS = frozenset({"name", "use", "parameters"})


@dataclass(frozen=True, slots=True)
class HeldLine:
    """What a strategy holds of one instrument; ``mark`` is the running daemon's."""

    symbol: str
    con_id: int
    quantity: Decimal
    mark: Decimal | None


@dataclass(frozen=True, slots=True)
class StrategyLine:
    """One strategy; ``cash`` is what its trades brought less their costs, by currency.

    ``pnl`` adds what it holds at the marks, and is None where one is missing.
    """

    name: str
    state: str
    problem: str
    intent_count: int | None
    checkpoint_utc: datetime | None
    checkpoint_age_s: float | None
    cash: Mapping[str, Decimal]
    pnl: Mapping[str, Decimal] | None
    held: tuple[HeldLine, ...]
    # None where no settings were named, or they do not name the strategy.
    parameters: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Live:
    """What a running daemon says: its strategies by name, and its marks."""

    rows: Mapping[str, Mapping[str, Any]]
    marks: Mapping[ConId, Decimal]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_reading(parser)
    parser.add_argument("--config", type=Path, help="the YAML settings: shows the parameters too")


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Show the strategies; returns the exit code."""
    try:
        journal = journal_asked_for(given, environment)
        known = book_in(journal)
        told = newest(journal, _EVENTS, _KINDS)
        parameters = _parameters(given.config, environment)
    except (ConfigError, JournalUnusable) as error:
        print(f"trader: {error}", file=sys.stderr)
        return NOT_DONE
    # Another journal is not the one that the daemon of this state writes.
    live = _live(given.state) if given.journal is None else None
    rows = lines_of(known.book, told, live, parameters, SystemClock().utc())
    _tell(given, known, rows, is_live=live is not None)
    return DONE


def lines_of(
    book: Book,
    told: Sequence[Recorded],
    live: Live | None,
    parameters: Mapping[str, Mapping[str, object]],
    now_utc: datetime,
) -> list[StrategyLine]:
    """Return every strategy that anybody knows of, by name."""
    saved: dict[str, datetime] = {}
    failed: dict[str, str] = {}
    for row in told:
        match row.event:
            case StrategyCheckpointed(strategy=whose):
                saved[whose] = row.at_utc
                failed.pop(whose, None)
            case StrategyFailed(strategy=whose, problem=text):
                failed[whose] = text
    running = live.rows if live is not None else {}
    names = {*book.results.strategies(), *book.strategies, *running, *parameters, *failed}
    marks = live.marks if live is not None else {}
    lines = []
    for name in sorted(names):
        state, problem = _state(book, name, failed.get(name, ""), running.get(name))
        known, at_utc = book.strategies.get(StrategyName(name)), saved.get(name)
        cash = {row.currency: row.amount for row in book.results.earned_by(StrategyName(name))}
        lines.append(
            StrategyLine(
                name=name,
                state=state,
                problem=problem,
                intent_count=known.intent_count if known is not None else None,
                checkpoint_utc=at_utc,
                checkpoint_age_s=(now_utc - at_utc).total_seconds() if at_utc else None,
                cash=cash,
                pnl=_pnl(book, name, cash, marks),
                held=_held(book, name, marks),
                parameters=parameters.get(name),
            )
        )
    return lines


def _state(book: Book, name: str, failure: str, row: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return what it does and why it does not; a daemon that runs knows better than the journal."""
    halt = book.safety.halt_of(StrategyName(name))
    reason = f"{halt.breaker}: {halt.reason}" if halt is not None else ""
    if row is not None:
        return str(row.get("state") or "?"), str(row.get("problem") or "") or reason
    return ("FAILED" if failure else _NOT_RUNNING), failure or reason


def _pnl(
    book: Book, name: str, cash: Mapping[str, Decimal], marks: Mapping[ConId, Decimal]
) -> dict[str, Decimal] | None:
    sums = dict(cash)
    for row in book.results.held_by(StrategyName(name)):
        mark = marks.get(row.con_id)
        if mark is None and row.quantity:
            return None
        worth = row.quantity * (mark or ZERO) * row.multiplier
        sums[row.currency] = sums.get(row.currency, ZERO) + worth
    return sums


def _held(book: Book, name: str, marks: Mapping[ConId, Decimal]) -> tuple[HeldLine, ...]:
    symbols = {row.con_id: row.symbol for row in book.positions.values()}
    return tuple(
        HeldLine(symbols.get(row.con_id, str(row.con_id)), row.con_id, row.quantity,
                 marks.get(row.con_id))
        for row in sorted(book.results.held_by(StrategyName(name)), key=lambda row: row.con_id)
        if row.quantity
    )  # fmt: skip


def _live(state: Path) -> Live | None:
    endpoint = read_endpoint(state / ENDPOINT_FILE_NAME)
    if endpoint is None:
        return None
    try:
        body = ask_status(endpoint, timeout_s=_ANSWER_S, monotonic=SystemClock().monotonic).body
    except NoReply as error:
        print(f"trader: no answer from process {endpoint.pid}: {error}", file=sys.stderr)
        return None
    return live_of(body)


def live_of(body: Mapping[str, Any]) -> Live:
    """Take strategies and marks out of a status."""
    marks = {
        ConId(int(row["con_id"])): mark
        for row in body.get("positions") or ()
        if (mark := decimal_from(str(row.get("mark")))) is not None
    }
    return Live({str(row["name"]): row for row in body.get("strategies") or ()}, marks)


def _parameters(
    path: Path | None, environment: Mapping[str, str]
) -> dict[str, Mapping[str, object]]:
    """Return what the settings give each strategy; raises ConfigError."""
    if path is None:
        return {}
    return parameters_of(load(path, environment).settings.strategies)


def parameters_of(section: StrategiesSection) -> dict[str, Mapping[str, object]]:
    """Return by name what each strategy is given: its pace, and what its own model takes."""
    found: dict[str, Mapping[str, object]] = {}
    if section.momentum is not None:
        found["momentum"] = section.momentum.model_dump()
    for own in section.own:
        paced = {key: value for key, value in own.model_dump().items() if key not in _NO_PARAMETERS}
        found[own.name] = {"use": own.use, **paced, **own.parameters}
    return found


# ---- how it is shown

_HEAD = ("STRATEGY", "STATE", "INTENTS", "SAVED", "HELD", "CASH", "P&L", "PROBLEM")


def _tell(
    given: argparse.Namespace, known: Known, rows: Sequence[StrategyLine], *, is_live: bool
) -> None:
    if given.json:
        body = {
            "seq": known.seq, "at_utc": known.at_utc, "is_daemon_running": is_live,
            "count": len(rows), "strategies": rows,
        }  # fmt: skip
        print(json.dumps(plain(body), indent=1))
        return
    if not rows:
        print("no strategies")
    else:
        print("\n".join(table(_HEAD, [_cells(row) for row in rows])))
    for row in rows:
        if row.parameters is not None:
            print(f"{row.name}: {', '.join(f'{k} {_text(v)}' for k, v in row.parameters.items())}")
    when = f"event {known.seq}, {known.at_utc:%Y-%m-%d %H:%M:%S} UTC" if known.at_utc else "nothing"
    marks = (
        "with the daemon's marks" if is_live else "no daemon runs: nothing that is held is marked"
    )
    print(f"as of {when}; {marks}")


def _cells(row: StrategyLine) -> tuple[object, ...]:
    held = ", ".join(f"{one.symbol} {one.quantity:f}" for one in row.held)
    age = f"{row.checkpoint_age_s:.0f} s ago" if row.checkpoint_age_s is not None else None
    pnl = _money(row.pnl) if row.pnl is not None else None
    return (row.name, row.state, row.intent_count, age, held, _money(row.cash), pnl, row.problem)


def _money(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(amounts.items()))


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
