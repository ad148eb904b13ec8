"""The rows of a recorded market: each event as a line of JSON, and back.

A tick is ``[AFTER_US, CON_ID, FIELD, VALUE]``; everything else begins with its kind. ``AFTER_US``
counts microseconds of the monotonic clock from the last ``clock`` row, which has that clock's time
and the wall's, so every event has both. They are of its arrival: the broker tells no other for
quotes. Values are decimals as text, ``null`` is its "no data".
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from trader.core.bars import Bar, BarSource
from trader.core.calendar import ContractHours, Span
from trader.core.history_pacing import HistoryAnswer, HistoryTrouble
from trader.core.ids import ConId
from trader.core.instruments import Instrument, PriceBand
from trader.core.moments import microseconds_of, moment_of
from trader.engine.hub import Forgotten
from trader.ports import DataProblem, LinkWord, QuoteTick

# 2 has the history that was told; a record of 1 begins without bars.
VERSION = 2
_VERSIONS = (1, VERSION)
_US = 1_000_000


class UnreadableRow(ValueError):
    """A line that is no row of a recording; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Head:
    """How a part begins: who records, and all that stands at that moment.

    ``run`` names the process: a part of the same run goes on where the one before it ended.
    """

    run: str
    part: int
    program: str
    mode: str
    instruments: tuple[Instrument, ...] = ()
    ticks: tuple[QuoteTick, ...] = ()
    words: tuple[LinkWord, ...] = ()
    problems: tuple[DataProblem, ...] = ()
    version: int = VERSION

    @property
    def has_history(self) -> bool:
        """Tell whether what the broker told of the past is recorded."""
        return self.version >= 2


