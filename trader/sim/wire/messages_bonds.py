"""The details of a bond: message 18, which takes the place of message 10 for secType BOND.

`sv` is the server version agreed with the client.
"""

from dataclasses import dataclass

from trader.sim.model.instruments import Instrument
from trader.sim.wire.contract_blocks import expiry
from trader.sim.wire.frames import encode, plain


@dataclass(frozen=True, slots=True)
class BondTerms:
    """What only a bond has, as message 18 writes it."""

    cusip: str
    coupon: str
    issued: str = ""
    ratings: str = ""
    bond_type: str = ""
    coupon_type: str = ""
    is_convertible: bool = False
    is_callable: bool = False
    is_putable: bool = False
    description: str = ""
    notes: str = ""


def bond_details(
    sv: int, request_id: int, item: Instrument, bond: BondTerms, hours: tuple[str, str]
) -> bytes:
    """Message 18; the hours are named from 188 on."""
    exchanges = item.exchanges or (item.primary_exchange,)
    rules = item.market_rule_ids or (item.market_rule_id,) * len(exchanges)
    head = [18] if sv >= 164 else [18, 6]
    middle: list[object] = [] if sv >= 164 else [100]  # the old size multiplier
    zone: tuple[str, ...] = (item.time_zone, *hours) if sv >= 188 else ()
    sizes = (plain(item.size_min), plain(item.size_step), plain(item.size_suggested))
    ids: list[object] = [1, "ISIN", item.isin] if item.isin else [0]
    return encode(
        *head, request_id, item.symbol, item.sec_type, bond.cusip, bond.coupon, expiry(item),
        bond.issued, bond.ratings, bond.bond_type, bond.coupon_type, int(bond.is_convertible),
        int(bond.is_callable), int(bond.is_putable), bond.description, item.exchange,
        item.currency, item.trading_class, item.trading_class, item.con_id, plain(item.tick),
        *middle, item.order_types, ",".join(exchanges), "", "", 0, bond.notes, item.long_name,
        *zone, "", "", *ids, 1, ",".join(map(str, rules)), *(sizes if sv >= 164 else ()),
    )  # fmt: skip
