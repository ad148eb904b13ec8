"""Messages that few clients ever see: advisors, corporate events, display groups, reroutes.

None of them has changed its layout between versions 157 and 200.
"""

from trader.sim.wire.frames import encode


def advisor_data(kind: int, xml: str) -> bytes:
    """Message 16: groups (1) or aliases (3) of an advisor's accounts."""
    return encode(16, 1, kind, xml)


def advisor_data_replaced(request_id: int, text: str) -> bytes:
    """Message 103: the end of replaceFA."""
    return encode(103, request_id, text)


def fundamental_data(request_id: int, xml: str) -> bytes:
    """Message 51."""
    return encode(51, 1, request_id, xml)


def delta_neutral_accepted(request_id: int, con_id: int, delta: str, price: str) -> bytes:
    """Message 56: the underlying that the broker chose to hedge an option with."""
    return encode(56, 1, request_id, con_id, delta, price)


def display_groups(request_id: int, groups: str) -> bytes:
    """Message 67: group numbers, parted by `|`."""
    return encode(67, 1, request_id, groups)


def display_group_updated(request_id: int, contract: str) -> bytes:
    """Message 68: `conId@exchange`, `combo` or `none`."""
    return encode(68, 1, request_id, contract)


def market_data_rerouted(request_id: int, con_id: int, exchange: str) -> bytes:
    """Message 91: ask for the data of the underlying of a CFD instead."""
    return encode(91, request_id, con_id, exchange)


def depth_rerouted(request_id: int, con_id: int, exchange: str) -> bytes:
    """Message 92: ask for the depth of the underlying of a CFD instead."""
    return encode(92, request_id, con_id, exchange)


def event_kinds(request_id: int, json: str) -> bytes:
    """Message 104: which corporate events the calendar knows."""
    return encode(104, request_id, json)


def events(request_id: int, json: str) -> bytes:
    """Message 105: corporate events."""
    return encode(105, request_id, json)


def exchange_for_physical(request_id: int, kind: int, values: tuple[str, ...]) -> bytes:
    """Message 47: basis points as number and text, implied future, hold days, last trade date.

    Two dividend impacts follow, to the last trade date and to the expiry. Raises ValueError on
    another number of values than the seven.
    """
    if len(values) != 7:
        raise ValueError(f"{len(values)} values of message 47, allowed: 7")
    return encode(47, 6, request_id, kind, *values)
