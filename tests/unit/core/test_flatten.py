"""What stays working can only shrink a position, and a close never crosses zero."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import NOW_S, a_quote, an_instrument
from trader.core.flatten import (
    Cancels,
    Resting,
    close_limit,
    close_quantity,
    close_side,
    exits_working,
    sort_orders,
    without_held_back,
)
from trader.core.ids import (
    ClientId,
    ConId,
    IntentId,
    OrderId,
    OrderRef,
    PermId,
    leg_id,
    order_ref,
)
from trader.core.intents import Side

BUY, SELL = Side.BUY, Side.SELL
CON, OTHER = ConId(1), ConId(2)
OURS, STRANGER, BY_HAND = ClientId(7), ClientId(9), ClientId(0)
OWN = frozenset({OURS})


def resting(
    side: Side,
    quantity: int,
    kind: str = "LMT",
    *,
    client: ClientId = OURS,
    number: int = 1,
    con_id: ConId = CON,
) -> Resting:
    return Resting(
        con_id=con_id,
        symbol="AAA",
        side=side,
        remaining=Decimal(quantity),
        order_type=kind,
        client_id=client,
        order_id=OrderId(number),
        perm_id=PermId(1000 + number),
    )


def test_what_adds_risk_is_cancelled_and_the_protective_stop_stays() -> None:
    entry, stop = resting(BUY, 10, number=1), resting(SELL, 100, "STP", number=2)
    found = sort_orders((entry, stop), {CON: Decimal(100)}, OWN, keeps_exits=True)
    assert (found.cancel, found.keep) == ((entry,), (stop,))


def test_everything_of_ours_goes_when_positions_are_to_be_closed() -> None:
    orders = (resting(BUY, 10, number=1), resting(SELL, 100, "STP", number=2))
    found = sort_orders(orders, {CON: Decimal(100)}, OWN, keeps_exits=False)
    assert set(found.cancel) == set(orders)
    assert found.keep == ()


def test_of_a_stop_and_a_target_for_the_same_shares_the_stop_stays() -> None:
    target, stop = resting(SELL, 100, "LMT", number=1), resting(SELL, 100, "STP", number=2)
    found = sort_orders((target, stop), {CON: Decimal(100)}, OWN, keeps_exits=True)
    assert (found.cancel, found.keep) == ((target,), (stop,))


@pytest.mark.parametrize("kind", ["STP", "STP LMT", "TRAIL", "TRAIL LIMIT"])
def test_every_kind_of_stop_is_protection(kind: str) -> None:
    assert resting(SELL, 1, kind).is_stop
    assert not resting(SELL, 1, "MKT").is_stop


def test_a_stop_for_more_than_is_held_would_cross_zero_and_goes() -> None:
    stop = resting(SELL, 150, "STP")
    found = sort_orders((stop,), {CON: Decimal(100)}, OWN, keeps_exits=True)
    assert found.cancel == (stop,)


def test_an_exit_without_a_position_adds_risk() -> None:
    found = sort_orders((resting(SELL, 5, "STP"),), {}, OWN, keeps_exits=True)
    assert len(found.cancel) == 1


def test_exits_of_a_short_position_are_buys() -> None:
    cover, more = resting(BUY, 10, "STP", number=1), resting(SELL, 10, number=2)
    found = sort_orders((cover, more), {CON: Decimal(-10)}, OWN, keeps_exits=True)
    assert (found.cancel, found.keep) == ((more,), (cover,))


def test_orders_of_strangers_are_named_and_never_cancelled() -> None:
    entry = resting(BUY, 5, client=STRANGER)
    stop = resting(SELL, 60, "STP", client=BY_HAND)
    found = sort_orders((entry, stop), {CON: Decimal(100)}, OWN, keeps_exits=False)
    assert found.cancel == ()
    assert set(found.foreign) == {entry, stop}
    assert found.foreign_risk == (entry,)


def test_the_exit_of_a_stranger_leaves_less_room_for_ours() -> None:
    theirs = resting(SELL, 60, "LMT", client=STRANGER, number=5)
    ours = resting(SELL, 50, "STP", number=1)
    found = sort_orders((ours, theirs), {CON: Decimal(100)}, OWN, keeps_exits=True)
    assert found.cancel == (ours,)


def test_two_instruments_do_not_share_their_room() -> None:
    first, second = resting(SELL, 10, "STP"), resting(SELL, 10, "STP", con_id=OTHER, number=2)
    held = {CON: Decimal(10), OTHER: Decimal(10)}
    assert sort_orders((first, second), held, OWN, keeps_exits=True).cancel == ()


def test_an_order_is_named_for_a_person() -> None:
    assert resting(SELL, 5, "STP").words == "client 7 order 1: SELL 5 AAA STP"
    by_hand = resting(SELL, 5, "STP", client=BY_HAND)
    assert by_hand.words.startswith("order 1001 entered by hand: SELL 5")


rows = st.lists(
    st.builds(
        resting,
        st.sampled_from([BUY, SELL]),
        st.integers(0, 120),
        st.sampled_from(["MKT", "LMT", "STP", "TRAIL"]),
        client=st.sampled_from([OURS, STRANGER, BY_HAND]),
        number=st.integers(1, 50),
        con_id=st.sampled_from([CON, OTHER]),
    ),
    max_size=12,
    unique_by=lambda row: row.order_id,
)
holdings = st.fixed_dictionaries(
    {CON: st.integers(-150, 150).map(Decimal), OTHER: st.integers(-150, 150).map(Decimal)}
)


@given(rows, holdings, st.booleans(), st.randoms(use_true_random=False))
def test_what_stays_of_ours_never_crosses_zero(
    orders: list[Resting], held: dict[ConId, Decimal], keeps: bool, chance: object
) -> None:
    found = sort_orders(orders, held, OWN, keeps_exits=keeps)
    sorted_out = (*found.cancel, *found.keep, *found.foreign)
    assert sorted(map(id, sorted_out)) == sorted(map(id, orders)), "an order got lost"
    assert all(row.client_id == OURS for row in (*found.cancel, *found.keep))
    for con_id, position in held.items():
        harmless = [*found.keep, *(r for r in found.foreign if r not in found.foreign_risk)]
        mine = [row for row in harmless if row.con_id == con_id]
        assert all(row.side.sign * position < 0 for row in mine)
        assert sum(row.remaining for row in mine) <= abs(position)
    # The order of the broker's rows decides nothing.
    assert sort_orders(reversed(orders), held, OWN, keeps_exits=keeps) == found


def test_a_close_is_what_is_held_minus_what_is_on_its_way_out() -> None:
    orders = (resting(SELL, 4, client=STRANGER), resting(BUY, 3, number=2))
    held = Decimal(10)
    assert exits_working(orders, CON, held) == 4
    assert close_quantity(held, exits_working(orders, CON, held)) == 6
    assert close_side(held) is SELL
    assert close_side(-held) is BUY


def test_a_fraction_that_the_broker_would_refuse_stays() -> None:
    assert close_quantity(Decimal("10.4"), Decimal(0)) == 10
    assert close_quantity(Decimal("0.4"), Decimal(0)) == 0
    assert close_quantity(Decimal("0.4"), Decimal(0), Decimal("0.1")) == Decimal("0.4")


@given(
    st.decimals(-1000, 1000, places=2),
    st.decimals(0, 1000, places=2),
    st.sampled_from([Decimal(1), Decimal("0.01"), Decimal(10)]),
)
def test_no_close_takes_a_position_across_zero(
    held: Decimal, exits: Decimal, increment: Decimal
) -> None:
    quantity = close_quantity(held, exits, increment)
    assert quantity >= 0
    assert quantity % increment == 0
    assert quantity + min(exits, abs(held)) <= abs(held)


def limit(side: Side, **changes: Any) -> Decimal | None:
    quote = a_quote(**{"bid": Decimal(50), "ask": None} | changes)
    return close_limit(quote, side, an_instrument(), NOW_S, Decimal("0.0201"))


def test_in_a_market_of_one_side_a_close_gives_away_so_much_and_no_more() -> None:
    # 48.995 and 51.005: on the grid of cents, towards the side.
    assert limit(SELL) == Decimal("49.00")
    assert limit(BUY) == Decimal("51.00")
    assert limit(SELL, bid=None, ask=Decimal(50)) == Decimal("49.00")


@pytest.mark.parametrize(
    "changes",
    [
        {"ask": Decimal(51)},
        {"bid": None},
        {"bid": Decimal(0)},
        {"bid": Decimal("NaN")},
        {"is_halted": True},
        {"received_s": None},
        {"received_s": NOW_S - 61},
        {"received_s": NOW_S + 1},
    ],
)
def test_otherwise_the_broker_knows_the_market_better(changes: dict[str, Any]) -> None:
    assert limit(SELL, **changes) is None
    assert close_limit(None, SELL, an_instrument(), NOW_S, Decimal("0.02")) is None
    gridless = replace(an_instrument(), bands=())
    assert close_limit(a_quote(ask=None), SELL, gridless, NOW_S, Decimal("0.02")) is None


def test_a_side_below_one_step_of_the_grid_leaves_no_limit() -> None:
    """A limit of 0, or of ten times the bid, would be refused, and the position locked in."""
    assert limit(BUY, bid=Decimal("0.005")) is None
    assert limit(SELL, bid=Decimal("0.001")) is None
    assert limit(BUY, bid=None, ask=Decimal("0.018")) is None
    assert limit(SELL, bid=Decimal("0.01")) == Decimal("0.01")
    assert limit(BUY, bid=None, ask=Decimal("0.01")) == Decimal("0.01")


# ---- brackets

LINKED = IntentId("abc123-alpha-7")


def a_leg(mark: str, quantity: int, kind: str, intent: IntentId = LINKED) -> Resting:
    return replace(resting(SELL, quantity, kind), order_ref=order_ref(leg_id(intent, mark)))


@pytest.mark.parametrize("told", [100, 0])
def test_a_profit_stays_beside_its_stop(told: int) -> None:
    """By the broker's lists both are as large as the position; by our book the stop counts."""
    profit, stop = a_leg("p", told, "LMT"), a_leg("s", 100, "STP")
    for orders in ((profit, stop), (stop, profit)):
        found = sort_orders(orders, {CON: Decimal(100)}, OWN, keeps_exits=True)
        assert found.keep == (stop, profit)
        assert found.cancel == ()
        gone = sort_orders(orders, {CON: Decimal(100)}, OWN, keeps_exits=False)
        assert set(gone.cancel) == {stop, profit}


