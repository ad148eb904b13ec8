"""How amounts of money are written: the forms that account messages use."""

from decimal import ROUND_HALF_UP, Decimal

from trader.sim.model.orders import ZERO
from trader.sim.wire.frames import plain

CENT = Decimal("0.01")
_FOUR, _SEVEN = Decimal("0.0001"), Decimal("0.0000001")
# What a gateway sends for a number it does not have.
UNSET = "1.7976931348623157E308"


def money(value: Decimal) -> str:
    """Write an amount with two decimals."""
    return str(value.quantize(CENT, ROUND_HALF_UP))


def ledger(value: Decimal) -> str:
    """Write a balance as the ledger does: two decimals, or four where two do not say it."""
    four = value.quantize(_FOUR, ROUND_HALF_UP)
    two = four.quantize(CENT, ROUND_HALF_UP)
    return str(two if two == four else four)


def cost(value: Decimal) -> str:
    """Write an average cost or a rate with up to seven decimals."""
    return plain(value.quantize(_SEVEN))


def rate(value: Decimal) -> str:
    """Write an exchange rate: two decimals at least, seven at most."""
    seven = value.quantize(_SEVEN).normalize()
    return str(seven.quantize(CENT)) if seven == seven.quantize(CENT) else f"{seven:f}"


def share(value: Decimal, decimals: int) -> str:
    """Write a ratio with at most so many decimals and no trailing zeros."""
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def double(value: Decimal | None) -> str:
    """Write a result as messages 94 and 95 do: a double in full, or the unset marker."""
    if value is None:
        return UNSET
    return repr(float(value)) if value else str(float(ZERO))
