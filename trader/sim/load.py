"""Measure a simulator from outside: orders a second in, messages a second out, memory.

`python -m trader.sim.load` starts one as a process of its own and talks to it over TCP as a
client does, with a bare reader that only cuts frames. Orders that rest and are cancelled, market
orders that fill, and orders that wait for one another, each without and with a state file, and
then the ratio of the two; many market data lines; and an advance of time past such lines. Prints
one JSON line per run; times are wall time of this process, memory is the simulator's resident
set.
"""

import argparse
import http.client
import json
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from trader.sim.script.client_frames import VERSION_MAX, PlainOrder, hello, place_order, start_api
from trader.sim.wire.frames import encode

WINDOW = 400
READ_BYTES = 1 << 18
WAIT_S = 30.0
STREAM_S = 10.0
ADVANCE_S = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class Result:
    """What one run measured."""

    run: str
    orders: int
    seconds: float
    orders_per_s: float
    messages_in_per_s: float
    messages_out_per_s: float
    memory_kib_before: int
    memory_kib_after: int


def order_frame(order_id: int, *, kind: str, limit: str = "", quantity: int = 1) -> bytes:
    """Return message 3 for a plain AAPL order at server version 178."""
    order = PlainOrder(
        order_id, "BUY", str(quantity), kind, "AAPL", limit=limit, order_ref=f"load-{order_id}"
    )
    return place_order(order, VERSION_MAX)


