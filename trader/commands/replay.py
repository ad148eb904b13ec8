"""``trader replay``: play a recorded market to strategies, and see what they decide.

No broker, no socket, no journal: a process that could not place an order if it wished to. The same
record, settings and strategies give the same lines, byte for byte. Returns 0, 1 where a strategy
broke or the record is not whole, 2 where nothing was played.
"""

import argparse
import json
import select
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from trader.commands.arguments import add_settings_arguments
from trader.config import ConfigError, Configuration, load
from trader.config.files import read_mapping
from trader.config.own_strategies import own_strategy_problems
from trader.config.relations import ACCOUNT_MISSING
from trader.config.strategies_file import with_strategies
from trader.core.decisions import CONSEQUENCES, Row
from trader.core.halts import Mode
from trader.engine.market.recording import MarketEvent, UnreadableRow, events_in
from trader.engine.strategy.decision_log import line_of
from trader.ops.logs import configure_logs
from trader.ops.recording_files import (
    MARKET_FOLDER_NAME,
    NoRecording,
    Tail,
    lines_of,
    parts_of,
)
from trader.replay.play import Played, play
from trader.wiring import deployments

DONE, NOT_WHOLE, NOT_PLAYED = 0, 1, 2
# Settings may leave the account to the command line; here none is traded.
_NO_ACCOUNT = "REPLAY"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("what", metavar="DAY|FILE", help="a day of UTC (YYYY-MM-DD), or one part")
    add_settings_arguments(parser)
    parser.add_argument(
        "--strategies",
        type=Path,
        help="a file with the section strategies, in place of the settings'",
    )
    parser.add_argument(
        "--folder", type=Path, help="where the record is; default: state_dir/market"
    )
    parser.add_argument(
        "--speed", type=_speed, default=0.0, metavar="max|N", help="N times as fast as it happened"
    )
    parser.add_argument("--out", type=Path, help="write the decisions there, a line of JSON each")
    parser.add_argument("--json", action="store_true", help="everything, as lines of JSON")


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found <= 1_000_000:
        raise argparse.ArgumentTypeError(f"is {text}, allowed is max or a number above 0")
    return found


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Play; prints every decision and what it came to."""
    # Strategies of one's own are imported: not even compiled do they leave a trace.
    sys.dont_write_bytecode = True
    configure_logs("critical", "console")
    try:
        config = _configuration(given, environment)
        folder = given.folder or config.settings.state_dir / MARKET_FOLDER_NAME
        record = _Record(parts_of(folder, given.what))
        with ExitStack() as stack:
            out = stack.enter_context(given.out.open("w")) if given.out else None
            tell = _Teller(given.json, out)
            played = play(
                config, deployments(config), record.events(), tell.put, _wait(given.speed)
            )
    except ConfigError as error:
        return _refused(error.problems)
    except (NoRecording, UnreadableRow, ValueError, OSError) as error:
        return _refused([str(error)])
    return _told(given.json, played, record)


def _configuration(given: argparse.Namespace, environment: Mapping[str, str]) -> Configuration:
    written = next((text for text in reversed(given.set) if text.startswith("mode=")), "")
    # First of all: whatever else is wrong with settings for trading is beside the point.
    _refuse_sending(
        given.config, written.partition("=")[2] or read_mapping(given.config).get("mode")
    )
    try:
        config = load(given.config, environment, given.set, given.account or "")
    except ConfigError as error:
        if any(ACCOUNT_MISSING not in problem for problem in error.problems):
            raise
        config = load(given.config, environment, given.set, _NO_ACCOUNT)
    _refuse_sending(given.config, config.settings.mode)
    if given.strategies is not None:
        config = with_strategies(config, given.strategies)
    problems = own_strategy_problems(config.settings.strategies)
    if problems:
        raise ConfigError(problems)
    return config


def _refuse_sending(path: Path, mode: object) -> None:
    if any(mode == one for one in Mode if one.may_send):
        raise ConfigError(
            [
                f"{path}: mode is {mode}, allowed for a replay is shadow or dry_run: "
                "give --set mode=shadow"
            ]
        )


def _refused(problems: tuple[str, ...] | list[str]) -> int:
    for problem in problems:
        print(f"trader: not played: {problem}", file=sys.stderr)
    return NOT_PLAYED


def _wait(speed: float) -> Callable[[float], None] | None:
    if not speed:
        return None

    def wait(seconds: float) -> None:
        select.select([], [], [], seconds / speed)

    return wait


class _Record:
    """The parts that are played, one behind the other."""

    def __init__(self, parts: tuple[Path, ...]) -> None:
        self.parts = parts
        self.tail = Tail({})

    def events(self) -> Iterator[MarketEvent]:
        for path in self.parts:
            try:
                yield from events_in(lines_of(path, self.tail))
            except UnreadableRow as error:
                raise UnreadableRow(f"{path.name}: {error}") from None


@dataclass(slots=True)
class _Teller:
    """Prints each decision, and writes it where that is asked for."""

    is_json: bool
    out: TextIO | None

    def put(self, row: Row) -> None:
        if self.out is not None:
            print(line_of(row), file=self.out)
        if self.is_json or row["kind"] not in CONSEQUENCES:
            print(line_of(row) if self.is_json else words_of(row))


def words_of(row: Row) -> str:
    """Return a decision as a person reads it."""
    seconds = int(row["at_us"]) // 1000 % 86_400_000
    at = f"{seconds // 3_600_000:02}:{seconds // 60_000 % 60:02}:{seconds // 1000 % 60:02}"
    head = f"{at}.{seconds % 1000:03} {row['kind']:<7}{row['intent_id']} {row['symbol']}"
    match row["kind"]:
        case "intent":
            prices = "".join(
                f" {name} {row[f'{name}_price']}"
                for name in ("limit", "stop")
                if row[f"{name}_price"]
            )
            verdict = f"{row['verdict']}: {row['text']}" if row["code"] else "approved"
            what = f"{row['side']} {row['quantity']} {row['order_type']}{prices}"
            return f"{head} {what} ({row['reason']}): {verdict}"
        case "fill":
            return f"{head} {row['side']} {row['quantity']} at {row['price']}"
        case "change":
            return (
                f"{head} to {row['quantity']} limit {row['limit_price']} stop {row['stop_price']}"
            )
        case _:
            return f"{head} {row['reason']}"


def _told(is_json: bool, played: Played, record: _Record) -> int:
    body = {
        "kind": "end",
        "parts": [path.name for path in record.parts],
        "events": played.events,
        "ticks": played.ticks,
        "lost": played.lost,
        "lacks_history": played.lacks_history,
        "cut": record.tail.cut,
        "began_utc": played.began_utc.isoformat(),
        "ended_utc": played.ended_utc.isoformat(),
        "counts": played.counts,
        "problems": list(played.problems),
        "pages": list(played.pages),
    }
    if is_json:
        print(json.dumps(body))
    else:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(played.counts.items()))
        span = f"{played.began_utc:%Y-%m-%d %H:%M:%S} to {played.ended_utc:%H:%M:%S} UTC"
        print(f"played {played.ticks} ticks, {span}: {counts or 'no decision'}")
        for text in played.pages:
            print(f"page: {text}")
    for name, size in record.tail.cut.items():
        print(f"trader: {name}: {size} bytes at its end are cut off", file=sys.stderr)
    if played.lost:
        print(f"trader: {played.lost} rows are missing in the record", file=sys.stderr)
    if played.lacks_history:
        print(
            "trader: the record is of before history was recorded: bars begin empty in it",
            file=sys.stderr,
        )
    for problem in played.problems:
        print(f"trader: stopped: {problem}", file=sys.stderr)
    is_whole = not (played.lost or record.tail.cut or played.problems)
    return DONE if is_whole else NOT_WHOLE
