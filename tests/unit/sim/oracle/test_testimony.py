"""The truth is read whole or refused; the text of `/truth` is the simulator's own."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.unit.sim.host.test_server import serving
from tests.unit.sim.support import request
from trader.sim.oracle.records import Cash, Frame, InputError, Terms
from trader.sim.oracle.testimony import asked, of_file, told

AT = "2024-03-05T14:30:00.000001+00:00"
AT_US = 1_709_649_000_000_001


def answer() -> dict[str, Any]:
    """Return what `/truth` answers, with one row of each."""
    return {
        "account": "DU1",
        "orders": [{
            "order_id": 4, "client_id": 7, "perm_id": 9, "order_ref": "r", "con_id": 5,
            "symbol": "AAPL", "side": "BUY", "quantity": "10", "order_type": "LMT",
            "limit_price": "9.75", "stop_price": None, "tif": "DAY", "status": "Filled",
            "filled": "10", "remaining": "0", "created_utc": AT,
        }],
        "executions": [{
            "exec_id": "1.01", "order_id": 4, "client_id": 7, "perm_id": 9, "order_ref": "r",
            "con_id": 5, "symbol": "AAPL", "side": "BUY", "quantity": "10", "price": "9.70",
            "time_utc": AT, "commission": "1.00",
        }],
        "positions": [{"con_id": 5, "symbol": "AAPL", "quantity": "10", "average_cost": "9.8"}],
        "cash": {"USD": "902.00"},
        "place_frames": [{
            "order_id": 4, "client_id": 7, "order_ref": "r", "modify": False,
            "received_monotonic_s": 1.5, "received_utc": AT,
        }],
        "something new": {},
    }  # fmt: skip


async def test_what_the_simulator_tells_is_understood(tmp_path: Path) -> None:
    """The answer above is made up; this one is the simulator's own."""
    async with serving(tmp_path, ack_s=(0.0, 0.0), fill_s=(0.0, 0.0)) as server:
        server.gateway.place(7, request(1))
        truth = told(as_bytes(server.truth()), "t")
    (order,) = truth.orders
    assert (order.order_id, order.status, order.filled) == (1, "Filled", Decimal(100))
    assert sum(one.execution.quantity for one in truth.executions) == Decimal(100)
    assert [(one.order_id, one.client_id) for one in truth.frames] == [(1, 7)]
    assert [one.quantity for one in truth.positions] == [Decimal(100)]


def as_bytes(data: object) -> bytes:
    return json.dumps(data).encode()


def test_everything_that_is_compared_is_read() -> None:
    truth = told(as_bytes(answer()), "t")
    (order,) = truth.orders
    assert order.terms == Terms(5, "BUY", Decimal(10), "LMT", Decimal("9.75"), None, "DAY")
    assert (order.status, order.filled, order.created_us) == ("Filled", Decimal(10), AT_US)
    (one,) = truth.executions
    assert (one.execution.price, one.commission, one.at_us) == (Decimal("9.7"), Decimal(1), AT_US)
    assert truth.frames == (Frame(4, 7, "r", False, AT_US),)
    assert truth.cash == (Cash("USD", Decimal("902.00")),)
    assert truth.positions[0].quantity == Decimal(10)


def test_rows_of_another_account_are_left_out() -> None:
    data = answer()
    data["orders"].append({**data["orders"][0], "account": "DU2"})
    data["executions"].append({**data["executions"][0], "account": "DU1"})
    truth = told(as_bytes(data), "t")
    assert (len(truth.orders), len(truth.executions)) == (1, 2)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: d.pop("cash"), "truth.cash is missing"),
        (lambda d: d["orders"][0].pop("status"), r"truth.orders\[0\].status is missing"),
        (lambda d: d["executions"][0].update(price="x"), r"truth.executions\[0\].price is 'x'"),
        (lambda d: d["place_frames"][0].update(modify=3), r"truth.place_frames\[0\].modify is 3"),
        (lambda d: d.update(positions=7), "truth.positions is 7"),
    ],
)
def test_a_field_that_is_not_right_is_named(spoil: Callable[[Any], Any], words: str) -> None:
    data = answer()
    spoil(data)
    with pytest.raises(InputError, match=words):
        told(as_bytes(data), "t")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"7"])
def test_what_is_no_answer_of_truth_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="allowed: "):
        told(content, "t")


def test_a_file_is_read_or_named(tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    path.write_bytes(as_bytes(answer()))
    assert of_file(path).account == "DU1"
    with pytest.raises(InputError, match=r"truth: .*gone\.json cannot be read"):
        of_file(tmp_path / "gone.json")


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(InputError, match=f"control: {port} is not allowed; allowed: 1 to 65535"):
        asked(port, 1.0)


def test_a_port_where_nobody_listens_is_named() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"control: {port} does not answer"):
            asked(port, 1.0)


class _Answers(BaseHTTPRequestHandler):
    """Serves the truth at its place, and 404 elsewhere or when asked to."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/truth" else 404)
        self.end_headers()
        self.wfile.write(as_bytes(answer()))

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("status", [200, 404])
def test_the_control_port_is_asked_for_the_truth(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Answers, "status", status)
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = Thread(target=server.handle_request, daemon=True)
        thread.start()
        if status == 200:
            assert asked(server.server_port, 5.0).account == "DU1"
        else:
            with pytest.raises(InputError, match="answers 404; allowed: the control port"):
                asked(server.server_port, 5.0)
        thread.join(5)
