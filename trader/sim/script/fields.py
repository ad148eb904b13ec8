"""How an action declares its inputs: name, kind, range, default and what it means.

A declaration is data: it checks a value, it documents itself, and nothing else knows the rules.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from trader.sim.script.inputs import Inputs

REQUIRED = "required"
INT_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Field:
    """One declared input of an action."""

    name: str
    kind: str
    allowed: str
    doc: str
    default: object
    check: Callable[[Inputs], object]
    may_be_null: bool = False

    @property
    def is_required(self) -> bool:
        """Return whether it must be given."""
        return self.default is REQUIRED

    def read(self, inputs: Inputs) -> object:
        """Return the checked value, or the default when it is absent. Raises InputError."""
        if not self.is_required and not inputs.has(self.name):
            return self.default
        if (self.default is None or self.may_be_null) and inputs.is_null(self.name):
            inputs.drop(self.name)
            return None
        return self.check(inputs)


def text(name: str, doc: str, default: object = REQUIRED) -> Field:
    """Declare a string without NUL."""
    return Field(name, "text", "a string without NUL", doc, default, lambda i: i.text(name))


def choice(name: str, doc: str, allowed: Sequence[str], default: object = REQUIRED) -> Field:
    """Declare one of some strings."""
    return Field(
        name, "choice", ", ".join(allowed), doc, default, lambda i: i.choice(name, allowed)
    )


def flag(name: str, doc: str, default: object = REQUIRED) -> Field:
    """Declare a boolean."""
    return Field(name, "flag", "true or false", doc, default, lambda i: i.flag(name))


def integer(
    name: str,
    doc: str,
    default: object = REQUIRED,
    *,
    low: int = 0,
    high: int = INT_MAX,
    nullable: bool = False,
) -> Field:
    """Declare an integer in a range; null too where that means something else than absent."""
    allowed = f"an integer from {low} to {high}" + (" or null" if nullable else "")
    return Field(
        name, "integer", allowed, doc, default, lambda i: i.integer(name, low, high), nullable
    )


def integers(
    name: str, doc: str, default: object = REQUIRED, *, low: int = 0, high: int = INT_MAX
) -> Field:
    """Declare a list of integers in a range."""
    allowed = f"a list of integers from {low} to {high}"
    return Field(name, "integers", allowed, doc, default, lambda i: i.integers(name, low, high))


def number(
    name: str, doc: str, default: object = REQUIRED, *, low: float = 0, high: float
) -> Field:
    """Declare a finite number in a range."""
    allowed = f"a number from {low:.12g} to {high:.12g}"
    return Field(name, "number", allowed, doc, default, lambda i: i.number(name, low, high))


def decimal(
    name: str,
    doc: str,
    default: object = REQUIRED,
    *,
    above_zero: bool = False,
    nullable: bool = False,
) -> Field:
    """Declare a decimal, as a number or a string; a nullable one must still be given."""
    allowed = "a decimal number above 0" if above_zero else "a decimal number"
    return Field(
        name, "decimal", allowed + (" or null" if nullable else ""), doc, default,
        lambda i: i.decimal(name, above_zero=above_zero, optional=nullable),
    )  # fmt: skip


def ids(name: str, doc: str) -> Field:
    """Declare an optional object of client id to order id."""
    allowed = "null or an object of client id to order id"
    return Field(name, "ids", allowed, doc, None, lambda i: i.ids(name))


def words(name: str, doc: str, default: object = REQUIRED) -> Field:
    """Declare an object of names to texts or numbers."""
    allowed = "an object of names to texts or numbers"
    return Field(name, "words", allowed, doc, default, lambda i: i.words(name))


def texts(name: str, doc: str, default: object = REQUIRED) -> Field:
    """Declare a list of texts or numbers."""
    allowed = "a list of texts or numbers without NUL"
    return Field(name, "texts", allowed, doc, default, lambda i: i.texts(name))


class Given:
    """The checked inputs of one call; a getter of the wrong kind is a bug of the action."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """Return a text that is there."""
        value = self._values[name]
        assert isinstance(value, str), name
        return value

    def maybe_text(self, name: str) -> str | None:
        """Return a text or None."""
        return None if self._values[name] is None else self.text(name)

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        return bool(self._values[name])

    def integer(self, name: str) -> int:
        """Return an integer that is there."""
        value = self._values[name]
        assert isinstance(value, int), name
        return value

    def maybe_integer(self, name: str) -> int | None:
        """Return an integer or None."""
        return None if self._values[name] is None else self.integer(name)

    def integers(self, name: str) -> list[int]:
        """Return a list of integers, empty when absent."""
        return cast(list[int], self._values[name] or [])

    def number(self, name: str) -> float:
        """Return a number that is there."""
        return float(self._values[name])

    def maybe_number(self, name: str) -> float | None:
        """Return a number or None."""
        return None if self._values[name] is None else self.number(name)

    def decimal(self, name: str) -> Decimal:
        """Return a decimal that is there."""
        value = self._values[name]
        assert isinstance(value, Decimal), name
        return value

    def maybe_decimal(self, name: str) -> Decimal | None:
        """Return a decimal or None."""
        return None if self._values[name] is None else self.decimal(name)

    def ids(self, name: str) -> dict[int, int]:
        """Return client id -> order id, empty when absent."""
        return cast(dict[int, int], self._values[name] or {})

    def words(self, name: str) -> dict[str, str]:
        """Return an object of names to texts, empty when absent."""
        return cast(dict[str, str], self._values[name] or {})

    def texts(self, name: str) -> list[str]:
        """Return a list of texts, empty when absent."""
        return cast(list[str], self._values[name] or [])
