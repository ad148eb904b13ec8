"""The same warning in so many runs in a row is a failure; a second look is not one more."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.core.factories import CON, a_book, a_position_row, a_run, a_snapshot
from trader.core.comparison import Decision, Question, RunRecord, answered, doubted
from trader.core.events import ReconcileFinished
from trader.core.ids import RunId, Seq, TicketId
from trader.core.reports.content import Content, ReportStatus
from trader.core.reports.reconciliation import (
    INCOMPLETE,
    UNSEEN,
    ReconciliationReport,
    Repeats,
    reconciliation_content,
    warnings_of,
)


def a_record(held: int = 0, trigger: str = "timed orders", problem: str = "") -> RunRecord:
    """Return a run over an empty book; the broker holds so many shares."""
    finished = ReconcileFinished(RunId("run-1"), trigger, problem, int(held > 0), 0, 0, 0.25)
    if problem:
        return RunRecord(finished)
    book = a_book()
    rows = (a_position_row(held),) if held else ()
    question = Question(
        a_run(book, 60.0), a_snapshot(positions=rows), (), frozenset(), (), was_compared=True
    )
    answer = answered(book, question)
    plan = doubted(book, question, answer).plan
    return RunRecord(finished, Decision(question, answer, plan, Seq(2), Seq(2)))


def told(*records: RunRecord, **changes: tuple[TicketId, ...]) -> Content:
    repeats = Repeats()
    for record in records:
        repeats = repeats.after(record)
    given = {"tickets": (), "ignored": ()} | changes
    return reconciliation_content(
        records[-1], repeats, tickets=given["tickets"], ignored=given["ignored"], runs_max=3
    )


def test_a_run_that_found_nothing_is_ok() -> None:
    content = told(a_record())
    assert (content.status, content.reasons, content.alarms) == (ReportStatus.OK, (), ())
    assert isinstance(content.body, ReconciliationReport)
    assert content.body.is_complete


def test_what_a_run_found_is_counted_by_kind() -> None:
    content = told(a_record(7))
    assert content.status is ReportStatus.WARNING
    assert isinstance(content.body, ReconciliationReport)
    assert content.body.counts == {"position": 1}
    assert content.body.pending == (f"position AAA-{CON}",)


def test_the_nth_run_in_a_row_turns_it_into_a_failure_with_one_alarm() -> None:
    runs = [a_record(7)] * 3
    assert told(*runs[:2]).status is ReportStatus.WARNING
    content = told(*runs)
    assert content.status is ReportStatus.FAIL
    assert [alarm.title for alarm in content.alarms] == ["reconciliation: position in every run"]
    assert content.reasons == ("position in 3 runs in a row",)


def test_a_clean_run_begins_the_count_anew() -> None:
    content = told(a_record(7), a_record(7), a_record(), a_record(7), a_record(7))
    assert content.status is ReportStatus.WARNING


def test_second_looks_are_at_the_same_difference_and_do_not_count() -> None:
    second = a_record(7, trigger="second look")
    assert told(a_record(7), *[second] * 20).status is ReportStatus.WARNING
    assert told(a_record(7), second, a_record(7), second, a_record(7)).status is ReportStatus.FAIL
    # One that finds it gone ends the row.
    clean = a_record(trigger="second look")
    assert told(a_record(7), a_record(7), clean, a_record(7)).status is ReportStatus.WARNING


def test_a_run_that_did_not_end_is_a_warning_of_its_own() -> None:
    broken = a_record(problem="no end marker")
    assert warnings_of(broken) == (INCOMPLETE,)
    content = told(broken, broken, broken)
    assert content.status is ReportStatus.FAIL
    assert "no end marker" in content.reasons


def test_a_ticket_waits_for_a_person_and_an_ignored_one_only_warns() -> None:
    ticket = TicketId("run-position-AAA")
    assert told(a_record(), tickets=(ticket,)).status is ReportStatus.FAIL
    content = told(a_record(), tickets=(ticket,), ignored=(ticket,))
    assert content.status is ReportStatus.WARNING
    assert content.alarms == ()


def test_what_could_not_be_looked_at_is_named() -> None:
    record = a_record(7)
    assert record.decision is not None
    plan = record.decision.plan
    unseen = replace(record.decision, plan=replace(plan, unseen=plan.pending, pending=()))
    assert warnings_of(RunRecord(record.finished, unseen)) == ("position", UNSEEN)
