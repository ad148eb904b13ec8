"""Each wrong order has its code; nothing wrong has none."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sim.support import ACCOUNT, EPOCH_S, Bench, request
from trader.sim.gateway.orders.order_checks import Place, check_order, check_presets, notices
from trader.sim.gateway.orders.order_rules import OrderRules
from trader.sim.gateway.orders.validation import Refusal
from trader.sim.model.instruments import ContractQuery, Instrument
from trader.sim.model.orders import Condition

D = Decimal
PLACE = Place([ACCOUNT], EPOCH_S)


def aapl() -> Instrument:
    item = Bench().market.catalogue.symbol("AAPL")
    assert item is not None
    return item


def check(**changes: Any) -> Refusal | None:
    return check_order(request(**changes), aapl(), PLACE)


def test_an_order_names_the_exchange_it_is_for() -> None:
    named = check(contract=ContractQuery(con_id=265598, exchange="SMART"))
    refused = check(contract=ContractQuery(con_id=265598))
    assert named is None
    assert refused is not None
    assert (refused.code, refused.text) == (
        321, "Error validating request.-'bW' : cause - Missing order exchange."
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"action": "SSHORT"}, 321),
        ({"order_type": "FEELINGS"}, 321),
        ({"order_type": "TRAIL"}, 321),
        ({"order_type": "TRAIL LIMIT", "aux_price": D(1)}, 321),
        ({"order_type": "MIT"}, 321),
        ({"tif": "SOON"}, 321),
        ({"order_type": "TRAIL", "trailing_percent": D("1e30")}, 321),
        ({"order_type": "TRAIL", "trailing_percent": D(-1)}, 321),
        ({"order_type": "TRAIL", "trailing_percent": D(1), "aux_price": D(1)}, 321),
        ({"quantity": None, "cash_quantity": D("1e40")}, 434),
        ({"what_if": True, "transmit": False}, 413),
        ({"tif": "GTD"}, 321),
        ({"tif": "GTD", "good_till": "soon"}, 337),
        ({"good_after": "20261301 00:00:00"}, 337),
        ({"tif": "OPG", "order_type": "STP", "aux_price": D(1)}, 111),
        ({"tif": "FOK", "order_type": "STP", "aux_price": D(1)}, 111),
        ({"tif": "GTC", "order_type": "MOC"}, 113),
        ({"trigger_method": 5}, 146),
        ({"oca_type": 4}, 321),
        ({"display_size": 100}, 10020),
        ({"min_quantity": D(101)}, 321),
        ({"discretionary": D("0.005")}, 168),
        ({"conditions": (Condition(9, ()),)}, 321),
        ({"account": "OTHER"}, 321),
        ({"echo": {"volatility": "0.3"}}, 321),
        ({"quantity": None}, 434),
        ({"quantity": Decimal(0)}, 434),
        ({"quantity": Decimal(-1)}, 321),
        ({"quantity": Decimal("1.5")}, 10318),
        ({"quantity": Decimal("1e30")}, 10318),
        ({"order_type": "LMT", "limit_price": Decimal("1e30")}, 110),
        ({"order_type": "LMT"}, 321),
        ({"order_type": "LMT", "limit_price": Decimal(0)}, 321),
        ({"order_type": "LMT", "limit_price": Decimal("1.005")}, 110),
        ({"order_type": "STP"}, 321),
        ({"order_type": "STP LMT", "aux_price": Decimal(1)}, 321),
    ],
)
def test_a_wrong_order_has_its_code(changes: dict[str, Any], code: int) -> None:
    refusal = check(**changes)
    assert refusal is not None
    assert refusal.code == code


def test_prices_and_sizes_follow_the_instruments_own_steps() -> None:
    catalogue = Bench().market.catalogue
    (option, *_) = catalogue.find_all(ContractQuery(symbol="AAPL", sec_type="OPT"))
    coin = catalogue.symbol("BTC")
    assert coin is not None
    for item, quantity, price, code in (
        (option, "1", "2.99", None), (option, "1", "3.05", None), (option, "1", "3.01", 110),
        (coin, "0.00000001", "100.25", None), (coin, "0.000000001", "100", 10318),
        (coin, "1", "100.1", 110),
    ):  # fmt: skip
        asked = request(order_type="LMT", quantity=Decimal(quantity), limit_price=Decimal(price))
        refusal = check_order(asked, item, PLACE)
        assert (refusal.code if refusal else None) == code, (item.symbol, quantity, price)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tif": ""},
        {"account": ACCOUNT},
        {"transmit": False},
        {"parent_id": 3},
        {"tif": "OPG"},
        {"order_type": "MOC"},
        {"order_type": "LOC", "limit_price": D(1)},
        {"order_type": "TRAIL", "trailing_percent": D(1)},
        {"order_type": "TRAIL LIMIT", "aux_price": D(1), "limit_offset": D(0)},
        {"order_type": "LIT", "aux_price": D(1), "limit_price": D(2)},
        {"order_type": "MTL"},
        {"order_type": "REL", "aux_price": D("0.01")},
        {"tif": "GTD", "good_till": "20261231 23:59:59 US/Eastern"},
        {"quantity": None, "cash_quantity": D(1000)},
        {"order_type": "LMT", "limit_price": Decimal("172.25"), "tif": "GTC"},
        {"order_type": "STP LMT", "aux_price": Decimal(1), "limit_price": Decimal(2)},
    ],
)
def test_a_right_order_has_none(changes: dict[str, Any]) -> None:
    assert check(**changes) is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": D(1)}, 10289),
        ({"quantity": D(1), "cash_quantity": D(100)}, 10293),
        ({"quantity": None, "cash_quantity": D(100)}, None),
        ({"quantity": D(1), "action": "SELL"}, None),
        ({"quantity": D(1), "order_type": "LMT", "limit_price": D(100)}, None),
    ],
)
def test_coins_are_bought_at_the_market_for_money(
    changes: dict[str, Any], code: int | None
) -> None:
    coin = Bench().market.catalogue.symbol("BTC")
    refusal = check_order(request(1, **changes), coin, PLACE)
    assert (refusal and refusal.code) == code


def test_a_login_of_several_accounts_must_name_one() -> None:
    several = replace(PLACE, accounts=(*PLACE.accounts, "DUSIM0002"))
    refusal = check_order(request(), aapl(), several)
    assert refusal is not None
    assert (refusal.code, refusal.text[-28:]) == (321, "You must specify an account.")
    assert check_order(request(account="DUSIM0002"), aapl(), several) is None


def test_unknown_and_untradable_contracts_are_told_apart() -> None:
    vix = Bench().market.catalogue.symbol("VIX")
    unknown = check_order(request(), None, PLACE)
    untradable = check_order(request(), vix, PLACE)
    assert unknown is not None
    assert untradable is not None
    assert (unknown.code, untradable.code) == (200, 203)


def test_where_there_are_no_auctions_auction_orders_are_not_supported() -> None:
    place = replace(PLACE, has_auctions=False)
    for asked in (request(order_type="MOC"), request(tif="OPG")):
        refusal = check_order(asked, aapl(), place)
        assert refusal is not None
        assert refusal.code == 387


def test_precautions_of_the_terminal_refuse_size_and_price() -> None:
    bench = Bench()
    item = aapl()
    quote = bench.market.quote(item)
    limits = OrderRules(size_max=D(50), percent_max=D(3))
    assert limits.has_presets
    large = check_presets(request(quantity=D(51)).terms, quote, limits)
    far = request(quantity=D(1), order_type="LMT", limit_price=quote.last * 2).terms
    near = request(quantity=D(1), order_type="LMT", limit_price=quote.last).terms
    priced = check_presets(far, quote, limits)
    assert large is not None
    assert priced is not None
    assert (large.code, priced.code) == (383, 163)
    assert check_presets(near, quote, limits) is None
    assert check_presets(replace(far, action="SELL"), quote, limits) is None


def test_what_is_said_of_an_accepted_order() -> None:
    assert [code for code, _ in notices(request(tif="").terms, aapl())] == [10349]
    assert [code for code, _ in notices(request(outside_rth=True).terms, aapl())] == [2109]
    assert notices(request().terms, aapl()) == []


@pytest.mark.parametrize(
    ("pair", "quantity", "said"),
    [
        (
            "EUR.USD",
            "7000",
            "BUY 7K EUR.USD Forex\nWarning: Your order size is below the EUR 20000",
        ),
        (
            "USD.JPY",
            "24999",
            "BUY 24999 USD.JPY Forex\nWarning: Your order size is below the USD 25000",
        ),
        ("EUR.USD", "20000", ""),
        ("USD.JPY", "25000", ""),
    ],
)
def test_a_small_currency_order_is_told_that_it_goes_as_an_odd_lot(
    pair: str, quantity: str, said: str
) -> None:
    item = Bench().market.catalogue.symbol(pair)
    assert item is not None
    found = notices(request(quantity=D(quantity)).terms, item)
    end = " IdealPro minimum and will be routed as an odd lot order."
    assert found == ([(399, f"Order Message:\n{said}{end}")] if said else [])
