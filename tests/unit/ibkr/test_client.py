"""The client writes what ib_async would write, at once or not at all, and reads in order."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from ib_async.client import Client
from ib_async.contract import Contract
from ib_async.order import Order

from tests.unit.ibkr.fake_gateway import EXECUTION, approved_order, frame
from tests.unit.ibkr.test_decoder import Receiver
from trader.core.intents import OrderType
from trader.ibkr import translate
from trader.ibkr.client import ApiClient
from trader.ports import LinkDown, SendUncertain


class Pipe:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_closed = False
        self.backlog = 0
        self.fault: Exception | None = None

    def write(self, data: bytes) -> None:
        if self.fault is not None:
            raise self.fault
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.is_closed

    def get_write_buffer_size(self) -> int:
        return self.backlog


def begun() -> tuple[Any, Pipe, Receiver]:
    """Return a client that has sent its handshake."""
    receiver, pipe = Receiver(), Pipe()
    client = ApiClient(receiver, 1000)
    client.begin(pipe, 7)
    return client, pipe, receiver


def negotiated() -> tuple[Any, Pipe, Receiver]:
    """Return a client that has started the API."""
    client, pipe, receiver = begun()
    client.received(frame("178|20260413 15:27:04 EST"))
    client.started()
    receiver.calls.clear()
    pipe.written.clear()
    return client, pipe, receiver


def theirs(send: Any) -> bytes:
    """Return what ib_async's own client writes."""

    class Wrapper:
        ib = None

    pipe = Pipe()
    client: Any = Client(Wrapper())  # type: ignore[no-untyped-call]  # ib_async is not annotated
    client.connState = Client.CONNECTED
    client._serverVersion = 178
    # Its own way to the socket would make an event loop for its throttle.
    client.sendMsg = lambda text: pipe.write(client._prefix(text.encode()))
    send(client)
    return pipe.written[0]


def test_the_handshake_offers_the_versions_that_ib_async_speaks_and_starts_the_api() -> None:
    client, pipe, receiver = begun()
    assert pipe.written == [b"API\0\0\0\0\x09v157..178"]
    client.received(frame("178|20260413 15:27:04 Chinese Standard Time"))
    assert pipe.written[1:] == [frame("71|2|7|")]
    assert ("version_seen", (178,)) in receiver.calls
    assert client.serverVersion() == 178


@pytest.mark.parametrize("version", ["156", "179", "x", ""])
def test_a_version_we_do_not_speak_breaks_the_stream(version: str) -> None:
    client, pipe, receiver = begun()
    client.received(frame(f"{version}|20260413 15:27:04 EST"))
    assert "stream_broke" in receiver.names
    assert len(pipe.written) == 1


@pytest.mark.parametrize("order_type", list(OrderType))
@pytest.mark.parametrize("quantity", [100, Decimal("0.5")])
def test_an_order_is_written_byte_for_byte_as_ib_async_would(
    order_type: OrderType, quantity: Decimal
) -> None:
    approved = approved_order(order_type=order_type)
    contract, order = (
        translate.contract_out(approved.approval.instrument),
        translate.order_out(approved),
    )
    order.totalQuantity = float(quantity)
    client, pipe, _ = negotiated()
    client.placeOrder(5, contract, order)
    assert pipe.written == [theirs(lambda other: other.placeOrder(5, contract, order))]


@pytest.mark.parametrize(
    "send",
    [
        lambda client: client.cancelOrder(5),
        lambda client: client.reqAllOpenOrders(),
        lambda client: client.reqCompletedOrders(False),
        lambda client: client.reqAccountUpdatesMulti(4, "DU1", "", False),
        lambda client: client.reqContractDetails(4, Contract(symbol="AAPL", strike=12.5)),
        lambda client: client.reqMktData(4, Contract(conId=1), "", False, False, []),
        lambda client: client.placeOrder(5, Contract(), Order(percentOffset=float("inf"))),
    ],
)
def test_requests_are_written_byte_for_byte_as_ib_async_would(send: Any) -> None:
    client, pipe, _ = negotiated()
    send(client)
    assert pipe.written == [theirs(send)]


def test_a_decimal_is_never_written_with_an_exponent() -> None:
    client, pipe, _ = negotiated()
    client.send(3, Decimal("1E+5"), Decimal("0.00000001"))
    assert pipe.written == [frame("3|100000|0.00000001")]


