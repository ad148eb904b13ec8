"""Reference data requests: fields in, values out. An unreadable message raises `FieldError`."""

from collections.abc import Sequence

from trader.sim.model.instruments import ContractQuery
from trader.sim.wire.reader import Fields


def parse_contract_details(fields: Sequence[str]) -> tuple[int, ContractQuery]:
    """Read message 9."""
    read = Fields(fields, 2)
    return read.integer(), read.contract()
