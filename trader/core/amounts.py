"""Money, prices and quantities are ``Decimal``; floats from the wire become one only here.

IBKR marks "no value" with the largest double, with empty text, with NaN or with -1; a number
that is not a number never enters the daemon (INC-019, INC-105).
"""

from decimal import Decimal, InvalidOperation

ZERO = Decimal(0)
# Anything this large is the unset marker 1.7976931348623157E308 or an arithmetic accident.
_LARGEST = Decimal("1e15")


def decimal_from(value: float | int | str | Decimal | None) -> Decimal | None:
    """Convert a value from the wire; None when it is unset, not finite or absurdly large."""
    # Asked first: to compare a decimal with a text takes as long as all the rest.
    if isinstance(value, Decimal):
        return value if is_sound(value) else None
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST:
        return Decimal(int(value))  # 50, where str(50.0) would make 50.0 of it
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if is_sound(number) else None


def is_sound(number: Decimal) -> bool:
    """Tell whether a decimal is a number, and not absurdly large."""
    return number.is_finite() and abs(number) < _LARGEST


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Tell whether ``value`` lies on the grid of ``step`` (which is above zero)."""
    assert step > ZERO, f"step {step}"
    # The remainder of what is not a number, or too large for one, is an error, not a value.
    return is_sound(value) and value % step == ZERO
