"""Fields of a row that came from outside: each is what it should be, or an InputError names it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from trader.sim.oracle.records import Execution, InputError, Terms

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN_CHARACTERS = 80
_SIDES = ("BUY", "SELL")


class Fields:
    """One row, and the words that name it in an error, as in ``truth: orders[3]``."""

    def __init__(self, name: str, row: Any) -> None:
        if not isinstance(row, Mapping):
            raise InputError(f"{name} is {_shown(row)}; allowed: an object")
        self._name, self._row = name, row

    def _value(self, key: str, allowed: str) -> Any:
        if key not in self._row:
            raise InputError(f"{self._name}.{key} is missing; allowed: {allowed}")
        return self._row[key]

    def _refuse(self, key: str, allowed: str) -> InputError:
        return InputError(f"{self._name}.{key} is {_shown(self._row[key])}; allowed: {allowed}")

    def has(self, key: str) -> bool:
        """Return whether the row has a value of that name."""
        return self._row.get(key) is not None

    def text(self, key: str) -> str:
        """Return a text."""
        allowed = "a text"
        value = self._value(key, allowed)
        if not isinstance(value, str):
            raise self._refuse(key, allowed)
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        """Return one of these words."""
        value = self._value(key, ", ".join(allowed))
        if value not in allowed:
            raise self._refuse(key, ", ".join(allowed))
        return str(value)

    def whole(self, key: str) -> int:
        """Return a whole number."""
        allowed = "a whole number"
        value = self._value(key, allowed)
        if type(value) is not int:
            raise self._refuse(key, allowed)
        return value

    def flag(self, key: str) -> bool:
        """Return a truth value; a database writes it as 0 or 1."""
        allowed = "true or false"
        value = self._value(key, allowed)
        if value not in (True, False):
            raise self._refuse(key, allowed)
        return bool(value)

    def decimal(self, key: str) -> Decimal:
        """Return a decimal that is written as text."""
        allowed = "a decimal number as text"
        value = self._value(key, allowed)
        try:
            number = Decimal(value) if isinstance(value, str) else Decimal("NaN")
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise self._refuse(key, allowed)
        return number

    def price(self, key: str) -> Decimal | None:
        """Return a decimal, or None where there is none."""
        return (
            self.decimal(key) if self._value(key, "a decimal number or null") is not None else None
        )

    def moment_us(self, key: str) -> int:
        """Return microseconds since 1970 of a moment in ISO 8601 with its zone."""
        allowed = "a moment in ISO 8601 with a zone"
        value = self._value(key, allowed)
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise self._refuse(key, allowed) from None
        if moment.tzinfo is None:
            raise self._refuse(key, allowed)
        return (moment - _EPOCH) // timedelta(microseconds=1)

    def rows(self, key: str) -> list["Fields"]:
        """Return a list of rows, each named by its place."""
        allowed = "a list of objects"
        value = self._value(key, allowed)
        if not isinstance(value, list):
            raise self._refuse(key, allowed)
        return [Fields(f"{self._name}.{key}[{place}]", row) for place, row in enumerate(value)]

    def amounts(self, key: str) -> list[tuple[str, Decimal]]:
        """Return an object of decimals as pairs."""
        inner = Fields(f"{self._name}.{key}", self._value(key, "an object of decimal numbers"))
        return [(str(name), inner.decimal(name)) for name in inner._row]


def _shown(value: object) -> str:
    return repr(value)[:_SHOWN_CHARACTERS]


def terms_of(row: Fields, *, tif: str) -> Terms:
    """Return the terms of an order; each side names the time in force its own way."""
    return Terms(
        con_id=row.whole("con_id"),
        side=row.choice("side", _SIDES),
        quantity=row.decimal("quantity"),
        order_type=row.text("order_type"),
        limit_price=row.price("limit_price"),
        stop_price=row.price("stop_price"),
        time_in_force=row.text(tif),
    )


def execution_of(row: Fields) -> Execution:
    """Return what both sides say of an execution."""
    return Execution(
        exec_id=row.text("exec_id"),
        con_id=row.whole("con_id"),
        symbol=row.text("symbol"),
        side=row.choice("side", _SIDES),
        quantity=row.decimal("quantity"),
        price=row.decimal("price"),
    )
