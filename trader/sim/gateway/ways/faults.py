"""Switches for everything that can go wrong on purpose; all off at the start.

One `Faults` object is shared by all sessions of a simulator. Actions set it; the sessions, their
outlets, the gateway and the host obey it. It decides nothing itself.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from trader.sim.gateway.ways.account_view import AccountSwitches
from trader.sim.gateway.ways.frame_rules import Rule
from trader.sim.gateway.ways.handshake import Handshakes
from trader.sim.gateway.ways.intake import Held, IntakeRule
from trader.sim.wire.frames import UNSET_DOUBLE

# What a report says of a commission that is not known yet, by the mode that lets it.
UNKNOWN_COMMISSIONS: Mapping[str, str] = MappingProxyType(
    {"minus-one": "-1.0", "unset": UNSET_DOUBLE}
)


class Witness(Protocol):
    """Who sees every message that goes in and out, in their order."""

    def receiving(self, client_id: int, fields: list[str]) -> None:
        """A message has come and is about to be handled."""

    def received(self, client_id: int, fields: list[str]) -> None:
        """A message has been handled."""

    def sent(self, client_id: int, message_id: int, frame: bytes) -> None:
        """A frame other than market data has been written."""


@dataclass(slots=True)
class Swallow:
    """Read a kind of message and never answer it, a number of times."""

    count: int = 0
    register: bool = False


@dataclass(slots=True)
class Faults:
    """The present state of every fault."""

    # Where the rules that need chance take it from; a host hands in its own.
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    is_muted: bool = False
    # Clients whose connection is frozen though open, and what others get at a time.
    frozen: dict[int, bool] = field(default_factory=dict)
    write_bytes_max: int | None = None
    write_pause_s: float = 0.0
    read_pause_s: float = 0.0
    held_messages: set[int] = field(default_factory=set)
    copies: int = 1
    frame_rules: list[Rule] = field(default_factory=list)
    intake: list[IntakeRule] = field(default_factory=list)
    held_intake: list[Held] = field(default_factory=list)
    handshakes: Handshakes = field(default_factory=Handshakes)
    witness: Witness | None = None
    is_upstream_down: bool = False
    # While the link is flagged as lost, order news may keep flowing all the same.
    is_delivering: bool = False
    commissions: str = "normal"
    account: AccountSwitches = field(default_factory=AccountSwitches)
    swallow: dict[str, Swallow] = field(
        default_factory=lambda: {"placeOrder": Swallow(), "cancelOrder": Swallow()}
    )
    # How execution times are written: a form of `gateway.times.FORMS`.
    execution_time: str = "utc"
    # Permanent id -> how many lists of open orders leave the order out.
    omitted: dict[int, int] = field(default_factory=dict)
    shows_done_orders: bool = False
    # Security types whose contract details are asked for in vain: no answer, no error.
    unanswered_details: tuple[str, ...] = ()
    # How many live orders the next global cancel passes over.
    global_cancel_leaves: int = 0

    @property
    def busy_until_s(self) -> dict[int, float]:
        """Return client id -> monotonic second until which it is refused with 326."""
        return self.handshakes.busy_until_s

    def takes(self, kind: str) -> Swallow | None:
        """Use up one swallow of the kind; None when the message is to be answered."""
        swallow = self.swallow[kind]
        if swallow.count <= 0:
            return None
        swallow.count -= 1
        return swallow

    def omits(self, perm_id: int) -> bool:
        """Use up one omission of an order; false when it is to be listed."""
        left = self.omitted.get(perm_id, 0)
        if left > 0:
            self.omitted[perm_id] = left - 1
        return left > 0

    def release(self, batch: str, *, discard: bool = False) -> int:
        """Handle the held messages of a batch, in their order; return how many there were."""
        wanted = [held for held in self.held_intake if held.batch == batch]
        self.held_intake = [held for held in self.held_intake if held.batch != batch]
        for held in wanted:
            if not discard:
                held.handle()
        return len(wanted)
