"""Market data requests: fields in, values out. An unreadable message raises `FieldError`."""

from collections.abc import Sequence

from trader.sim.model.instruments import ContractQuery
from trader.sim.wire.reader import Fields


def parse_market_data(fields: Sequence[str]) -> tuple[int, ContractQuery, bool]:
    """Read message 1: request id, contract, whether one snapshot is wanted."""
    read = Fields(fields, 2)
    request_id, contract = read.integer(), read.contract()
    if contract.sec_type == "BAG":
        read.skip(4 * read.count())
    if read.flag():
        read.skip(3)
    read.text()  # generic tick list
    return request_id, contract, read.flag()


def parse_realtime_bars(fields: Sequence[str]) -> tuple[int, ContractQuery, str]:
    """Read message 50: request id, contract, what to show."""
    read = Fields(fields, 2)
    request_id, contract = read.integer(), read.contract()
    read.text()  # bar size: always five seconds
    return request_id, contract, read.text()
