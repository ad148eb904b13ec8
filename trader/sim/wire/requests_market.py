"""Market data requests: fields in, values out. An unreadable message raises `FieldError`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from trader.sim.model.instruments import ContractQuery
from trader.sim.wire.reader import Fields


@dataclass(frozen=True, slots=True)
class MarketDataRequest:
    """The content of reqMktData (message 1); the generic ticks are the list as written."""

    request_id: int
    contract: ContractQuery
    generics: str
    is_snapshot: bool
    is_regulatory: bool


@dataclass(frozen=True, slots=True)
class DepthRequest:
    """The content of reqMktDepth (message 10)."""

    request_id: int
    contract: ContractQuery
    rows: int
    is_smart: bool


@dataclass(frozen=True, slots=True)
class RealtimeBarsRequest:
    """The content of reqRealTimeBars (message 50)."""

    request_id: int
    contract: ContractQuery
    show: str
    is_regular: bool


@dataclass(frozen=True, slots=True)
class TickByTickRequest:
    """The content of reqTickByTickData (message 97); the count is of historical ticks first."""

    request_id: int
    contract: ContractQuery
    kind: str
    count: int
    ignore_size: bool


@dataclass(frozen=True, slots=True)
class OptionCalculation:
    """The content of messages 54 (the value is a price) and 55 (it is a volatility)."""

    request_id: int
    contract: ContractQuery
    value: Decimal | None
    under_price: Decimal | None


def parse_market_data(fields: Sequence[str]) -> MarketDataRequest:
    """Read message 1."""
    read = Fields(fields, 2)
    request_id, contract = read.integer(), read.contract()
    if contract.sec_type == "BAG":
        contract = replace(contract, legs=read.legs())
    if read.flag():
        read.skip(3)  # the delta-neutral contract
    return MarketDataRequest(request_id, contract, read.text(), read.flag(), read.flag())


def parse_depth(fields: Sequence[str]) -> DepthRequest:
    """Read message 10."""
    read = Fields(fields, 2)
    return DepthRequest(read.integer(), read.contract(), read.integer(), read.flag())


def parse_realtime_bars(fields: Sequence[str]) -> RealtimeBarsRequest:
    """Read message 50; the bar size it names is always five seconds."""
    read = Fields(fields, 2)
    request_id, contract = read.integer(), read.contract()
    read.text()  # bar size: always five seconds
    return RealtimeBarsRequest(request_id, contract, read.text(), read.flag())


def parse_tick_by_tick(fields: Sequence[str]) -> TickByTickRequest:
    """Read message 97."""
    read = Fields(fields, 1)
    return TickByTickRequest(
        read.integer(), read.contract(), read.text(), read.integer(), read.flag()
    )


def parse_option_calculation(fields: Sequence[str]) -> OptionCalculation:
    """Read message 54 or 55."""
    read = Fields(fields, 2)
    return OptionCalculation(read.integer(), read.contract(), read.decimal(), read.decimal())


def parse_request_id(fields: Sequence[str], start: int = 2) -> int:
    """Read the request id of a cancel; the message has a version field unless it starts at 1."""
    return Fields(fields, start).integer()
