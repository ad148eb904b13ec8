"""What a client may not ask of its orders: changes it must not make, hours it must not come at."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, act_on, played
from tests.unit.sim.support import place_fields

# Places in message 3 at version 178.
OCA_GROUP, LEGS, FA_GROUP, OCA_TYPE, VOLATILITY = 22, 35, 39, 46, 62
RESTING: dict[str, Any] = {"kind": "LMT", "limit": 50}


def combination(order_id: int, legs: list[tuple[object, ...]], limit: object) -> list[object]:
    """Return message 3 of a combination; a leg is contract id, ratio, side."""
    words = place_fields(order_id, kind="LMT", limit=limit, quantity=1)
    words[4] = "BAG"
    block: list[object] = [len(legs)]
    for con_id, ratio, side in legs:
        block += [con_id, ratio, side, "SMART", 0, 0, "", -1]
    return [*words[:LEGS], *block, 0, 0, *words[LEGS:]]


def changed(words: list[object], place: int, value: object) -> list[object]:
    return [*words[:place], value, *words[place + 1 :]]


def errors(frames: list[list[str]]) -> list[tuple[str, str]]:
    return [(f[3], f[4]) for f in frames if f[0] == "4"]


def shown_legs(frames: list[list[str]]) -> list[tuple[object, ...]]:
    """Return the legs as the last openOrder tells them."""
    fields = [f for f in frames if f[0] == "5"][-1]
    place = fields.index("265598")
    return [tuple(fields[place + 8 * n : place + 8 * n + 3]) for n in (-1, 0)]


def test_a_change_goes_by_the_contract_that_is_shown() -> None:
    host, _ = played("inc-142-what-a-change-must-not-touch")
    wire = Wire(host)
    legs: list[tuple[object, ...]] = [("265598", "1", "BUY"), ("8314", "1", "SELL")]
    wire.send(*combination(1, legs, -400))
    shown = shown_legs(wire.frames(5))
    assert shown == legs[::-1]
    wire.send(*combination(1, legs, -390))
    assert errors(wire.frames(3, 4, 5)) == [
        ("105", "Order being modified does not match original order.")
    ]
    assert host.exchange.working()[0].limit_price == -400
    wire.send(*combination(1, shown, -390))
    assert errors(wire.frames(4)) == []
    assert host.exchange.working()[0].limit_price == -390


def test_what_the_gateway_filled_in_must_not_be_sent_back() -> None:
    host, _ = played("inc-142-what-a-change-must-not-touch")
    wire = Wire(host)
    wire.send(*place_fields(1, **RESTING))
    shown = wire.frames(5)[-1]
    assert "0.25" in shown
    wire.send(*changed(place_fields(1, kind="LMT", limit=51), VOLATILITY, "0.25"))
    ((code, text),) = errors(wire.frames(3, 4, 5))
    assert code == "321"
    assert text.endswith("Do not set it for other order types.")
    wire.send(*place_fields(1, kind="LMT", limit=51))
    assert host.exchange.working()[0].limit_price == 51


def test_a_group_is_not_revised() -> None:
    host, _ = played("inc-142-what-a-change-must-not-touch")
    wire = Wire(host)
    wire.send(*changed(place_fields(1, **RESTING), OCA_GROUP, "one"))
    wire.frames()
    wire.send(*changed(place_fields(1, **RESTING), OCA_GROUP, "other"))
    assert errors(wire.frames(3, 4, 5)) == [("10326", "OCA group revision is not allowed")]
    assert host.exchange.working()[0].terms.oca_group == "one"


def test_account_and_group_exclude_each_other() -> None:
    host, _ = played("inc-142-what-a-change-must-not-touch")
    wire = Wire(host)
    words = place_fields(1, account=host.settings.account, **RESTING)
    wire.send(*changed(words, FA_GROUP, "everybody"))
    frames = wire.frames(3, 4)
    assert [f[2] for f in frames if f[0] == "3"] == ["Inactive"]
    assert errors(frames) == [("201", "Order rejected - reason:Invalid account number.")]


@pytest.mark.parametrize(
    ("wait_s", "order", "reason"),
    [
        (55, {"tif": "OPG"}, ""),
        (60, {"tif": "OPG"}, "Exchange is closed."),
        (69.9, {"tif": "OPG"}, "Exchange is closed."),
        (70.1, {"tif": "OPG"}, ""),
        (55, {"kind": "MOC"}, "The order has missed the cut-off time of the exchange's auction."),
        (62, {"kind": "MOC"}, ""),
        (63, {}, ""),
    ],
)
def test_the_turn_of_the_day_refuses_orders_for_the_next_opening(
    wait_s: float, order: dict[str, Any], reason: str
) -> None:
    host, _ = played("inc-106-an-order-at-the-turn-of-the-day")
    wire = Wire(host)
    wire.wait(wait_s - 0.1)
    wire.send(*place_fields(1, **order))
    frames = wire.frames(3, 4)
    refused = [text for code, text in errors(frames) if code == "201"]
    assert refused == ([f"Order rejected - reason:{reason}"] if reason else [])
    last = [f[2] for f in frames if f[0] == "3"][-1]
    assert last == ("Inactive" if reason else "PreSubmitted")


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_two_of_a_group_fill_at_two_exchanges(kind: int) -> None:
    host, _ = played("a-group-trades-more-than-was-wanted")
    wire = Wire(host)
    act_on(host, "price", symbol="AAPL", price=200)
    for number in (1, 2):
        words = changed(place_fields(number, kind="LMT", limit=190), OCA_GROUP, "pair")
        wire.send(*changed(words, OCA_TYPE, kind))
    act_on(host, "price", symbol="AAPL", price=189)
    wire.wait(1)
    assert {f[1] for f in wire.frames(3) if f[2] == "Filled"} == {"1", "2"}
    assert host.exchange.bank.main.quantity(host.exchange.orders.popitem()[1].instrument) == 200
