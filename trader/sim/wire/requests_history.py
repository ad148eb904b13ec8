"""History requests: fields in, values out. An unreadable message raises `FieldError`."""

from collections.abc import Sequence
from dataclasses import dataclass

from trader.sim.model.instruments import ContractQuery
from trader.sim.wire.reader import Fields


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """The content of reqHistoricalData (message 20)."""

    request_id: int
    contract: ContractQuery
    end: str
    bar_size: str
    duration: str
    show: str
    format_date: int
    keep_up_to_date: bool


def parse_history(fields: Sequence[str]) -> HistoryRequest:
    """Read message 20."""
    read = Fields(fields, 1)
    request_id, contract = read.integer(), read.contract()
    read.text()  # includeExpired
    end, bar_size, duration = read.text(), read.text(), read.text()
    read.text()  # useRTH
    show, format_date = read.text(), read.integer()
    if contract.sec_type == "BAG":
        read.skip(4 * read.count())
    return HistoryRequest(
        request_id, contract, end, bar_size, duration, show, format_date, read.flag()
    )
