"""Switches for everything that can go wrong on purpose; all off at the start.

One `Faults` object is shared by all sessions of a simulator. The control port sets it, the
outlets, the gateway and the server obey it; it decides nothing itself.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Swallow:
    """Read a kind of message and never answer it, a number of times."""

    count: int = 0
    register: bool = False


@dataclass(slots=True)
class Faults:
    """The present state of every fault."""

    is_muted: bool = False
    held_messages: set[int] = field(default_factory=set)
    copies: int = 1
    is_upstream_down: bool = False
    # While the link is flagged as lost, order news may keep flowing all the same.
    is_delivering: bool = False
    commissions: str = "normal"
    swallow: dict[str, Swallow] = field(
        default_factory=lambda: {"placeOrder": Swallow(), "cancelOrder": Swallow()}
    )
    # Client id -> monotonic second until which it is refused with 326.
    busy_until_s: dict[int, float] = field(default_factory=dict)

    def takes(self, kind: str) -> Swallow | None:
        """Use up one swallow of the kind; None when the message is to be answered."""
        swallow = self.swallow[kind]
        if swallow.count <= 0:
            return None
        swallow.count -= 1
        return swallow
