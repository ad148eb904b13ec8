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
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST:
        return Decimal(int(value))  # 50, where str(50.0) would make 50.0 of it
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) >= _LARGEST:
        return None
    return number


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Tell whether ``value`` lies on the grid of ``step`` (which is above zero)."""
    assert step > ZERO, f"step {step}"
    # The remainder of what is not a number, or too large for one, is an error, not a value.
    return decimal_from(value) is not None and value % step == ZERO
