"""Requests few clients make: advisors, fundamentals, display groups, corporate events.

Fields in, values out; an unreadable message raises `FieldError`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from trader.sim.model.instruments import ContractQuery
from trader.sim.wire.frames import read_integer
from trader.sim.wire.reader import Fields


@dataclass(frozen=True, slots=True)
class AdvisorReplacement:
    """The content of replaceFA (message 19)."""

    request_id: int
    kind: int
    xml: str


@dataclass(frozen=True, slots=True)
class FundamentalsRequest:
    """The content of reqFundamentalData (message 52)."""

    request_id: int
    contract: ContractQuery
    report: str


@dataclass(frozen=True, slots=True)
class EventsRequest:
    """The content of reqWshEventData (message 102); dates as `yyyymmdd`."""

    request_id: int
    con_id: int | None
    filter: str = ""
    # Whose contracts to add: watch list, portfolio, competitors.
    fills: tuple[bool, bool, bool] = (False, False, False)
    start: str = ""
    end: str = ""
    count: int | None = None


def parse_advisor_request(fields: Sequence[str]) -> int:
    """Read message 18: 1 for groups, 3 for aliases."""
    return Fields(fields, 2).integer()


def parse_advisor_replacement(fields: Sequence[str]) -> AdvisorReplacement:
    """Read message 19, whose request id stands last."""
    read = Fields(fields, 2)
    kind, xml = read.integer(), read.text()
    return AdvisorReplacement(read.integer(), kind, xml)


def parse_fundamentals(fields: Sequence[str]) -> FundamentalsRequest:
    """Read message 52, which names no derivative."""
    read = Fields(fields, 2)
    request_id, con_id = read.integer(), read.integer()
    symbol, sec_type, exchange, primary, currency, local = read.texts(6)
    query = ContractQuery(con_id, symbol, sec_type, exchange, primary, currency, local)
    return FundamentalsRequest(request_id, query, read.text())


def parse_group_request(fields: Sequence[str]) -> tuple[int, str]:
    """Read message 68 or 69: a request id, and a group's number or a contract."""
    read = Fields(fields, 2)
    return read.integer(), read.text()


def parse_events(fields: Sequence[str], server_version: int) -> EventsRequest:
    """Read message 102: filters came with 171, dates and a limit with 173."""
    read = Fields(fields, 1)
    request_id, con_id = read.integer(), read_integer(read.text())
    if server_version < 171:
        return EventsRequest(request_id, con_id)
    wanted, fills = read.text(), (read.flag(), read.flag(), read.flag())
    if server_version < 173:
        return EventsRequest(request_id, con_id, wanted, fills)
    start, end = read.texts(2)
    count = read_integer(read.text())
    return EventsRequest(request_id, con_id, wanted, fills, start, end, count)
