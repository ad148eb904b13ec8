"""A client of a few lines in a process of its own: what the scenarios of processes kill and stop.

It prints what it does and what it reads, one line each. A `buyer` buys without end; with a journal
it writes each order down first and does without the order when it cannot; it sends nothing while
its halt file exists. A `canceller` places resting orders and cancels one after the other, each
when the one before is confirmed, but only if its journal shows that it has not done so before.
"""

from __future__ import annotations

import argparse
import os
import select
import socket
import sqlite3
import sys
import time
from pathlib import Path

from tests.unit.sim.support import place_fields
from trader.sim.wire.frames import encode

PAUSE_S = 0.05
RESTING = 5
CLIENT_ID = 7


class Client:
    """One connection."""

    def __init__(self) -> None:
        self.socket = socket.create_connection(
            (os.environ["SIM_HOST"], int(os.environ["SIM_PORT"]))
        )
        versions = b"v157..178"
        self.socket.sendall(b"API\0" + len(versions).to_bytes(4, "big") + versions)
        self.send(71, 2, CLIENT_ID, "")
        self._buffer = b""
        self._inbox: list[list[str]] = []

    def send(self, *fields: object) -> None:
        """Send one message."""
        self.socket.sendall(encode(*fields))

    def read(self, wait_s: float) -> None:
        """Take in the messages that come, and print each; an end ends the program."""
        if not select.select([self.socket], [], [], wait_s)[0]:
            return
        data = self.socket.recv(65536)
        if not data:
            sys.exit(0)
        self._buffer += data
        while len(self._buffer) >= 4:
            end = 4 + int.from_bytes(self._buffer[:4], "big")
            if len(self._buffer) < end:
                break
            fields = self._buffer[4:end].decode().split("\0")[:-1]
            self._buffer = self._buffer[end:]
            self._inbox.append(fields)
            print("read", *fields, flush=True)

    def until(self, message_id: str) -> list[str]:
        """Return the next message of this id; what came before it is forgotten."""
        while True:
            while self._inbox:
                fields = self._inbox.pop(0)
                if fields[0] == message_id:
                    return fields
            self.read(1.0)


def noted(journal: Path | None, order_id: int) -> bool:
    """Write an order down; tell whether that went well."""
    if journal is None:
        return True
    try:
        with sqlite3.connect(journal, timeout=0.1) as db:
            db.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY)")
            db.execute("INSERT INTO orders VALUES (?)", (order_id,))
    except sqlite3.OperationalError as error:
        print("not placed", error, flush=True)
        return False
    return True


def buy(client: Client, order_id: int, journal: Path | None, halt: Path | None) -> None:
    """Buy one share after the other."""
    was_halted = False
    while True:
        is_halted = halt is not None and halt.exists()
        if is_halted and not was_halted:
            print("halted", flush=True)
        was_halted = is_halted
        if not is_halted and noted(journal, order_id):
            print("placed", order_id, flush=True)
            client.send(*place_fields(order_id, quantity=1))
            order_id += 1
        until_s = time.monotonic() + PAUSE_S
        while (left_s := until_s - time.monotonic()) > 0:
            client.read(left_s)


def cancel(client: Client, order_id: int, journal: Path) -> None:
    """Place resting orders and cancel them, once in a life."""
    is_new = not journal.exists()
    for number in range(order_id, order_id + RESTING) if is_new else ():
        assert noted(journal, number)
        client.send(*place_fields(number, kind="LMT", limit=50))
        client.until("5")
    for number in range(order_id, order_id + RESTING) if is_new else ():
        client.send(4, 1, number, "")
        while client.until("3")[2] != "Cancelled":
            pass
    while True:
        client.read(1.0)


def main() -> None:
    """Do as the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("buyer", "canceller"))
    parser.add_argument("--journal", type=Path, default=None)
    parser.add_argument("--halt", type=Path, default=None)
    given = parser.parse_args()
    client = Client()
    print("up", os.getpid(), flush=True)
    order_id = int(client.until("9")[2])
    if given.kind == "buyer":
        buy(client, order_id, given.journal, given.halt)
    cancel(client, order_id, given.journal)


if __name__ == "__main__":
    main()
