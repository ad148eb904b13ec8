"""What the gateway does with a message that it takes: refuse it, lose it, or handle it late.

A refusal is the broker's last word on an order, and nothing at all on a change or a cancel: there
the order goes on as it was.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.simulation.world import SimulatedWorld

_ORDER = (
    (201, "Order rejected - reason:the order would exceed the margin of the account"),
    (110, "The price does not conform to the minimum price variation for this contract."),
    (203, "The security is not available or allowed for this account."),
)
_CHANGE = (105, 110, 321, 329)
_CANCEL = (161, "Cancel attempted when order is not in a cancellable state.")
# Refused, lost, late.
_WAYS = (0.4, 0.7)
# Less than the time between the two looks that prove an absence.
_LATE_S = (0.3, 1.9)
# Of the refusals of orders, so many come when the order has been taken, perhaps filled in part.
_TAKEN = 0.3

Act = Callable[..., None]


class Refusals:
    """Refuses, loses and delays what one client sends."""

    def __init__(self, world: SimulatedWorld, act: Act, client_id: int) -> None:
        self._world, self._act, self._client_id = world, act, client_id

    def refuse_order(self, chance: random.Random) -> None:
        """Refuse the next orders, or one that works."""
        code, text = chance.choice(_ORDER)
        if chance.random() >= _TAKEN:
            self._answer("placeOrder", code, text, chance.randint(1, 3), kind="new")
            return
        exchange = self._world.gateway.exchange
        live = [one for one in exchange.register.everything() if str(one.status) == "Submitted"]
        if live:
            order = chance.choice(live[-5:])
            self._world.gateway_act(lambda: exchange.refuse(order, text))

    def trouble_change(self, chance: random.Random) -> None:
        """Refuse the next changes, lose them, or take them late."""
        code = chance.choice(_CHANGE)
        text = "The change is refused; the order is as it was."
        self._trouble(chance, "placeOrder", (code, text), kind="change")

    def trouble_cancel(self, chance: random.Random) -> None:
        """Refuse the next cancels, lose them, or take them late."""
        self._trouble(chance, "cancelOrder", _CANCEL)

    def end(self) -> None:
        """Take every message again as it comes."""
        self._world.gateway.faults.intake.clear()

    def _trouble(
        self, chance: random.Random, message: str, answer: tuple[int, str], kind: str = "any"
    ) -> None:
        draw, number = chance.random(), chance.randint(1, 3)
        which = {"message": message, "kind": kind, "client_id": self._client_id, "count": number}
        if draw < _WAYS[0]:
            self._answer(message, *answer, number, kind=kind)
        elif draw < _WAYS[1]:
            self._act("ignore", **which)
        else:
            self._act("late", seconds=chance.uniform(*_LATE_S), **which)

    def _answer(self, message: str, code: int, text: str, number: int, kind: str) -> None:
        self._act(
            "answer", code=code, text=text, message=message, kind=kind,
            client_id=self._client_id, count=number,
        )  # fmt: skip
