"""ib_async's client for its messages alone: our framing, our decoder, our way to the socket.

Kept from ib_async: how each message is laid out for the negotiated server version, the start of
the API. Replaced: the quadratic framer, the private send queue that is dropped silently on
disconnect (INC-062), the encoder that builds a table of functions for each message, and every
place where an exception becomes a log line.
"""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Protocol

from ib_async.client import Client
from ib_async.contract import Contract

from trader.ibkr.decoder import CheckedDecoder, Fields, Receiver
from trader.ibkr.frames import FrameReader
from trader.ports import LinkDown, SendUncertain

_UNSET_DOUBLE = sys.float_info.max
_UNSET_INTEGER = 2**31 - 1
# What a transport can raise in write(); an encoder's error comes before it and is our bug.
_WRITE_ERRORS = (OSError, RuntimeError, ValueError, TypeError)


class Transport(Protocol):
    """What we use of an asyncio transport."""

    def write(self, data: bytes) -> None:
        """Hand bytes over."""

    def is_closing(self) -> bool:
        """Tell whether it takes no more."""

    def get_write_buffer_size(self) -> int:
        """Return how many bytes still wait on our side."""


class Receiving(Receiver, Protocol):
    """The receiver of callbacks, told of the bounds of each batch and of the handshake."""

    def batch_arrived(self, at_s: float | None = None) -> None:
        """Bytes are decoded now; everything in them was received at ``at_s``, or now."""

    def batch_decoded(self) -> None:
        """Everything in the bytes has been decoded; deliver it."""

    def version_seen(self, version: int) -> None:
        """Tell the negotiated server version."""

    def stream_broke(self, reason: str) -> None:
        """Tell that the stream is out of step and must be aborted."""


class ApiClient(Client):
    """Encode requests and decode what arrives, with nothing kept in between."""

    # ib_async's own queue is off: pacing is ours, and a send reaches the transport at once.
    MaxRequests = 0

    def __init__(self, receiver: Receiving, write_backlog_bytes_max: int) -> None:
        super().__init__(receiver)  # type: ignore[no-untyped-call]  # ib_async is not annotated
        self._receiver = receiver
        self._backlog_max = write_backlog_bytes_max
        self._checked = CheckedDecoder(receiver)
        self._frames = FrameReader()
        self._transport: Transport | None = None
        # What waits to be written together; None while each message goes by itself.
        self._gathered: list[bytes] | None = None

    # ---- the life of one connection

    def begin(self, transport: Transport, client_id: int) -> None:
        """Start the handshake on a new transport; nothing of an earlier one is kept."""
        self.reset()  # type: ignore[no-untyped-call]  # ib_async is not annotated
        self.clientId = client_id
        self.connState = Client.CONNECTING
        self._frames = FrameReader()
        self._transport = transport
        versions = b"v%d..%d" % (self.MinClientVersion, self.MaxClientVersion)
        transport.write(b"API\0" + len(versions).to_bytes(4, "big") + versions)

    def end(self) -> None:
        """Forget the transport: nothing is written or decoded any more."""
        self.reset()  # type: ignore[no-untyped-call]  # ib_async is not annotated
        self._transport = None

    def is_on(self, transport: Transport | None) -> bool:
        """Tell whether this is the transport in use."""
        return transport is not None and self._transport is transport

    def started(self) -> None:
        """Note that the API has started: ids and accounts came."""
        self._apiReady = True

    def received(self, data: bytes, at_s: float | None = None) -> None:
        """Decode everything that ``data`` completes, in order; it came at ``at_s``, or now."""
        self._receiver.batch_arrived(at_s)
        for fields in self._frames.feed(data):
            if self._transport is None:
                break
            if not self._serverVersion and len(fields) == 2:
                self._negotiated(fields)
            else:
                self._checked.interpret(fields)
        self._receiver.batch_decoded()
        if self._frames.violation is not None and self._transport is not None:
            self._receiver.stream_broke(self._frames.violation)

    def _negotiated(self, fields: Fields) -> None:
        version = int(fields[0]) if fields[0].isdecimal() else 0
        if not self.MinClientVersion <= version <= self.MaxClientVersion:
            self._receiver.stream_broke(f"server version {fields[0][:20]!r} is not ours")
            return
        self._serverVersion = version
        self._checked.serverVersion = version
        self.connState = Client.CONNECTED
        self.startApi()  # type: ignore[no-untyped-call]  # ib_async is not annotated
        self._receiver.version_seen(version)

    # ---- sending

    def send(self, *fields: object, makeEmpty: bool = True) -> None:  # noqa: N803
        """Encode one message and hand it to the transport, now.

        Raises LinkDown before the first byte, SendUncertain when writing failed.
        """
        transport = self._transport
        if transport is None or self.connState != Client.CONNECTED or transport.is_closing():
            raise LinkDown("not connected")
        backlog = transport.get_write_buffer_size()
        if backlog > self._backlog_max:
            # The peer does not read: what we add would fire late or be dropped (INC-004).
            raise LinkDown(f"{backlog} bytes wait unsent, the peer does not read")
        text = "\0".join([_ENCODE.get(type(field), str)(field) for field in fields])
        payload = text.encode() + b"\0"
        frame = len(payload).to_bytes(4, "big") + payload
        if self._gathered is not None:
            self._gathered.append(frame)
        else:
            self._write(transport, frame)

    @contextmanager
    def in_one_write(self) -> Iterator[None]:
        """Hand all that is sent inside over in one piece at the end; nothing when it breaks off.

        A process that dies between two writes would leave the part that went.
        """
        assert self._gathered is None, "one write inside another"
        gathered: list[bytes] = []
        self._gathered = gathered
        try:
            yield
        finally:
            self._gathered = None
        if gathered:
            assert self._transport is not None, "sent without a transport"
            self._write(self._transport, b"".join(gathered))

    def _write(self, transport: Transport, data: bytes) -> None:
        try:
            transport.write(data)
        except _WRITE_ERRORS as error:
            raise SendUncertain(f"writing failed: {error!r}") from error


def _contract(contract: Contract) -> str:
    return "\0".join(
        [
            str(contract.conId),
            contract.symbol,
            contract.secType,
            contract.lastTradeDateOrContractMonth,
            str(contract.strike),
            contract.right,
            contract.multiplier,
            contract.exchange,
            contract.primaryExchange,
            contract.currency,
            contract.localSymbol,
            contract.tradingClass,
        ]
    )


def _float(value: float) -> str:
    if value == _UNSET_DOUBLE:
        return ""
    return "Infinite" if value == math.inf else str(value)


def _int(value: int) -> str:
    return "" if value == _UNSET_INTEGER else str(value)


def _bool(value: bool) -> str:
    return "1" if value else "0"


def _nothing(value: None) -> str:
    return ""


def _text(value: str) -> str:
    # A NUL would end the field and shift every one behind it.
    assert "\0" not in value, f"text with NUL: {value!r}"
    return value


def _decimal(value: Decimal) -> str:
    # Never in exponents: 1E+2 is a number to us and a word to some gateways.
    return format(value, "f")


def _pairs(values: list[Any]) -> str:
    return "".join([f"{value.tag}={value.value};" for value in values])


_ENCODE: dict[type, Callable[[Any], str]] = {
    Contract: _contract,
    float: _float,
    int: _int,
    bool: _bool,
    type(None): _nothing,
    str: _text,
    Decimal: _decimal,
    list: _pairs,
}
