"""Read the fields of one message in order.

A `FieldError` means the client's message cannot be read; the session answers it with error 320.
"""

from collections.abc import Sequence
from decimal import Decimal

from trader.sim.model.instruments import ContractQuery
from trader.sim.wire.frames import FieldError, read_decimal, read_flag, read_integer

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

    def contract(self) -> ContractQuery:
        """Return the twelve contract fields."""
        con_id = self.integer()
        symbol, sec_type = self.text(), self.text()
        self.skip(4)  # expiry, strike, right, multiplier: no derivative is in the catalogue
        exchange, primary, currency = self.text(), self.text(), self.text()
        return ContractQuery(
            con_id, symbol, sec_type, exchange, primary, currency, self.text(), self.text()
        )
