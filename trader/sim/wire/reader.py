"""A cursor over the fields of one client message; reading past the end is refused.

A `FieldError` means the client's message cannot be read; the session answers it with error 320.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from trader.sim.model.instruments import ContractQuery, Leg
from trader.sim.wire.frames import FieldError, read_decimal, read_flag, read_integer
from trader.sim.wire.order_fields import Layout

_GROUP_MAX = 1000


class Fields:
    """Read the fields of one message in order."""

    def __init__(self, fields: Sequence[str], start: int = 1) -> None:
        self._fields = fields
        self._next = start

    def text(self) -> str:
        """Return the next field."""
        position = self._next
        if position >= len(self._fields):
            raise FieldError(f"message {self._fields[0][:20]!r} ends after {position} fields")
        self._next = position + 1
        return self._fields[position]

    def skip(self, count: int) -> None:
        """Pass over fields that must be there."""
        if count:
            self._next += count - 1
            self.text()

    def integer(self) -> int:
        """Return an integer, zero when unset."""
        return read_integer(self.text()) or 0

    def decimal(self) -> Decimal | None:
        """Return a number, None when unset."""
        return read_decimal(self.text())

    def flag(self) -> bool:
        """Return a boolean."""
        return read_flag(self.text())

    def count(self) -> int:
        """Return the length of the group that follows."""
        value = self.integer()
        if not 0 <= value <= _GROUP_MAX:
            raise FieldError(f"group of {value} entries, allowed 0 to {_GROUP_MAX}")
        return value

    def run(self, layout: Layout, into: dict[str, str]) -> None:
        """Put what the next run of fields gives into a mapping. Raises FieldError."""
        start, end = self._next, self._next + len(layout)
        if end > len(self._fields):
            raise FieldError(f"message {self._fields[0][:20]!r} ends before {layout.names[-1]}")
        layout.read(self._fields[start:end], into)
        self._next = end

    def texts(self, count: int) -> tuple[str, ...]:
        """Return the next fields as they are."""
        if not count:
            return ()
        start = self._next
        self.skip(count)
        return tuple(self._fields[start : self._next])

    def back(self, count: int) -> str:
        """Return the field read so many fields ago, as written."""
        return self._fields[self._next - count]

    @property
    def left(self) -> int:
        """Return how many fields have not been read."""
        return max(0, len(self._fields) - self._next)

    def contract(self) -> ContractQuery:
        """Return the twelve contract fields."""
        con_id, symbol, sec_type, expiry = self.integer(), self.text(), self.text(), self.text()
        strike, right, multiplier, exchange, primary, currency, local, trading_class = (
            self.decimal(), *self.texts(7),
        )  # fmt: skip
        return ContractQuery(
            con_id, symbol, sec_type, exchange, primary, currency, local, trading_class,
            expiry=expiry, strike=strike or None, right=right_of(right), multiplier=multiplier,
        )  # fmt: skip

    def contract_and_expired(self) -> ContractQuery:
        """Return the twelve contract fields and includeExpired."""
        return replace(self.contract(), include_expired=self.flag())

    def legs(self) -> tuple[Leg, ...]:
        """Return the legs of a combination in a data request: four fields each."""
        return tuple(
            Leg(self.integer(), self.integer(), self.text().upper(), self.text())
            for _ in range(self.count())
        )


def right_of(text: str) -> str:
    """Return C, P or nothing; clients write the word, the letter, or 0 or ? for none."""
    letter = text[:1].upper()
    if letter in ("C", "P"):
        return letter
    if letter in ("", "0", "?"):
        return ""
    raise FieldError(f"right {text[:20]!r}, allowed: C, CALL, P, PUT or empty")
