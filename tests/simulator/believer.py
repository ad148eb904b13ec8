"""What a client that believes its frames knows: an account of its own, from messages alone.

It shares no code with the simulator's books: positions, cash and fills are added up from the
executions (11) and commissions (59) of the wire at server version 178.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from tests.unit.sim.support import split
from trader.sim.host.memory import MemoryHost
from trader.sim.host.pipe import MemoryPeer
from trader.sim.wire.frames import encode


@dataclass
class Fill:
    """The last revision of one execution, as told."""

    exec_id: str
    order_id: int
    perm_id: int
    con_id: int
    sec_type: str
    account: str
    signed: Decimal
    price: Decimal
    multiplier: Decimal
    commission: Decimal | None = None


@dataclass
class Believer:
    """One client and everything it was told."""

    host: MemoryHost
    client_id: int
    version: int = 178
    statuses: dict[int, list[tuple[str, Decimal, Decimal, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    quantities: dict[int, Decimal] = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)
    commissions: dict[str, Decimal] = field(default_factory=dict)
    errors: list[tuple[int, int, str]] = field(default_factory=list)
    frames: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.peer: MemoryPeer = self.host.connect()
        text = f"v157..{self.version}".encode()
        self.peer.send(b"API\0" + len(text).to_bytes(4, "big") + text)
        self.peer.send(encode(71, 2, self.client_id, ""))
        self.listen()

    def send(self, *fields: object) -> None:
        """Send one request."""
        self.peer.send(encode(*fields))

    def listen(self) -> None:
        """Take in what has arrived."""
        for fields in split(self.peer.receive()):
            self.frames.append(fields)
            match fields[0]:
                case "3":
                    row = (fields[2], Decimal(fields[3]), Decimal(fields[4]), fields[10])
                    self.statuses[int(fields[6])].append(row)
                case "5":
                    # The permanent id stands after the account, origin, reference and client.
                    self.quantities[int(fields[25])] = Decimal(fields[14])
                case "11":
                    self._execution(fields)
                case "59":
                    self.commissions[fields[2]] = Decimal(fields[3])
                case "4":
                    self.errors.append((int(fields[2]), int(fields[3]), fields[4]))

    def _execution(self, fields: list[str]) -> None:
        sign = 1 if fields[18] == "BOT" else -1
        fill = Fill(
            fields[14], int(fields[2]), int(fields[21]), int(fields[3]), fields[5], fields[16],
            sign * Decimal(fields[19]), Decimal(fields[20]), Decimal(fields[9] or 1),
        )  # fmt: skip
        # A correction has the same family; only the last revision counts.
        self.fills[fill.exec_id.rpartition(".")[0]] = fill

    def cash_change(self) -> Decimal:
        """Return what all fills and their commissions did to cash."""
        return sum(
            (
                -fill.signed * fill.price * fill.multiplier - self.commissions[fill.exec_id]
                for fill in self.fills.values()
            ),
            Decimal(0),
        )

    def held(self) -> dict[int, Decimal]:
        """Return what the fills add up to, by contract id."""
        held: dict[int, Decimal] = defaultdict(Decimal)
        for fill in self.fills.values():
            held[fill.con_id] += fill.signed
        return held

    def filled(self) -> dict[int, Decimal]:
        """Return how much each order has filled, by permanent id."""
        filled: dict[int, Decimal] = defaultdict(Decimal)
        for fill in self.fills.values():
            filled[fill.perm_id] += abs(fill.signed)
        return filled