def test_a_bracket_takes_the_room_of_one_order() -> None:
    profit, stop = a_leg("p", 60, "LMT"), a_leg("s", 60, "STP")
    other = replace(resting(SELL, 40, "LMT"), perm_id=PermId(99))
    found = sort_orders((profit, stop, other), {CON: Decimal(100)}, OWN, keeps_exits=True)
    assert set(found.keep) == {stop, profit, other}
    larger = replace(other, remaining=Decimal(41))
    found = sort_orders((profit, stop, larger), {CON: Decimal(100)}, OWN, keeps_exits=True)
    assert found.cancel == (larger,)


@pytest.mark.parametrize(
    "stop",
    [
        a_leg("s", 101, "STP"),
        a_leg("s", 100, "STP", IntentId("abc123-alpha-8")),
        resting(SELL, 100, "STP"),
    ],
)
def test_a_profit_whose_stop_does_not_stay_is_an_order_by_itself(stop: Resting) -> None:
    profit = a_leg("p", 50, "LMT")
    found = sort_orders((profit, stop), {CON: Decimal(100)}, OWN, keeps_exits=True)
    assert (profit in found.keep) is (stop in found.cancel)


# ---- legs and their entries


def an_entry(number: int = 1, side: Side = BUY, **changes: Any) -> Resting:
    row = resting(side, 60, "LMT", number=number)
    return replace(row, **{"order_ref": order_ref(LINKED), **changes})


