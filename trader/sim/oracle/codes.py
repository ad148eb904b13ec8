"""Every code the gateway can send, with its text and with what it does to an order.

The table stands in `codes.csv` beside this file: code, scope (what the id in the message is),
effect, whether clients treat it as a warning, and the text as the wire has it; `<name>` in a text
is filled in or left for the caller. Many codes refuse an order in words only: the order they
speak of may still live, which is why the effect is told apart from the text.
"""

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).parent / "codes.csv"

SCOPES: Mapping[str, str] = {
    "order": "the id is an order id",
    "request": "the id is a request id",
    "any": "the id is an order id or a request id",
    "system": "the id is -1: it is about the gateway, its farms or its link",
    "connection": "the id is -1: it is about this connection",
    "client": "made by client libraries themselves; a gateway has not been seen to send it",
}
EFFECTS: Mapping[str, str] = {
    "none": "nothing: a live order goes on",
    "refuses-new": "a new order does not come into being and gets no status; a working one goes on",
    "refuses-change": "a change does not happen; the order goes on with its old terms",
    "refuses-cancel": "a cancel does not happen; the order goes on, or had ended before",
    "refuses-new-or-change": "a new order does not come into being; a working one keeps its terms",
    "refuses-change-or-cancel": "neither happens; the order goes on, if there is one",
    "ends": "the broker has refused the order: Inactive; what had filled stays filled",
    "cancels": "the order is Cancelled, asked for or not; what had filled stays filled",
    "holds": "the order is held at the broker (whyHeld locate) and may fill later",
}


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the table."""

    code: int
    scope: str
    effect: str
    is_warning: bool
    text: str

    def text_for(self, **values: object) -> str:
        """Return the text with `<name>` filled in where a value of that name is given."""
        text = self.text
        for name, value in values.items():
            text = text.replace(f"<{name}>", str(value))
        return text


@functools.cache
def catalogue() -> Mapping[int, Code]:
    """Return all codes, in their order."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = [
            Code(
                int(row["code"]), row["scope"], row["effect"], row["warning"] == "yes",
                row["text"].replace("\\n", "\n"),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip
    return {row.code: row for row in rows}


def describe() -> list[dict[str, object]]:
    """Return the catalogue as JSON, each effect in a sentence: what GET /codes answers."""
    return [
        {
            "code": code.code,
            "text": code.text,
            "scope": code.scope,
            "effect": code.effect,
            "does": EFFECTS[code.effect],
            "warning": code.is_warning,
        }
        for code in catalogue().values()
    ]