class Client:
    """One bare connection that counts what it is sent."""

    def __init__(self, port: int, client_id: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self.counts: dict[bytes, int] = {}
        self.messages = 0
        self._socket.sendall(hello() + start_api(client_id))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self.wait_for(b"9", 1)

    def send(self, data: bytes) -> None:
        """Write bytes, reading meanwhile is not needed: the peer buffers."""
        self._socket.sendall(data)

    def read(self, timeout_s: float) -> None:
        """Take what is there, waiting for something at most so long. Raises ConnectionError."""
        if not self._selector.select(timeout_s):
            return
        data = self._socket.recv(READ_BYTES)
        if not data:
            raise ConnectionError("the simulator closed the connection")
        self._buffer += data
        self._count()

    def _count(self) -> None:
        buffer, place, counts = self._buffer, 0, self.counts
        while len(buffer) - place >= 4:
            size = int.from_bytes(buffer[place : place + 4], "big")
            if len(buffer) - place - 4 < size:
                break
            start = place + 4
            if start > 4 or size:
                head = bytes(buffer[start : buffer.index(0, start)])
                # Of an order's status only its end matters: the third field.
                if head == b"3":
                    status = bytes(buffer[start : start + size]).split(b"\0", 3)[2]
                    counts[status] = counts.get(status, 0) + 1
                counts[head] = counts.get(head, 0) + 1
                self.messages += 1
            place = start + size
        del buffer[:place]

    def wait_for(self, kind: bytes, count: int) -> None:
        """Read until so many of a message or a status have come. Raises TimeoutError."""
        until = time.monotonic() + WAIT_S
        while self.counts.get(kind, 0) < count:
            if time.monotonic() > until:
                raise TimeoutError(f"after {WAIT_S:g} s: {self.counts}")
            self.read(0.2)

    def close(self) -> None:
        """Leave."""
        self._selector.close()
        self._socket.close()


def memory_kib(pid: int) -> int:
    """Return the resident set of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ProcessLookupError(pid)


@contextmanager
def simulator(*words: str) -> Iterator[tuple[int, int, int]]:
    """Start a simulator; give its port, its control port and its process id."""
    command = [sys.executable, "-m", "trader.sim", "--port", "0", "--seed", "1", *words]
    with subprocess.Popen(
        [*command, "--ack-ms", "0:0", "--fill-ms", "0:0", "--cash", "900000000000",
         "--rate-limit", "off"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None, "a pipe was asked for"
        line = json.loads(process.stdout.readline())
        try:
            yield int(line["port"]), int(line["control_port"]), process.pid
        finally:
            process.terminate()
            process.wait(WAIT_S)


def measure(run: str, count: int, port: int, pid: int, act: Callable[[Client, int], int]) -> Result:
    """Run one measurement: `act` sends and waits, and returns how many messages it sent."""
    client = Client(port, 1)
    before, began, messages = memory_kib(pid), time.monotonic(), client.messages
    sent = act(client, count)
    seconds = time.monotonic() - began
    out = client.messages - messages
    client.close()
    return Result(
        run, count, round(seconds, 3), round(count / seconds), round(sent / seconds),
        round(out / seconds), before, memory_kib(pid),
    )  # fmt: skip


def place_and_cancel(client: Client, count: int) -> int:
    """Place orders that rest, and cancel each, at most a window of them at a time."""
    for first in range(1, count + 1, WINDOW):
        ids = range(first, min(first + WINDOW, count + 1))
        client.send(b"".join(order_frame(n, kind="LMT", limit="1.00") for n in ids))
        client.send(b"".join(encode(4, 1, n, "") for n in ids))
        client.wait_for(b"Cancelled", ids[-1])
    return 2 * count


def fill(client: Client, count: int) -> int:
    """Place market orders and wait until each has filled and its commission is known."""
    for first in range(1, count + 1, WINDOW):
        ids = range(first, min(first + WINDOW, count + 1))
        client.send(b"".join(order_frame(n, kind="MKT") for n in ids))
        client.wait_for(b"59", ids[-1])
    return count


def one_by_one(client: Client, count: int) -> int:
    """Place market orders, each only when all is known of the one before."""
    for n in range(1, count + 1):
        client.send(order_frame(n, kind="MKT"))
        client.wait_for(b"59", n)
    return count


def stream(client: Client, count: int) -> int:
    """Subscribe to market data lines and take ticks for a while."""
    subscribe(client, count)
    until = time.monotonic() + STREAM_S
    while time.monotonic() < until:
        client.read(0.2)
    return count


def subscribe(client: Client, count: int) -> None:
    """Ask for market data lines."""
    symbols = ("AAPL", "GOOG", "IBM", "MSFT")
    for n in range(count):
        contract = (
            0,
            symbols[n % len(symbols)],
            "STK",
            "",
            0.0,
            "",
            "",
            "SMART",
            "",
            "USD",
            "",
            "",
        )
        client.send(encode(1, 11, 1000 + n, *contract, 0, "", 0, 0, ""))


def advance(lines: int) -> dict[str, object]:
    """Let time be advanced past many lines at ticks of 30 ms; return how long that took."""
    with simulator("--tick-interval", "0.03", "--control-port", "0") as (port, control_port, _):
        client = Client(port, 1)
        subscribe(client, lines)
        client.wait_for(b"81", lines)
        # The bare client reads nothing meanwhile: what it misses, it misses.
        http_client = http.client.HTTPConnection("127.0.0.1", control_port, timeout=WAIT_S * 4)
        began = time.monotonic()
        http_client.request("POST", "/advance", json.dumps({"seconds": ADVANCE_S}))
        answer = http_client.getresponse()
        answer.read()
        seconds = time.monotonic() - began
        http_client.close()
        client.close()
    if answer.status != 200:
        raise ConnectionError(f"advance was answered with {answer.status}")
    return {"run": "advance", "lines": lines, "advanced_s": ADVANCE_S, "seconds": round(seconds, 3)}


Act = Callable[[Client, int], int]


def compare(run: str, count: int, act: Act) -> Iterator[dict[str, object]]:
    """Run one measurement without and with a state file; tell both and their ratio."""
    results = []
    for kind in ("", ", state"):
        with tempfile.TemporaryDirectory() as directory:
            words = ("--state", f"{directory}/state.db") if kind else ()
            with simulator(*words) as (port, _, pid):
                results.append(measure(run + kind, count, port, pid, act))
        yield asdict(results[-1])
    ratio = results[1].orders_per_s / max(results[0].orders_per_s, 1)
    yield {"run": f"{run}, with a state file over without", "ratio": round(ratio, 2)}


def measurements(orders: int, lines: int) -> Iterator[dict[str, object]]:
    """Run all measurements, each told when it is done."""
    yield from compare("place and cancel", orders, place_and_cancel)
    yield from compare("fill", orders, fill)
    yield from compare("one by one", max(orders // 10, 1), one_by_one)
    with simulator("--tick-interval", "0.002", "--speed", "200") as (port, _, pid):
        yield asdict(measure("stream", lines, port, pid, stream))
    yield advance(lines)


def main(arguments: list[str]) -> int:
    """Run all measurements and print them."""
    parser = argparse.ArgumentParser(prog="trader.sim.load", description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000, help="orders in each order run")
    parser.add_argument("--lines", type=int, default=100, help="market data lines")
    given = parser.parse_args(arguments)
    for result in measurements(given.orders, given.lines):
        print(json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