def by_parent(leg: Resting, parent: int = 1, **changes: Any) -> Resting:
    """Return a leg that only the broker's word of its parent ties to its entry."""
    return replace(leg, order_ref=OrderRef("other"), parent_id=OrderId(parent), **changes)


LEGS = (a_leg("s", 60, "STP"), a_leg("p", 60, "LMT"))
LEGS = (replace(LEGS[0], order_id=OrderId(3)), replace(LEGS[1], order_id=OrderId(2)))


def left(*orders: Resting, held: int = 0, keeps: bool = True, **more: Any) -> Cancels:
    return sort_orders(
        orders, {CON: Decimal(held)}, OWN, keeps_exits=keeps, leaves_legs=True, **more
    )


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("held", [0, 60, 100])
@pytest.mark.parametrize("legs", [LEGS, tuple(map(by_parent, LEGS))])
def test_legs_are_left_to_an_entry_that_goes(
    legs: tuple[Resting, ...], held: int, keeps: bool
) -> None:
    found = left(*legs, an_entry(), held=held, keeps=keeps)
    assert (found.cancel, found.waiting, found.keep) == ((an_entry(),), legs, ())
    # Nobody asked for it: they are cancelled beside it, or count as exits.
    plain = sort_orders((*legs, an_entry()), {CON: Decimal(held)}, OWN, keeps_exits=keeps)
    assert plain.waiting == ()
    assert set(legs) <= {*plain.cancel, *plain.keep}


def test_waiting_legs_take_no_room_from_what_protects_now() -> None:
    """Their permanent ids are lower, and what they would protect is not there yet."""
    stop = replace(resting(SELL, 60, "STP", number=9), perm_id=PermId(99_999))
    found = left(*LEGS, an_entry(), stop, held=60)
    assert (found.keep, found.cancel) == ((stop,), (an_entry(),))


