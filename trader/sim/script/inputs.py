"""Checked reading of an action's inputs: each field by name, type and range.

Every failure is an `InputError` that names the field, its value and what is allowed.
"""

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

_MISSING = object()


class InputError(Exception):
    """An input of an action is not allowed."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        self.field, self.value, self.allowed = field, repr(value)[:200], allowed
        super().__init__(f"{field}: {self.value} is not allowed; allowed: {allowed}")


class Inputs:
    """The inputs of one action, from a JSON body or from a scenario's step."""

    def __init__(self, body: str | Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = _parse(body) if isinstance(body, str) else dict(body)

    def _take(self, field: str) -> Any:
        return self._values.pop(field, _MISSING)

    def _shown(self, value: object) -> object:
        return None if value is _MISSING else value

    def has(self, field: str) -> bool:
        """Return whether the field is given, null included."""
        return field in self._values

    def is_null(self, field: str) -> bool:
        """Return whether the field is given as null."""
        return field in self._values and self._values[field] is None

    def drop(self, field: str) -> None:
        """Leave a field out, as if it had been asked for."""
        self._values.pop(field, None)

    def done(self) -> None:
        """Refuse fields that nobody asked for."""
        for field, value in self._values.items():
            raise InputError(field, value, "no such field here")

    def text(self, field: str) -> str:
        """Return a string."""
        value = self._take(field)
        if not isinstance(value, str) or "\0" in value:
            raise InputError(field, self._shown(value), "a string without NUL")
        return value

    def choice(self, field: str, allowed: Sequence[str]) -> str:
        """Return one of the allowed strings."""
        value = self._take(field)
        if not isinstance(value, str) or value not in allowed:
            raise InputError(field, self._shown(value), ", ".join(allowed))
        return value

    def flag(self, field: str, *, default: bool | None = None) -> bool:
        """Return a boolean."""
        value = self._take(field)
        if value is _MISSING and default is not None:
            return default
        if not isinstance(value, bool):
            raise InputError(field, self._shown(value), "true or false")
        return value

    def integer(self, field: str, low: int, high: int, *, optional: bool = False) -> int | None:
        """Return an integer in a range; None when optional and absent or null."""
        value = self._take(field)
        if optional and (value is _MISSING or value is None):
            return None
        return _integer(field, self._shown(value), low, high)

    def integers(self, field: str, low: int, high: int) -> list[int]:
        """Return a list of integers in a range."""
        value = self._take(field)
        if not isinstance(value, list):
            raise InputError(field, self._shown(value), "a list of integers")
        return [_integer(field, entry, low, high) for entry in value]

    def words(self, field: str) -> dict[str, str]:
        """Return an object of names to texts; numbers are written as texts."""
        value = self._take(field)
        allowed = "an object of names to texts or numbers"
        if not isinstance(value, dict):
            raise InputError(field, self._shown(value), allowed)
        for key, entry in value.items():
            is_word = isinstance(entry, int | float | str) and not isinstance(entry, bool)
            if not is_word or "\0" in str(entry):
                raise InputError(field, {key: entry}, allowed)
        return {str(key): str(entry) for key, entry in value.items()}

    def texts(self, field: str) -> list[str]:
        """Return a list of texts; numbers are written as texts."""
        value = self._take(field)
        is_good = isinstance(value, list) and all(
            isinstance(entry, int | float | str) and not isinstance(entry, bool) for entry in value
        )
        if not is_good or any("\0" in str(entry) for entry in value):
            raise InputError(field, self._shown(value), "a list of texts or numbers without NUL")
        return [str(entry) for entry in value]

    def ids(self, field: str) -> dict[int, int]:
        """Return client id -> order id; empty when absent or null."""
        value = self._take(field)
        if value is _MISSING or value is None:
            return {}
        allowed = "null or an object of client id to order id"
        if not isinstance(value, dict) or not all(str(key).isdecimal() for key in value):
            raise InputError(field, value, allowed)
        return {int(key): _integer(field, entry, 1, 2**31 - 1) for key, entry in value.items()}

    def number(self, field: str, low: float, high: float) -> float:
        """Return a finite number in a range."""
        value = self._take(field)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(field, self._shown(value), f"a number from {low:.12g} to {high:.12g}")
        if not math.isfinite(value) or not low <= value <= high:
            raise InputError(field, value, f"a number from {low:.12g} to {high:.12g}")
        return float(value)

    def decimal(
        self, field: str, *, above_zero: bool = False, optional: bool = False
    ) -> Decimal | None:
        """Return a decimal given as a number or a string; None when optional and null."""
        value = self._take(field)
        if optional and value is None:
            return None
        allowed = "a decimal number above 0" if above_zero else "a decimal number"
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise InputError(field, self._shown(value), allowed)
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise InputError(field, value, allowed) from None
        if not number.is_finite() or abs(number) > 10**12 or (above_zero and number <= 0):
            raise InputError(field, value, allowed)
        return number


def _parse(body: str) -> dict[str, Any]:
    try:
        values = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        # The second: lists within lists, deeper than the parser goes.
        raise InputError("body", body[:200], "a JSON object") from None
    if not isinstance(values, dict):
        raise InputError("body", values, "a JSON object")
    return values


def _integer(field: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(field, value, f"an integer from {low} to {high}")
    return value