@dataclass(frozen=True, slots=True)
class Lost:
    """So many events were not recorded here, and why."""

    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The recording stopped in order."""


MarketFact = (
    QuoteTick
    | Instrument
    | Forgotten
    | DataProblem
    | LinkWord
    | HistoryAnswer
    | Lost
    | Ended
    | Head
)


@dataclass(frozen=True, slots=True)
class MarketEvent:
    """What arrived, and when: by the wall, in microseconds, and by the monotonic clock."""

    at_us: int
    at_s: float
    fact: MarketFact


# ---- writing


def clock_line(now_utc: datetime, now_s: float) -> str:
    """Return the row that the times of the next rows count from."""
    return f'["clock",{microseconds_of(now_utc)},{round(now_s * _US)}]\n'


def tick_line(tick: QuoteTick, origin_us: int) -> str:
    """Return the row of a tick; one is made for each, so it is put together by hand."""
    value = "null" if tick.value is None else f'"{tick.value}"'
    after_us = round(tick.received_s * _US) - origin_us
    return f'[{after_us},{tick.con_id},"{tick.field}",{value}]\n'


def fact_line(fact: MarketFact, at_s: float, origin_us: int) -> str:
    """Return the row of any other fact."""
    after_us = round(at_s * _US) - origin_us
    return json.dumps([*_parts(fact, after_us, origin_us)], separators=(",", ":")) + "\n"


def _parts(fact: MarketFact, after_us: int, origin_us: int) -> Iterator[Any]:
    match fact:
        case QuoteTick():
            yield from json.loads(tick_line(fact, origin_us))
        case Instrument():
            yield from ("instrument", after_us, _instrument_row(fact))
        case Forgotten():
            yield from ("forgotten", after_us, fact.con_id)
        case DataProblem():
            yield from ("problem", after_us, *_problem_row(fact))
        case LinkWord():
            yield from ("link", after_us, *_word_row(fact))
        case HistoryAnswer():
            yield from ("history", after_us, _history_row(fact))
        case Lost():
            yield from ("lost", after_us, fact.count, fact.reason)
        case Ended():
            yield from ("end", after_us)
        case Head():
            yield from ("head", after_us, _head_row(fact, origin_us))
        case _:
            assert_never(fact)


def _head_row(head: Head, origin_us: int) -> dict[str, Any]:
    return {
        "version": head.version,
        "run": head.run,
        "part": head.part,
        "program": head.program,
        "mode": head.mode,
        "instruments": [_instrument_row(row) for row in head.instruments],
        "ticks": [json.loads(tick_line(row, origin_us)) for row in head.ticks],
        "words": [_word_row(row) for row in head.words],
        "problems": [_problem_row(row) for row in head.problems],
    }


def _word_row(word: LinkWord) -> list[Any]:
    return [word.axis, word.is_up, word.code, word.text]


def _problem_row(problem: DataProblem) -> list[Any]:
    return [problem.con_id, problem.code, problem.text]


def _history_row(answer: HistoryAnswer) -> dict[str, Any]:
    trouble = answer.trouble
    return {
        "con_id": answer.con_id,
        "size_s": answer.size_s,
        "count": answer.count,
        "asked_us": microseconds_of(answer.asked_utc),
        "trouble": None if trouble is None else str(trouble),
        "text": answer.text,
        "standing": answer.is_standing,
        "bars": [_bar_row(bar) for bar in answer.bars],
    }


def _bar_row(bar: Bar) -> list[Any]:
    prices = (str(bar.open), str(bar.high), str(bar.low), str(bar.close))
    return [microseconds_of(bar.start_utc), *prices, str(bar.source), bar.is_whole]


def _instrument_row(row: Instrument) -> dict[str, Any]:
    hours = row.hours
    return {
        "con_id": row.con_id,
        "symbol": row.symbol,
        "sec_type": row.sec_type,
        "exchange": row.exchange,
        "currency": row.currency,
        "primary_exchange": row.primary_exchange,
        "multiplier": str(row.multiplier),
        "bands": [[str(band.low_edge), str(band.increment)] for band in row.bands],
        "size_increment": str(row.size_increment),
        "price_magnifier": row.price_magnifier,
        "is_tradeable": row.is_tradeable,
        "mismatch": row.mismatch,
        "hours": None if hours is None else _hours_row(hours),
    }


def _hours_row(hours: ContractHours) -> dict[str, Any]:
    return {
        "trading": [_span_row(span) for span in hours.trading],
        "regular": [_span_row(span) for span in hours.regular],
        "known": _span_row(hours.known),
        "zone": str(hours.zone),
    }


def _span_row(span: Span) -> list[int]:
    return [microseconds_of(span.start_utc), microseconds_of(span.end_utc)]


# ---- reading


def events_in(lines: Iterable[str]) -> Iterator[MarketEvent]:
    """Read rows in their order; raises UnreadableRow, which names the line by its number."""
    clock: tuple[int, int] | None = None
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            if row[0] == "clock":
                clock = int(row[1]), int(row[2])
                continue
            if clock is None:
                raise UnreadableRow("a row before the first clock row")
            yield _event(row, *clock)
        except (ValueError, LookupError, TypeError, InvalidOperation) as error:
            shown = line.strip()[:120]
            problem = f"line {number}: {type(error).__name__}: {error}: {shown}"
            raise UnreadableRow(problem) from None


def _event(row: list[Any], at_us: int, origin_us: int) -> MarketEvent:
    if isinstance(row[0], int):
        mono_us = origin_us + row[0]
        return MarketEvent(at_us + row[0], mono_us / _US, _tick_of(row, origin_us))
    kind, after_us, *rest = row
    fact = _READERS[kind](rest, origin_us)
    return MarketEvent(at_us + after_us, (origin_us + after_us) / _US, fact)


def _tick_of(row: list[Any], origin_us: int) -> QuoteTick:
    after_us, con_id, field, value = row
    number = None if value is None else Decimal(value)
    return QuoteTick(ConId(con_id), field, number, (origin_us + after_us) / _US)


def _head_of(rest: list[Any], origin_us: int) -> Head:
    (row,) = rest
    if row["version"] not in _VERSIONS:
        allowed = " or ".join(str(one) for one in _VERSIONS)
        raise UnreadableRow(f"version {row['version']}, allowed is {allowed}")
    return Head(
        run=row["run"],
        part=row["part"],
        program=row["program"],
        mode=row["mode"],
        instruments=tuple(_instrument_of(one) for one in row["instruments"]),
        ticks=tuple(_tick_of(one, origin_us) for one in row["ticks"]),
        words=tuple(LinkWord(*one) for one in row["words"]),
        problems=tuple(DataProblem(*one) for one in row["problems"]),
        version=row["version"],
    )


_READERS: Mapping[str, Callable[[list[Any], int], MarketFact]] = {
    "head": _head_of,
    "instrument": lambda rest, _: _instrument_of(*rest),
    "forgotten": lambda rest, _: Forgotten(*rest),
    "problem": lambda rest, _: DataProblem(*rest),
    "link": lambda rest, _: LinkWord(*rest),
    "history": lambda rest, _: _history_of(*rest),
    "lost": lambda rest, _: Lost(*rest),
    "end": lambda rest, _: Ended(*rest),
}


def _history_of(row: Mapping[str, Any]) -> HistoryAnswer:
    con_id, size_s, trouble = ConId(row["con_id"]), row["size_s"], row["trouble"]
    return HistoryAnswer(
        con_id=con_id,
        size_s=size_s,
        count=row["count"],
        asked_utc=moment_of(row["asked_us"]),
        bars=tuple(_bar_of(con_id, size_s, *one) for one in row["bars"]),
        trouble=None if trouble is None else HistoryTrouble(trouble),
        text=row["text"],
        is_standing=row["standing"],
    )


def _bar_of(con_id: ConId, size_s: int, start_us: int, *rest: Any) -> Bar:
    *prices, source, is_whole = rest
    first, high, low, last = (Decimal(text) for text in prices)
    source = BarSource(source)
    return Bar(con_id, moment_of(start_us), size_s, first, high, low, last, source, is_whole)


def _instrument_of(row: Mapping[str, Any]) -> Instrument:
    hours = row["hours"]
    return Instrument(
        con_id=ConId(row["con_id"]),
        symbol=row["symbol"],
        sec_type=row["sec_type"],
        exchange=row["exchange"],
        currency=row["currency"],
        multiplier=Decimal(row["multiplier"]),
        bands=tuple(PriceBand(Decimal(low), Decimal(step)) for low, step in row["bands"]),
        size_increment=Decimal(row["size_increment"]),
        price_magnifier=row["price_magnifier"],
        is_tradeable=row["is_tradeable"],
        mismatch=row["mismatch"],
        # Parts written by an earlier program have none.
        primary_exchange=row.get("primary_exchange", ""),
        hours=None if hours is None else _hours_of(hours),
    )


def _hours_of(row: Mapping[str, Any]) -> ContractHours:
    zone: tzinfo = UTC if row["zone"] == "UTC" else ZoneInfo(row["zone"])
    return ContractHours(
        trading=tuple(_span_of(one) for one in row["trading"]),
        regular=tuple(_span_of(one) for one in row["regular"]),
        known=_span_of(row["known"]),
        zone=zone,
    )


def _span_of(row: list[int]) -> Span:
    start_us, end_us = row
    return Span(moment_of(start_us), moment_of(end_us))
