"""What came of a decision is gathered row by row, and what is over is let go."""

from __future__ import annotations

import pytest

from tests.unit.core.parity.records import DAY_S, D, S, cancel, commission, fill, intent, refused
from trader.core.decisions import Row
from trader.core.parity.decided import Decided, Follower


def followed(*rows: Row) -> tuple[Follower, Decided]:
    follower, one = Follower(), Decided(rows[0])
    follower.add(one)
    taken = {"fill": follower.on_fill, "commission": follower.on_commission}
    for row in rows[1:]:
        if row["kind"] == "intent":
            follower.add(Decided(row))
        elif row["kind"] == "cancel":
            follower.on_cancel(row)
        else:
            taken[str(row["kind"])](row)
    return follower, one


def test_fills_are_added_up_with_their_commissions() -> None:
    first, second = fill(1.5, "alpha-1", "4", "100"), fill(2, "alpha-1", "6", "101")
    _, one = followed(
        intent(1), first, commission(1.6, first, "1"), second, commission(2.1, second, "0.5")
    )
    assert (one.filled, one.price) == (D(10), D("100.6"))
    assert (one.share, one.notional) == (D(1), D(1006))
    assert (one.commission, one.unpriced, one.fill_s) == (D("1.5"), 0, D("0.5"))


def test_a_commission_that_comes_before_its_execution_is_not_lost() -> None:
    done = fill(1.5, "alpha-1", "10", "100")
    _, one = followed(intent(1), commission(1.4, done, "1"), done)
    assert (one.commission, one.unpriced) == (D(1), 0)


def test_without_a_commission_it_is_not_known_and_not_zero() -> None:
    _, one = followed(intent(1), fill(1.5, "alpha-1", "10", "100"))
    assert one.unpriced == 1


def test_a_corrected_execution_replaces_what_it_corrects() -> None:
    rows = [
        fill(1.5, "alpha-1", "10", "100", exec_id="x.01"),
        fill(9, "alpha-1", "8", "101", exec_id="x.02"),
        # Told once more by a reconciliation.
        fill(20, "alpha-1", "10", "100", exec_id="x.01"),
    ]
    _, one = followed(intent(1), *rows)
    assert (one.filled, one.price) == (D(8), D(101))


def test_a_multiplier_makes_the_worth() -> None:
    _, one = followed(intent(1), fill(1.5, "alpha-1", "10", "100", multiplier="50"))
    assert one.notional == 50_000


def test_a_fill_of_nothing_that_is_followed_changes_nothing() -> None:
    follower, one = followed(intent(1))
    assert follower.on_fill(fill(2, "alpha-9", "10", "100")) is None
    assert follower.on_commission(commission(2, fill(2, "alpha-9", "1", "1"), "1")) is None
    assert one.filled == 0


@pytest.mark.parametrize(
    ("rows", "over_s"),
    [
        ([refused(1, "alpha-1", "HALTED", "HALTED: no")], 1),
        ([intent(1), fill(2, "alpha-1", "10", "100")], 602.1),
        ([intent(1), cancel(5, "alpha-1")], 605.1),
        ([intent(1, time_in_force="IOC")], 1_201.1),
        ([intent(1)], DAY_S + 601.1),
    ],
)
def test_what_is_over_is_let_go_once_nothing_late_is_waited_for(
    rows: list[Row], over_s: float
) -> None:
    follower, one = followed(*rows)
    if one.is_approved:
        assert not one.is_over(round((over_s - 0.2) * S))
        follower.drop_over(round((over_s - 0.2) * S))
        assert follower.open_count == 1
    follower.drop_over(round(over_s * S))
    assert (one.is_over(round(over_s * S)), follower.open_count) == (True, 0)


def test_what_lasts_until_it_is_cancelled_is_kept() -> None:
    _, one = followed(intent(1, time_in_force="GTC"), fill(2, "alpha-1", "4", "100"))
    assert not one.is_over(90 * DAY_S * S)


def test_the_leg_that_is_not_needed_any_more_ends_with_the_other() -> None:
    legs = [intent(1, f"alpha-1{mark}", side="SELL", time_in_force="GTC") for mark in "sp"]
    follower, _ = followed(
        intent(1), *legs, fill(2, "alpha-1", "10", "100"), fill(50, "alpha-1p", "10", "110")
    )
    follower.drop_over(2_000 * S)
    assert follower.open_count == 0


def test_a_cancelled_entry_takes_its_legs_along_unless_it_has_filled() -> None:
    legs = [intent(1, f"alpha-1{mark}", side="SELL", time_in_force="GTC") for mark in "sp"]
    follower, one = followed(intent(1), *legs, cancel(5, "alpha-1"))
    follower.drop_over(2_000 * S)
    assert (one.is_cancelled, follower.open_count) == (True, 0)
    follower, _ = followed(intent(1), *legs, fill(2, "alpha-1", "4", "100"), cancel(5, "alpha-1"))
    follower.drop_over(2_000 * S)
    assert follower.open_count == 2


def test_a_leg_has_a_partner_of_its_own_kind() -> None:
    keys = [Decided(intent(1, f"alpha-1{mark}")).key for mark in ("", "s", "p")]
    assert len(set(keys)) == 3
