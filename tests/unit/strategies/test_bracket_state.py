"""Where a bracket stands: the book's word over what was kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest

from trader.core.brackets import Membership, Role
from trader.core.ids import ConId, IntentId, OrderId
from trader.core.intents import Side
from trader.strategies.base import OwnOrder
from trader.strategies.bracket_state import (
    Bracket,
    BracketKept,
    Linked,
    Phase,
    Seen,
    linked,
    standing,
)

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
INTENT = "abc123-brackets-7"
IDS = Linked(entry_id=11, take_profit_id=12, stop_loss_id=13, oca_group=INTENT)
BRACKET = Bracket(
    intent=INTENT, direction=1, quantity=Decimal(10), limit=Decimal(100), take_profit=Decimal(104),
    stop_loss=Decimal(98), wished_utc=NOW - timedelta(seconds=50), linked=IDS,
)  # fmt: skip


def member(role: Role, *, number: int = 7, first: int = 11, is_long: bool = True) -> OwnOrder:
    ids = OrderId(first), OrderId(first + 1), OrderId(first + 2)
    intent = f"abc123-brackets-{number}"
    place = Membership(role, *ids, oca_group=intent)
    mark = {Role.ENTRY: "", Role.TAKE_PROFIT: "p", Role.STOP_LOSS: "s"}[role]
    is_buy = is_long is (role is Role.ENTRY)
    limit = {Role.ENTRY: Decimal(100), Role.TAKE_PROFIT: Decimal(104)}.get(role)
    return OwnOrder(
        order_id=place.ids[list(Role).index(role)],
        intent_id=IntentId(intent + mark),
        con_id=ConId(1),
        side=Side.BUY if is_buy else Side.SELL,
        quantity=Decimal(10),
        filled=Decimal(0),
        limit_price=limit,
        stop_price=Decimal(98) if role is Role.STOP_LOSS else None,
        is_changing=False,
        bracket=place,
    )


def seen(*orders: OwnOrder, held: int = 0, working: int = 0) -> Seen:
    return Seen(Decimal(held), Decimal(working), orders)


# ---- where it stands

ALIVE = tuple(product((True, False), repeat=3))


@pytest.mark.parametrize("held", [10, 4, 0, -10])
@pytest.mark.parametrize("alive", ALIVE)
@pytest.mark.parametrize("is_known", [True, False])
def test_every_state_of_the_book_has_its_phase(
    held: int, alive: tuple[bool, bool, bool], is_known: bool
) -> None:
    orders = [member(role) for role, is_alive in zip(Role, alive, strict=True) if is_alive]
    there = seen(*orders, held=held)
    bracket, _ = linked(BRACKET if is_known else None, there, NOW)
    entry, _, stop = alive
    if entry:
        expected = Phase.ENTERING
    elif held > 0 and stop:
        expected = Phase.PROTECTED
    elif held:
        expected = Phase.EXPOSED
    else:
        expected = Phase.ENDING if any(alive) else Phase.FLAT
    assert standing(bracket, there) is expected


def test_a_short_position_is_protected_by_the_stop_of_a_short_bracket_alone() -> None:
    stop = member(Role.STOP_LOSS, is_long=False)
    bracket, _ = linked(None, seen(stop), NOW)
    assert bracket is not None
    assert bracket.direction == -1
    assert standing(bracket, seen(stop, held=-10)) is Phase.PROTECTED
    assert standing(bracket, seen(stop, held=10)) is Phase.EXPOSED


def test_what_may_still_fill_is_not_over() -> None:
    """A cancelled entry that is not settled is in no list, and counts (INC-024)."""
    assert standing(BRACKET, seen(working=6)) is Phase.ENDING
    plain = replace(member(Role.ENTRY), bracket=None)
    assert standing(None, seen(plain)) is Phase.ENDING
    assert standing(None, seen(plain, held=3)) is Phase.EXPOSED


# ---- what is linked


def test_a_wish_whose_orders_are_found_has_their_ids_and_nothing_to_correct() -> None:
    wished = BRACKET.model_copy(update={"linked": None})
    assert linked(wished, seen(*map(member, Role)), NOW) == (BRACKET, "")


def test_what_the_book_has_nothing_of_stays_as_it_was() -> None:
    assert linked(BRACKET, seen(), NOW) == (BRACKET, "")
    assert linked(None, seen(replace(member(Role.ENTRY), bracket=None)), NOW) == (None, "")


@pytest.mark.parametrize("role", Role)
def test_one_order_alone_names_the_whole_bracket(role: Role) -> None:
    found, text = linked(None, seen(member(role)), NOW)
    assert found is not None
    assert found.linked == IDS
    assert (found.intent, found.direction, found.wished_utc) == (INTENT, 1, NOW)
    prices = [found.limit, found.take_profit, found.stop_loss]
    assert [price is not None for price in prices] == [one is role for one in Role]
    assert text == f"the book has {INTENT}, none was kept"
    # What was known of the orders that are over stays known.
    assert linked(BRACKET, seen(member(role)), NOW) == (BRACKET, "")


def test_prices_are_those_of_the_book() -> None:
    moved = replace(member(Role.TAKE_PROFIT), limit_price=Decimal(99))
    found, text = linked(BRACKET, seen(moved, member(Role.STOP_LOSS)), NOW)
    assert found is not None
    assert (found.take_profit, text) == (Decimal(99), "")


@pytest.mark.parametrize(
    "claim",
    [
        {"direction": -1}, {"quantity": Decimal(40)},
        {"linked": IDS.model_copy(update={"stop_loss_id": 77})},
        {"linked": IDS.model_copy(update={"oca_group": "other"})},
    ],
)  # fmt: skip
def test_a_claim_that_is_wrong_is_corrected_and_said(claim: dict[str, object]) -> None:
    wrong = BRACKET.model_copy(update=claim)
    found, text = linked(wrong, seen(*map(member, Role)), NOW)
    assert found == BRACKET
    assert text.startswith(f"the book has {INTENT}: +10 as 11 12 13, kept was ")


def test_of_two_it_is_the_one_that_was_kept_and_else_the_oldest() -> None:
    older = member(Role.STOP_LOSS, number=5, first=1)
    both = seen(older, member(Role.STOP_LOSS), held=10)
    assert linked(BRACKET, both, NOW) == (BRACKET, "")
    found, _ = linked(None, both, NOW)
    assert found is not None
    assert found.intent == "abc123-brackets-5"
    # The kept one is over, and another is there: nothing of the old one is carried over.
    found, text = linked(BRACKET, seen(older), NOW)
    assert found is not None
    assert (found.limit, found.take_profit, found.wished_utc) == (None, None, NOW)
    assert text.endswith(f"kept was {INTENT}: +10 as 11 12 13")


def test_a_member_is_found_of_its_own_bracket_alone() -> None:
    other = member(Role.STOP_LOSS, number=8, first=21)
    assert seen(other).member(BRACKET, Role.STOP_LOSS) is None
    assert seen(other).member(None, Role.STOP_LOSS) is None
    own = member(Role.STOP_LOSS)
    assert seen(other, own).member(BRACKET, Role.STOP_LOSS) is own


# ---- what is kept


def test_what_contradicts_itself_is_a_value_error() -> None:
    BracketKept(phase=Phase.EXPOSED)
    BracketKept(phase=Phase.PROTECTED, bracket=BRACKET)
    with pytest.raises(ValueError, match="phase flat does not go with bracket"):
        BracketKept(phase=Phase.FLAT, bracket=BRACKET)
    for phase in (Phase.ENTERING, Phase.PROTECTED):
        with pytest.raises(ValueError, match="does not go without a bracket"):
            BracketKept(phase=phase)


def test_a_clock_that_was_set_back_leaves_no_moment_in_the_future() -> None:
    late = NOW + timedelta(hours=1)
    state = BracketKept(
        phase=Phase.PROTECTED, bracket=BRACKET.model_copy(update={"wished_utc": late}),
        acted_utc=late, tried_utc=NOW - timedelta(seconds=3), ended_utc=late,
    )  # fmt: skip
    state.set_back(NOW)
    assert (state.acted_utc, state.ended_utc, state.exposed_utc) == (NOW, NOW, None)
    assert state.tried_utc == NOW - timedelta(seconds=3)
    assert state.bracket is not None
    assert state.bracket.wished_utc == NOW
