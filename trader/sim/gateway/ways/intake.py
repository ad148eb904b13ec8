"""Rules on single incoming messages: answered wrongly, late, never, or only when released.

The session shows each message to the rules before its desks see it. A held message belongs to
the gateway, not to the connection: it is handled when released even if its client has gone.
"""

from collections.abc import Callable
from dataclasses import dataclass

# Where a message says what it is about, for the `where` of a rule.
_PLACES = {
    1: {"reqId": 2, "conId": 3, "symbol": 4, "secType": 5},
    3: {"orderId": 1, "conId": 2, "symbol": 3, "secType": 4, "action": 16, "orderType": 18},
    4: {"orderId": 2},
    6: {"account": 3},
    7: {"reqId": 2},
    9: {"reqId": 2, "conId": 3, "symbol": 4, "secType": 5},
    20: {"reqId": 1, "conId": 2, "symbol": 3, "secType": 4},
    50: {"reqId": 2, "conId": 3, "symbol": 4, "secType": 5},
    # Of all others only the request id is spoken of: behind a version, or without one.
    **{number: {"reqId": 2} for number in (2, 10, 11, 23, 25, 51, 62, 63, 74, 75, 76, 77)},
    **{
        number: {"reqId": 1}
        for number in (22, 78, 79, 81, 83, 84, 86, 87, 88, 89, 90, 92, 93, 94, 95, 96, 97, 98, 104)
    },
}
NO_CANCEL_VERSION = 192


@dataclass(frozen=True, slots=True)
class Ignore:
    """Nobody ever answers."""


@dataclass(frozen=True, slots=True)
class HoldBack:
    """It is handled when its batch is released."""

    batch: str


@dataclass(frozen=True, slots=True)
class Later:
    """It is handled after some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An error is sent at its id; it is handled as well only if `also_handled`."""

    code: int
    text: str
    also_handled: bool = False
    advanced: str = ""


@dataclass(frozen=True, slots=True)
class Double:
    """A change becomes a second order beside the first, under the same order id.

    One that is hidden is never meant by the id, also when the first has ended.
    """

    is_hidden: bool = False


Effect = Ignore | HoldBack | Later | Answer | Double


@dataclass(slots=True)
class IntakeRule:
    """Which incoming messages are meant, and what becomes of them."""

    name: str
    message_id: int
    effect: Effect
    client_id: int | None = None
    # Of placeOrder: only new orders, only changes, or both.
    kind: str = "any"
    where: tuple[tuple[str, str], ...] = ()
    skip: int = 0
    left: int | None = 1
    hits: int = 0

    def meets(self, fields: list[str], sv: int, client_id: int, *, is_change: bool) -> bool:
        """Return whether the rule takes effect on this message, and count it."""
        if self.left == 0 or int(fields[0]) != self.message_id:
            return False
        if self.client_id not in (None, client_id):
            return False
        if self.message_id == 3 and self.kind != "any" and is_change != (self.kind == "change"):
            return False
        if not all(value_of(fields, name, sv) == text for name, text in self.where):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits += 1
        if self.left is not None:
            self.left -= 1
        return True


@dataclass(frozen=True, slots=True)
class Held:
    """A message that waits for the release of its batch."""

    batch: str
    handle: Callable[[], None]


def own_id(fields: list[str], sv: int) -> int:
    """Return the order or request id a message carries, -1 when it has none."""
    for name in ("orderId", "reqId"):
        text = value_of(fields, name, sv)
        if text.isdecimal():
            return int(text)
    return -1


def find(
    rules: list[IntakeRule], fields: list[str], sv: int, client_id: int, *, is_change: bool
) -> IntakeRule | None:
    """Return the first rule that takes effect on a message; used-up rules are removed."""
    for rule in rules:
        if rule.meets(fields, sv, client_id, is_change=is_change):
            rules[:] = [each for each in rules if each.left != 0]
            return rule
    return None


def value_of(fields: list[str], name: str, sv: int) -> str:
    """Return an incoming message's field by name or place, empty when it has none."""
    place = int(name) if name.isdecimal() else _PLACES.get(int(fields[0]), {}).get(name)
    if place is not None and int(fields[0]) == 4 and sv >= NO_CANCEL_VERSION:
        place -= 1
    return fields[place] if place is not None and place < len(fields) else ""
