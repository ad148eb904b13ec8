"""What a client may see of one order, as an automaton over its frames: any test can feed it.

The states and steps are those that real gateways have been recorded to send (message 3 for the
status, 5, 11 and 59 around it). What is checked beyond the steps: the quantities of a status fit
together, executions add up to what is reported as filled, and a commission follows its execution.
A declared fault may break any of it; then the automaton is not the judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

START = ""
LIVE = ("PreSubmitted", "Submitted", "PendingCancel")
ENDS = ("Filled", "Cancelled", "ApiCancelled", "Inactive")
STEPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        START: (*LIVE, *ENDS),
        "PreSubmitted": (*LIVE, "Filled", "Cancelled", "Inactive"),
        # Held again over night, or because a change gave it a trigger.
        "Submitted": (*LIVE, "Filled", "Cancelled", "Inactive"),
        "PendingCancel": (*LIVE, "Filled", "Cancelled"),
        # Duplicates are normal.
        "Filled": ("Filled",),
        "Inactive": ("Inactive",),
        "ApiCancelled": ("ApiCancelled",),
        # A fill that crossed the cancel.
        "Cancelled": ("Cancelled", "Filled"),
    }
)
CANCELLED, REFUSED = "202", "201"


class Unseen(AssertionError):
    """Something no real gateway has been seen to send."""


@dataclass(slots=True)
class Stream:
    """One order as its client sees it."""

    key: tuple[str, str]
    status: str = START
    filled: Decimal = Decimal(0)
    executed: Decimal = Decimal(0)
    is_combination: bool = False
    executions: dict[str, None] = field(default_factory=dict)
    opened: int = 0

    def step(self, fields: list[str]) -> None:
        """Take one frame that concerns this order. Raises Unseen."""
        match fields[0]:
            case "5":
                self.opened += 1
                self.is_combination = self.is_combination or fields[4] == "BAG"
            case "3":
                self._report(fields)
            case "11":
                self._execute(fields)
            case "4":
                self._note(fields)

    def _report(self, fields: list[str]) -> None:
        status, filled, remaining = fields[2], Decimal(fields[3]), Decimal(fields[4])
        self._need(status in STEPS[self.status], f"{status} after {self.status or 'nothing'}")
        self._need(filled >= self.filled, f"filled falls from {self.filled} to {filled}")
        self._need(remaining >= 0, f"remaining {remaining}")
        self._need(status != "Filled" or remaining == 0, f"Filled with {remaining} remaining")
        self._need(filled <= self.executed, f"filled {filled}, executed {self.executed}")
        self._need(filled == 0 or Decimal(fields[5]) != 0 or self.is_combination, "no price")
        held = fields[10]
        self._need(not held or status == "PreSubmitted", f"{status} held for {held}")
        self.status, self.filled = status, filled

    def _execute(self, fields: list[str]) -> None:
        kind, exec_id, shares = fields[5], fields[14], Decimal(fields[19])
        self._need(exec_id not in self.executions, f"{exec_id} comes twice")
        self._need(shares > 0, f"{shares} shares")
        self.executions[exec_id] = None
        if not self.is_combination or kind == "BAG":
            self.executed += shares
        self._need(self.opened > 0, "executed before it was opened")

    def _note(self, fields: list[str]) -> None:
        code = fields[3]
        self._need(code != CANCELLED or self.status in ("Cancelled", "ApiCancelled"), code)
        # A change may be refused (201) while the order goes on.
        self._need(code != REFUSED or self.status != "Filled", f"201 after {self.status}")

    def _need(self, is_right: bool, text: str) -> None:
        if not is_right:
            raise Unseen(f"order {self.key}: {text}")


class Watch:
    """All orders of one client, from the frames it received."""

    def __init__(self) -> None:
        self.streams: dict[tuple[str, str], Stream] = {}
        self._traded: dict[str, None] = {}

    def see(self, frames: Iterable[list[str]]) -> None:
        """Take frames in the order they came. Raises Unseen."""
        for fields in frames:
            self._see(fields)

    def _see(self, fields: list[str]) -> None:
        key = self._key(fields)
        if key is not None:
            self.streams.setdefault(key, Stream(key)).step(fields)
        if fields[0] == "11":
            self._traded[fields[14]] = None
        if fields[0] == "59" and fields[2] not in self._traded:
            raise Unseen(f"commission of {fields[2]} before its execution")

    def _key(self, fields: list[str]) -> tuple[str, str] | None:
        """Return client and order id of a frame about an order, None for any other."""
        match fields[0]:
            case "5":
                return fields[24], fields[1]
            case "3":
                return fields[9], fields[1]
            case "11" if fields[1] == "-1":
                return fields[22], fields[2]
            case "4":
                own = [key for key in self.streams if key[1] == fields[2]]
                return own[0] if len(own) == 1 else None
        return None
