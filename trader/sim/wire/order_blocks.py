"""What openOrder (5) and completedOrder (101) share: an order's terms as a gateway shows them.

`given` is everything about an order that differs from a plain one, by wire field name. It is empty
for a plain order, whose runs of fields are then constants.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from trader.sim.model.orders import ZERO, Order, Terms
from trader.sim.wire.frames import UNSET_DOUBLE, amount, plain
from trader.sim.wire.order_fields import BENCHMARK, PEG_BENCHMARK_TYPES, SCALE, layout

SUBMITTER = "simulated"
OCA_TYPE_SHOWN = 3
_SCALE_HEAD = layout("scaleInitLevelSize scaleSubsLevelSize scalePriceIncrement")


def price(value: Decimal | None) -> str:
    """Return a price as the gateway writes it, 0.0 when there is none."""
    return amount(value) if value else "0.0"


def given(order: Order) -> dict[str, str]:
    """Return what is not as in a plain order, by wire field name, without the groups."""
    terms = order.terms
    values = {name: text for name, text in terms.echo.items() if isinstance(text, str)}
    _texts(terms, values)
    _flags(terms, values)
    if terms.display_size is not None:
        values["displaySize"] = str(terms.display_size)
    if terms.min_quantity is not None:
        values["minQty"] = plain(terms.min_quantity)
    if terms.trigger_method:
        values["triggerMethod"] = str(terms.trigger_method)
    if terms.oca_type and terms.oca_type != OCA_TYPE_SHOWN:
        values["ocaType"] = str(terms.oca_type)
    stop = order.stop_now or terms.trail_stop_price
    if stop is not None:
        values["trailStopPrice"] = amount(stop)
    return values


def _texts(terms: Terms, values: dict[str, str]) -> None:
    if terms.good_after:
        values["goodAfterTime"] = terms.good_after
    if terms.good_till:
        values["goodTillDate"] = terms.good_till
    if terms.discretionary != ZERO:
        values["discretionaryAmt"] = amount(terms.discretionary)
    if terms.trailing_percent is not None:
        values["trailingPercent"] = amount(terms.trailing_percent)
    if terms.limit_offset is not None:
        values["lmtPriceOffset"] = amount(terms.limit_offset)
    if terms.cash_quantity is not None:
        values["cashQty"] = amount(terms.cash_quantity)


def _flags(terms: Terms, values: dict[str, str]) -> None:
    if terms.outside_rth:
        values["outsideRth"] = "1"
    if terms.hidden:
        values["hidden"] = "1"
    if terms.all_or_none:
        values["allOrNone"] = "1"
    if terms.sweep_to_fill:
        values["sweepToFill"] = "1"


def is_plain(order: Order, values: Mapping[str, str]) -> bool:
    """Return whether no optional group of fields is needed."""
    terms = order.terms
    return not (
        values or terms.echo or order.instrument.legs or terms.leg_prices or terms.conditions
    )


def combination(order: Order) -> list[str]:
    """Return description, legs, leg prices and routing parameters, each group with its count."""
    legs = order.instrument.legs
    signed = (f"{leg.con_id}|{leg.ratio if leg.action == 'BUY' else -leg.ratio}" for leg in legs)
    found = [",".join(signed), str(len(legs))]
    for leg in legs:
        found += [
            str(leg.con_id), str(leg.ratio), leg.action, leg.exchange, str(leg.open_close),
            str(leg.short_sale_slot), leg.designated_location, str(leg.exempt_code),
        ]  # fmt: skip
    prices = order.terms.leg_prices
    found.append(str(len(prices)))
    found += ["" if value is None else amount(value) for value in prices]
    return found + tagged(order.terms, "smartComboRoutingParams")


def tagged(terms: Terms, name: str) -> list[str]:
    """Return a group of tags and values with the number of pairs before it."""
    flat = group(terms, name)
    return [str(len(flat) // 2), *flat]


def group(terms: Terms, name: str) -> Sequence[str]:
    """Return a group of the echo, empty when it was not given."""
    found = terms.echo.get(name, ())
    return () if isinstance(found, str) else found


def scale_and_hedge(values: Mapping[str, str]) -> list[str]:
    """Return the scale block and the hedge."""
    found = [_SCALE_HEAD.show(values)]
    increment = values.get("scalePriceIncrement")
    if increment and Decimal(increment) > 0:
        found.append(SCALE.show(values))
    hedge = values.get("hedgeType", "")
    found.append(hedge)
    if hedge:
        found.append(values.get("hedgeParam", ""))
    return found


def hedge_contract(terms: Terms) -> list[str]:
    """Return the delta-neutral underlying after the flag that says whether there is one."""
    found = group(terms, "deltaNeutralContract")
    return ["1", *found] if found else ["0"]


def algorithm(terms: Terms, values: Mapping[str, str]) -> list[str]:
    """Return the algo strategy with its parameters."""
    strategy = values.get("algoStrategy", "")
    return [strategy, *tagged(terms, "algoParams")] if strategy else [strategy]


def benchmark(order: Order, values: Mapping[str, str]) -> list[str]:
    """Return the five fields that only orders pegged to a benchmark have."""
    return [BENCHMARK.show(values)] if order.order_type in PEG_BENCHMARK_TYPES else []


def conditions(terms: Terms) -> list[str]:
    """Return the conditions with their count before and their two options after them."""
    found = [str(len(terms.conditions))]
    for condition in terms.conditions:
        found += [str(condition.kind), *condition.fields]
    if terms.conditions:
        found += [str(int(terms.conditions_ignore_rth)), str(int(terms.conditions_cancel))]
    return found


def trail_stop(order: Order, values: Mapping[str, str]) -> str:
    """Return the trail stop price of the adjusted block.

    A limit order that was never changed shows its limit plus one there, as gateways do.
    """
    stop = values.get("trailStopPrice")
    if stop is not None:
        return stop
    if order.limit_price is not None and not order.changes and order.order_type == "LMT":
        return amount(order.limit_price + 1)
    return UNSET_DOUBLE
