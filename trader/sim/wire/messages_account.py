"""Account messages: values, portfolio, positions, summaries, profit and loss.

Field counts are exact because clients drop or misread a message with one field more or less.
`sv` is the server version agreed with the client.
"""

from collections.abc import Sequence

from trader.sim.model.instruments import Instrument
from trader.sim.wire import contract_blocks
from trader.sim.wire.frames import encode


def account_value(key: str, value: str, currency: str, account: str) -> bytes:
    """Message 6."""
    return encode(6, 2, key, value, currency, account)


def account_time(text: str) -> bytes:
    """Message 8."""
    return encode(8, 1, text)


def account_download_end(account: str) -> bytes:
    """Message 54."""
    return encode(54, 1, account)


def portfolio(item: Instrument, values: Sequence[str], account: str) -> bytes:
    """Message 7: position, market price and value, average cost, unrealized, realized."""
    return encode(7, 8, contract_blocks.of_portfolio(item), *values, account)


def position(account: str, item: Instrument, quantity: str, average_cost: str) -> bytes:
    """Message 61; the average cost includes the multiplier."""
    return encode(61, 3, account, contract_blocks.of_position(item), quantity, average_cost)


def position_multi(
    request_id: int, account: str, item: Instrument, quantity: str, average_cost: str,
    *, model: str = "",
) -> bytes:  # fmt: skip
    """Message 71."""
    block = contract_blocks.of_position(item)
    return encode(71, 1, request_id, account, block, quantity, average_cost, model)


def account_summary(request_id: int, account: str, row: tuple[str, str, str]) -> bytes:
    """Message 63: tag, value, currency."""
    return encode(63, 1, request_id, account, *row)


def account_update_multi(
    request_id: int, account: str, row: tuple[str, str, str], *, model: str = ""
) -> bytes:
    """Message 73: key, value, currency."""
    return encode(73, 1, request_id, account, model, *row)


def pnl(request_id: int, values: Sequence[str]) -> bytes:
    """Message 94: daily, unrealized, realized."""
    return encode(94, request_id, *values)


def pnl_single(request_id: int, values: Sequence[str]) -> bytes:
    """Message 95: position, daily, unrealized, realized, value."""
    return encode(95, request_id, *values)
