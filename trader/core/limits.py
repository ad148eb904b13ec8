"""The limits every intent is held against; amounts are in the account's currency."""

from dataclasses import dataclass, fields
from decimal import Decimal
from math import isfinite

from trader.core.amounts import ZERO


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """One account's limits; a missing limit does not exist, so every field is required."""

    order_quantity_max: Decimal
    order_notional_max: Decimal
    position_quantity_max: Decimal
    position_notional_max: Decimal
    cash_reserve_min: Decimal
    commission_per_unit_max: Decimal
    commission_per_order_min: Decimal
    collar_fraction_max: Decimal
    quote_age_s_max: float
    orders_per_window_max: int
    order_window_s: float
    orders_per_day_max: int
    is_short_allowed: bool

    def worst_commission(self, quantity: Decimal) -> Decimal:
        """Return the most that an order of this size may cost in commission."""
        return max(self.commission_per_order_min, self.commission_per_unit_max * quantity)


def contradictions(limits: RiskLimits) -> tuple[str, ...]:
    """List what cannot be true together; a policy with one of these must not be loaded."""
    # An infinite limit is no limit, and NaN cannot be compared with anything.
    endless = [
        f"{field.name} is {getattr(limits, field.name)}, allowed is a finite number"
        for field in fields(limits)
        if not isfinite(getattr(limits, field.name))
    ]
    if endless:
        return tuple(endless)
    found = [
        f"{name} is {value}, allowed is above 0"
        for name, value in (
            ("order_quantity_max", limits.order_quantity_max),
            ("order_notional_max", limits.order_notional_max),
            ("position_quantity_max", limits.position_quantity_max),
            ("position_notional_max", limits.position_notional_max),
            ("collar_fraction_max", limits.collar_fraction_max),
            ("quote_age_s_max", limits.quote_age_s_max),
            ("orders_per_window_max", limits.orders_per_window_max),
            ("order_window_s", limits.order_window_s),
            ("orders_per_day_max", limits.orders_per_day_max),
        )
        if not value > 0
    ]
    found += [
        f"{name} is {value}, allowed is 0 or more"
        for name, value in (
            ("cash_reserve_min", limits.cash_reserve_min),
            ("commission_per_unit_max", limits.commission_per_unit_max),
            ("commission_per_order_min", limits.commission_per_order_min),
        )
        if value < ZERO
    ]
    if limits.order_quantity_max > limits.position_quantity_max:
        found.append(
            f"order_quantity_max {limits.order_quantity_max} is above "
            f"position_quantity_max {limits.position_quantity_max}: one order could not be held"
        )
    if limits.order_notional_max > limits.position_notional_max:
        found.append(
            f"order_notional_max {limits.order_notional_max} is above "
            f"position_notional_max {limits.position_notional_max}: one order could not be held"
        )
    if limits.collar_fraction_max >= 1:
        found.append(
            f"collar_fraction_max is {limits.collar_fraction_max}, allowed is below 1 (a fraction)"
        )
    return tuple(found)
