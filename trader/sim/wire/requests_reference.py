"""Reference data requests: fields in, values out. An unreadable message raises `FieldError`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trader.sim.model.instruments import ContractQuery
from trader.sim.wire.reader import Fields


@dataclass(frozen=True, slots=True)
class ChainRequest:
    """The content of reqSecDefOptParams (message 78)."""

    request_id: int
    symbol: str
    future_exchange: str
    sec_type: str
    con_id: int


def parse_contract_details(fields: Sequence[str]) -> tuple[int, ContractQuery]:
    """Read message 9; the issuer id is there from version 176 on."""
    read = Fields(fields, 2)
    request_id, query = read.integer(), read.contract_and_expired()
    kind, value = read.text(), read.text()
    issuer = read.text() if read.left else ""
    return request_id, replace(query, sec_id_type=kind, sec_id=value, issuer_id=issuer)


def parse_option_chain(fields: Sequence[str]) -> ChainRequest:
    """Read message 78."""
    read = Fields(fields, 1)
    request_id, symbol, exchange, kind = read.integer(), read.text(), read.text(), read.text()
    return ChainRequest(request_id, symbol, exchange, kind, read.integer())


def parse_request_text(fields: Sequence[str]) -> tuple[int, str]:
    """Read messages 81 and 83: request id, and a pattern or the code of a quote's venue."""
    read = Fields(fields, 1)
    return read.integer(), read.text()


def parse_number(fields: Sequence[str]) -> int:
    """Read messages 79, 91, 100 to 104: one number after the id."""
    return Fields(fields, 1).integer()


def parse_replace_fa(fields: Sequence[str]) -> int:
    """Read message 19: the request id after version, type and XML."""
    read = Fields(fields, 2)
    read.skip(2)
    return read.integer()
