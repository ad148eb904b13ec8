"""What the lines about money say; which of them come is tested with the whole comparison."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.sim.oracle.worlds import Draft, add_order, finished
from trader.sim.oracle.findings import Kind, Note
from trader.sim.oracle.money_check import money_findings
from trader.sim.oracle.records import Cash, Journal, Position, Truth


def world() -> tuple[Truth, Journal]:
    draft = Draft()
    add_order(draft, 1, "filled", "BUY", [(3, 1)])
    return finished(draft, 1)


def lines(truth: Truth, journal: Journal) -> list[str]:
    return [one.line for one in money_findings(truth, journal)]


def test_equal_sides_have_no_line() -> None:
    assert lines(*world()) == []


def test_a_missing_execution_is_described() -> None:
    truth, journal = world()
    assert lines(truth, replace(journal, executions=())) == [
        "execution_missing  0001.0100.01: BUY 3 IBM at 10.125 of order 1 is not booked"
    ]


def test_an_older_revision_is_told_with_the_newer_one() -> None:
    truth, journal = world()
    newer = replace(
        truth.executions[0].execution, exec_id="0001.0100.03", price=Decimal("10.2")
    )  # fmt: skip
    later = replace(truth, executions=(replace(truth.executions[0], execution=newer),))
    assert lines(later, journal) == [
        "execution_revision  0001.0100.03: the broker's last word is revision 3 (BUY 3 IBM at "
        "10.2), booked is revision 1 (BUY 3 IBM at 10.125)"
    ]


def test_a_newer_revision_in_the_journal_is_a_difference_too() -> None:
    truth, journal = world()
    newer = replace(journal.executions[0].execution, exec_id="0001.0100.02")
    later = replace(journal, executions=(replace(journal.executions[0], execution=newer),))
    assert [one.kind for one in money_findings(truth, later)] == [Kind.EXECUTION_REVISION]


def test_both_revisions_booked_at_once_are_one_execution_twice() -> None:
    truth, journal = world()
    first = journal.executions[0]
    again = replace(first, execution=replace(first.execution, exec_id="0001.0100.00"))
    both = replace(journal, executions=(again, first))
    assert [one.kind for one in money_findings(truth, both)] == [Kind.EXECUTION_TWICE]


def test_numbers_that_are_written_differently_are_equal() -> None:
    truth, journal = world()
    first = journal.executions[0]
    same = replace(first.execution, price=Decimal("10.12500"), quantity=Decimal("3E+0"))
    assert lines(truth, replace(journal, executions=(replace(first, execution=same),))) == []


def test_positions_are_signed_and_flat_ones_are_nothing() -> None:
    truth, journal = world()
    flat = replace(journal, positions=(*journal.positions, Position(9, "GOOG", Decimal(0))))
    assert lines(truth, flat) == []
    short = replace(journal, positions=(Position(6, "IBM", Decimal(-3)),))
    assert lines(truth, short) == ["position  IBM (6): the broker holds 3, the journal -3"]


@pytest.mark.parametrize(
    ("more", "kind"),
    [("0.005", Note.CASH_ROUNDING), ("-0.005", Note.CASH_ROUNDING), ("0.0050001", Kind.CASH),
     ("-0.006", Kind.CASH)],
)  # fmt: skip
def test_half_a_cent_of_cash_is_rounding_and_more_is_not(more: str, kind: Kind | Note) -> None:
    truth, journal = world()
    amount = journal.cash[0].amount + Decimal(more)
    (found,) = money_findings(truth, replace(journal, cash=(Cash("USD", amount),)))
    assert found.kind is kind
    assert found.text.endswith(f": {Decimal(more):+f}")


def test_each_currency_is_compared() -> None:
    truth, journal = world()
    more = replace(truth, cash=(*truth.cash, Cash("EUR", Decimal(5))))
    assert lines(more, journal) == ["cash  EUR: the broker has 5, the journal 0: -5"]