def test_legs_without_their_entry_are_what_the_position_makes_of_them() -> None:
    assert left(*LEGS, held=0).cancel == LEGS
    assert left(*LEGS, held=60).keep == LEGS
    for other in (
        an_entry(order_ref=order_ref(IntentId("abc123-alpha-8"))),
        an_entry(order_ref=OrderRef("")),
        an_entry(client_id=STRANGER),
    ):
        assert set(LEGS) <= set(left(*LEGS, other, held=0).cancel)
    for far in (by_parent(LEGS[0], 9), by_parent(LEGS[0], 0)):
        assert far in left(far, an_entry(), held=0).cancel
    unnumbered = an_entry(order_id=OrderId(0), order_ref=OrderRef(""))
    assert LEGS[0] in left(LEGS[0], unnumbered).cancel


def test_the_parent_of_another_clients_order_is_none_of_ours() -> None:
    """Order ids are each client's own."""
    leg = by_parent(LEGS[0], 1)
    stranger = an_entry(client_id=STRANGER)
    assert leg in left(leg, stranger).cancel
    foreign = replace(leg, client_id=STRANGER)
    found = left(foreign, an_entry(), stranger)
    assert found.waiting == ()
    assert set(found.foreign) == {foreign, stranger}


def test_an_entry_that_may_close_what_is_held_gives_its_legs_no_grace() -> None:
    """It may stay, as an exit; they could only open something new."""
    found = left(*LEGS, an_entry(), held=-60)
    assert (found.keep, found.waiting) == ((an_entry(),), ())
    assert found.cancel == LEGS
    assert left(*LEGS, an_entry(), held=-60, keeps=False).waiting == LEGS


@pytest.mark.parametrize("legs", [LEGS, tuple(map(by_parent, LEGS))])
def test_legs_wait_where_a_position_may_not_show_yet_what_has_filled(
    legs: tuple[Resting, ...],
) -> None:
    plain = resting(SELL, 5, "STP", number=9)
    found = left(*legs, plain, late={CON})
    assert (found.waiting, found.cancel) == (legs, (plain,))
    assert left(*legs, plain, late={OTHER}).waiting == ()


@given(rows, holdings, st.booleans(), st.lists(st.integers(0, 50), max_size=12), st.data())
def test_with_legs_left_nothing_is_lost_and_nothing_crosses_zero(
    orders: list[Resting],
    held: dict[ConId, Decimal],
    keeps: bool,
    parents: list[int],
    data: st.DataObject,
) -> None:
    more = [
        replace(row, parent_id=OrderId(parents[at] if at < len(parents) else 0))
        for at, row in enumerate(orders)
    ]
    late = data.draw(st.sets(st.sampled_from([CON, OTHER])))
    found = sort_orders(more, held, OWN, keeps_exits=keeps, leaves_legs=True, late=late)
    everything = (*found.cancel, *found.keep, *found.foreign, *found.waiting)
    assert sorted(map(id, everything)) == sorted(map(id, more))
    gone = {row.order_id for row in found.cancel} | {row.order_id for row in found.waiting}
    for row in found.waiting:
        assert row.client_id == OURS
        assert row.con_id in late or row.parent_id in gone, "its entry stays"
    for con_id, position in held.items():
        kept = [row for row in found.keep if row.con_id == con_id]
        assert sum(row.remaining for row in kept) <= abs(position)
    again = sort_orders(reversed(more), held, OWN, keeps_exits=keeps, leaves_legs=True, late=late)
    assert again == found


def test_legs_of_an_entry_that_has_filled_nothing_take_nothing_off_what_is_held() -> None:
    entry, stop, profit = an_entry(), LEGS[0], by_parent(LEGS[1])
    alone = resting(SELL, 5, number=9)
    rows = [entry, stop, profit, alone]
    assert without_held_back(rows, [entry], OWN) == [entry, alone]
    # What has filled in part brings what they may take off by now.
    assert without_held_back(rows, [stop, profit, alone], OWN) == rows


def test_legs_of_a_strangers_bracket_take_what_they_may() -> None:
    theirs = ClientId(3)
    entry = an_entry(client_id=theirs)
    rows = [entry, *(by_parent(leg, client_id=theirs) for leg in LEGS)]
    assert without_held_back(rows, rows, OWN) == rows
    # Nor does an entry of theirs hold back what is ours.
    assert without_held_back([entry, *LEGS], [entry], OWN) == [entry, *LEGS]