def test_text_that_would_shift_the_fields_is_our_bug() -> None:
    client, pipe, _ = negotiated()
    with pytest.raises(AssertionError, match="NUL"):
        client.send(3, "a\0b")
    assert pipe.written == []


def test_nothing_is_written_when_there_is_no_connection() -> None:
    client, pipe, _ = negotiated()
    pipe.is_closed = True
    with pytest.raises(LinkDown):
        client.send(49, 1)
    pipe.is_closed = False
    client.end()
    with pytest.raises(LinkDown):
        client.send(49, 1)
    assert pipe.written == []


def test_nothing_is_written_behind_bytes_that_the_peer_does_not_read() -> None:
    client, pipe, _ = negotiated()
    pipe.backlog = 1001
    with pytest.raises(LinkDown, match="1001 bytes"):
        client.send(49, 1)
    pipe.backlog = 1000
    client.send(49, 1)
    assert pipe.written == [frame("49|1")]


@pytest.mark.parametrize("fault", [OSError("gone"), RuntimeError("closed")])
def test_a_failure_while_writing_leaves_it_open_whether_bytes_left(fault: Exception) -> None:
    client, pipe, _ = negotiated()
    pipe.fault = fault
    with pytest.raises(SendUncertain):
        client.send(49, 1)


def test_what_arrives_together_is_decoded_in_order_between_the_bounds_of_its_batch() -> None:
    client, _, receiver = negotiated()
    client.received(frame("49|1|5") + frame("62|1") + frame("53|1")[:-1])
    assert receiver.names == ["batch_arrived", "currentTime", "positionEnd", "batch_decoded"]


def test_the_frames_before_a_violation_are_decoded_and_then_the_stream_is_given_up() -> None:
    client, _, receiver = negotiated()
    client.received(frame(EXECUTION) + b"\x7f\0\0\0")
    assert receiver.names == ["batch_arrived", "execution_text", "batch_decoded", "stream_broke"]


def test_nothing_is_decoded_after_the_end() -> None:
    client, _, receiver = negotiated()
    client.end()
    client.received(frame("49|1|5"))
    assert "currentTime" not in receiver.names


def test_a_new_connection_knows_nothing_of_the_bytes_of_the_last_one() -> None:
    client, _, receiver = negotiated()
    client.received(b"\0\0\0\x20half a frame")
    client.begin(Pipe(), 7)
    client.received(frame("176|20260413 15:27:04 EST"))
    assert client.serverVersion() == 176
    assert "undecodable" not in receiver.names


def test_what_is_sent_in_one_write_goes_in_one_piece() -> None:
    client, pipe, _ = negotiated()
    with client.in_one_write():
        client.send(49, 1)
        client.send(49, 2)
        assert pipe.written == []
    assert pipe.written == [frame("49|1") + frame("49|2")]
    client.send(49, 3)
    assert pipe.written[1:] == [frame("49|3")]


def sent_together(client: Any, *sends: Callable[[], None]) -> None:
    with client.in_one_write():
        for send in sends:
            send()


def test_of_what_breaks_off_nothing_goes() -> None:
    client, pipe, _ = negotiated()
    one = partial(client.send, 49, 1)

    def two() -> None:
        pipe.is_closed = True
        client.send(49, 2)

    with pytest.raises(LinkDown):
        sent_together(client, one, two)
    pipe.is_closed = False
    with pytest.raises(AssertionError):
        sent_together(client, one, partial(client.send, 49, "a\0b"))
    sent_together(client)
    assert pipe.written == []
    client.send(49, 3)
    assert pipe.written == [frame("49|3")]


def test_a_failure_of_the_one_write_leaves_it_open() -> None:
    client, pipe, _ = negotiated()
    pipe.fault = OSError("gone")
    with pytest.raises(SendUncertain):
        sent_together(client, partial(client.send, 49, 1), partial(client.send, 49, 2))
    pipe.fault = None
    client.send(49, 3)
    assert pipe.written == [frame("49|3")]


def test_one_write_is_not_begun_inside_another() -> None:
    client, pipe, _ = negotiated()
    inside = partial(sent_together, client, partial(client.send, 49, 1))
    with pytest.raises(AssertionError, match="inside another"):
        sent_together(client, inside)
    assert pipe.written == []
