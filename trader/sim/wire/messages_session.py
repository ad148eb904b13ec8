"""Session messages: greeting, errors, ids, accounts, time, and the end markers of lists.

Field counts are exact because clients drop or misread a message with one field more or less.
`sv` is the server version agreed with the client.
"""

from trader.sim.wire.frames import ascii7, encode

TEXTS = {
    326: "Unable to connect as the client id is already in use. Retry with a unique client id.",
    1100: "Connectivity between IBKR and Trader Workstation has been lost.",
    1101: "Connectivity between IBKR and Trader Workstation has been restored - data lost.",
    1102: "Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
    2110: "Connectivity between Trader Workstation and server is broken. "
    "It will be restored automatically.",
    2104: "Market data farm connection is OK:usfarm",
    2106: "HMDS data farm connection is OK:ushmds",
    2158: "Sec-def data farm connection is OK:secdefil",
}


def server_hello(version: int, time_text: str) -> bytes:
    """Answer the handshake: version and connection time."""
    return encode(version, time_text)


def error(
    sv: int, request_id: int, code: int, text: str, *, advanced: str = "", time_ms: int = 0
) -> bytes:
    """Message 4: a request id, an order id or -1; a code; a text; an advanced refusal's JSON."""
    text, advanced = ascii7(text), ascii7(advanced)
    if sv >= 194:
        return encode(4, request_id, code, text, advanced, time_ms)
    if sv >= 166:
        return encode(4, 2, request_id, code, text, advanced)
    return encode(4, 2, request_id, code, text)


def managed_accounts(account: str) -> bytes:
    """Message 15."""
    return encode(15, 1, account)


def next_valid_id(order_id: int) -> bytes:
    """Message 9."""
    return encode(9, 1, order_id)


def current_time(epoch_s: int) -> bytes:
    """Message 49."""
    return encode(49, 1, epoch_s)


def current_time_ms(epoch_ms: int) -> bytes:
    """Message 109, which clients ask for from version 197 on."""
    return encode(109, epoch_ms)


def end(message_id: int, request_id: int | None = None) -> bytes:
    """Return an end marker with a version field: 52, 53, 55, 57, 62, 64, 72 or 74."""
    if request_id is None:
        return encode(message_id, 1)
    return encode(message_id, 1, request_id)
