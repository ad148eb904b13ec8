"""History requests: fields in, values out. An unreadable message raises `FieldError`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trader.sim.model.instruments import ContractQuery
from trader.sim.wire.reader import Fields


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """The content of reqHistoricalData (message 20); times and sizes as written."""

    request_id: int
    contract: ContractQuery
    end: str
    bar_size: str
    duration: str
    show: str
    format_date: int
    keep_up_to_date: bool
    is_regular: bool = False


@dataclass(frozen=True, slots=True)
class HeadRequest:
    """The content of reqHeadTimestamp (message 87)."""

    request_id: int
    contract: ContractQuery
    is_regular: bool
    show: str
    format_date: int


@dataclass(frozen=True, slots=True)
class HistogramRequest:
    """The content of reqHistogramData (message 88); the period as written (`3 days`)."""

    request_id: int
    contract: ContractQuery
    is_regular: bool
    period: str


@dataclass(frozen=True, slots=True)
class TicksRequest:
    """The content of reqHistoricalTicks (message 96); times as written."""

    request_id: int
    contract: ContractQuery
    start: str
    end: str
    count: int
    show: str
    is_regular: bool
    ignore_size: bool


def parse_history(fields: Sequence[str]) -> HistoryRequest:
    """Read message 20."""
    read = Fields(fields, 1)
    request_id, contract = read.integer(), read.contract_and_expired()
    end, bar_size, duration, is_regular = read.text(), read.text(), read.text(), read.flag()
    show, format_date = read.text(), read.integer()
    if contract.sec_type == "BAG":
        contract = replace(contract, legs=read.legs())
    return HistoryRequest(
        request_id, contract, end, bar_size, duration, show, format_date, read.flag(), is_regular
    )


def parse_head(fields: Sequence[str]) -> HeadRequest:
    """Read message 87."""
    read = Fields(fields, 1)
    request_id, contract = read.integer(), read.contract_and_expired()
    return HeadRequest(request_id, contract, read.flag(), read.text(), read.integer())


def parse_histogram(fields: Sequence[str]) -> HistogramRequest:
    """Read message 88."""
    read = Fields(fields, 1)
    request_id, contract = read.integer(), read.contract_and_expired()
    return HistogramRequest(request_id, contract, read.flag(), read.text())


def parse_ticks(fields: Sequence[str]) -> TicksRequest:
    """Read message 96."""
    read = Fields(fields, 1)
    request_id, contract = read.integer(), read.contract_and_expired()
    return TicksRequest(
        request_id, contract, read.text(), read.text(), read.integer(), read.text(), read.flag(),
        read.flag(),
    )  # fmt: skip
