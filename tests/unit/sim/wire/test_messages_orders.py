"""Messages of live orders have the layouts that real gateways were recorded with."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.sim.wire.samples import AAPL, EVERY, LATER, SPREAD, VERSIONS, only, order, terms
from trader.sim.model.orders import Condition, Margin, Status
from trader.sim.wire.frames import UNSET_DOUBLE, UNSET_INTEGER
from trader.sim.wire.messages_orders import open_order, order_bound, order_status

MARGIN = Margin(("1", "2", "3"), ("4", "5", "6"), ("7", "8", "9"), Decimal("1.5"), warning="w")


@pytest.mark.parametrize(
    ("version", "count"),
    [
        (157, 128), (158, 129), (160, 130), (162, 131), (163, 131), (170, 136), (173, 136),
        (176, 136), (177, 135), (178, 135), (182, 135), (183, 136), (184, 137), (185, 138),
        (189, 139), (192, 139), (193, 141), (194, 141), (195, 154), (198, 155), (199, 156),
        (200, 156),
    ],
)  # fmt: skip
def test_open_order_has_the_fields_of_its_version(version: int, count: int) -> None:
    fields = only(open_order(version, order()))
    assert len(fields) == count
    assert fields[:4] == ["5", "5", "265598", "AAPL"]
    assert fields[23:26] == ["ref-5", "7", "1824933227"]


def test_a_plain_market_order_shows_a_gateways_defaults() -> None:
    fields = only(open_order(178, order(status=Status.PRE_SUBMITTED)))
    assert fields[13:19] == ["BUY", "100", "MKT", "0.0", "0.0", "DAY"]
    # rule80A to nbboPriceCap: an unset display size, OCA type 3, no exemption.
    assert fields[36:57] == [
        "", "", "", "0", "", "-1", "0", "", "", "", "", "", UNSET_INTEGER, "0", "0", "0", "",
        "3", "0", "0", "",
    ]  # fmt: skip
    # "None" is not empty, so its block follows in which openClose is "?".
    assert fields[58:71] == ["0", "", "0", "None", "", "0", "", "", "", "?", "0", "0", ""]
    assert fields[92:94] == ["0", "PreSubmitted"]
    assert fields[94:103] == [UNSET_DOUBLE] * 9
    assert fields[107:114] == ["", "0", "0", "0", "None", UNSET_DOUBLE, UNSET_DOUBLE]
    assert fields[118:] == [
        "0", "", "", "", "0", "1", "0", "0", "0", "", "", "0", "", "100", "0.02", "", "",
    ]  # fmt: skip


def test_the_trail_stop_of_a_limit_order_is_its_limit_plus_one_until_it_is_changed() -> None:
    wanted = terms(order_type="LMT", limit_price=Decimal("10.5"))
    assert only(open_order(178, order(wanted=wanted)))[113] == "11.5"
    assert only(open_order(178, order(wanted=wanted, changes=1)))[113] == UNSET_DOUBLE


def test_a_trailing_order_shows_the_stop_it_has_now_in_both_places() -> None:
    wanted = terms(order_type="TRAIL", trail_stop_price=Decimal(9), trailing_percent=Decimal(2))
    fields = only(open_order(178, order(wanted=wanted, stop_now=Decimal("9.25"))))
    assert fields[73:75] == ["9.25", "2.0"]
    assert fields[113] == "9.25"


@pytest.mark.parametrize("version", VERSIONS + LATER)
@pytest.mark.parametrize("sec_type", EVERY)
def test_every_type_has_as_many_fields_as_a_stock_but_for_its_legs(
    version: int, sec_type: str
) -> None:
    item = EVERY[sec_type]
    plain = len(only(open_order(version, order())))
    assert len(only(open_order(version, order(item)))) == plain + 8 * len(item.legs)


def test_a_combination_shows_its_legs_and_their_prices() -> None:
    wanted = terms(
        order_type="LMT", limit_price=Decimal(0), leg_prices=(Decimal("1.5"), None),
        echo={"smartComboRoutingParams": ("NonGuaranteed", "1")},
    )  # fmt: skip
    fields = only(open_order(178, order(SPREAD, wanted)))
    start = fields.index("265598|1,8314|-2")
    assert fields[start + 1 : start + 25] == [
        "2", "265598", "1", "BUY", "SMART", "0", "0", "", "-1",
        "8314", "2", "SELL", "SMART", "1", "1", "place", "5",
        "2", "1.5", "", "1", "NonGuaranteed", "1", UNSET_INTEGER,
    ]  # fmt: skip


def test_conditions_are_shown_with_their_options() -> None:
    price = Condition(1, ("a", "1", "180.5", "265598", "SMART", "0"))
    wanted = terms(conditions=(price,), conditions_cancel=True)
    fields = only(open_order(178, order(wanted=wanted)))
    start = fields.index("180.5") - 4
    assert fields[start : start + 10] == [
        "1", "1", "a", "1", "180.5", "265598", "SMART", "0", "0", "1",
    ]  # fmt: skip


def test_commission_and_currency_follow_the_margin_block() -> None:
    done = order(status=Status.FILLED, commission=Decimal(1), commission_currency="EUR")
    fields = only(open_order(178, done))
    assert fields[93:94] + fields[103:108] == ["Filled", "1.0", "", "", "EUR", ""]


def test_a_what_if_answer_carries_margin_commission_and_warning() -> None:
    fields = only(open_order(178, order(), MARGIN))
    assert fields[92:108] == [
        "1", "PreSubmitted", *"123456789", "1.5", "1.5", "1.5", "USD", "w",
    ]  # fmt: skip
    assert len(fields) == 135


def test_an_uncertain_commission_has_only_bounds() -> None:
    unsure = replace(MARGIN, commission_low=Decimal("0.35"), currency="EUR")
    assert only(open_order(178, order(), unsure))[103:107] == ["", "0.35", "1.5", "EUR"]


def test_the_preview_block_of_195_stands_before_the_warning() -> None:
    fields = only(open_order(195, order(), MARGIN))
    start = fields.index("USD", 20)
    assert fields[start : start + 15] == [
        "USD", "USD", *[UNSET_DOUBLE] * 9, "-9223372036854775808", "", "0", "w",
    ]  # fmt: skip


def test_order_status_has_twelve_fields() -> None:
    half = order(status=Status.SUBMITTED, filled=Decimal(50), paid=Decimal("500.5"),
                 last_price=Decimal("10.01"), why_held="trigger", parent_id=4)  # fmt: skip
    assert only(order_status(half)) == [
        "3", "5", "Submitted", "50", "50", "10.01", "1824933227", "4", "10.01", "7", "trigger",
        "0",
    ]  # fmt: skip


def test_order_status_is_in_the_currency_where_quotes_are_in_hundredths_of_it() -> None:
    pence = replace(AAPL, price_magnifier=100)
    half = order(pence, filled=Decimal(50), paid=Decimal("500.5"),
                 last_price=Decimal("10.02"))  # fmt: skip
    fields = only(order_status(half))
    assert (fields[5], fields[8]) == ("0.1001", "0.1002")


def test_a_bound_order_names_its_permanent_id_client_and_new_id() -> None:
    assert only(order_bound(99, 0, -5)) == ["100", "99", "0", "-5"]
