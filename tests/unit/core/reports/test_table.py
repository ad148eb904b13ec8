"""The table leaves room for a missed round, and only dated files of ours ever go."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from trader.core.reports.table import (
    REPORTS,
    TERMS,
    ReportName,
    day_name,
    expired,
    moment_name,
)

TODAY = date(2026, 11, 22)


def test_every_report_has_one_row_and_a_file_of_its_own() -> None:
    assert [terms.name for terms in REPORTS] == list(ReportName)
    assert len({terms.path for terms in REPORTS}) == len(REPORTS)


def test_one_missed_round_makes_no_report_stale() -> None:
    timed = [(row.interval_s, row.age_s_max) for row in REPORTS if row.interval_s is not None]
    assert len(timed) == 6
    assert [pair for pair in timed if pair[1] is None or 2 * pair[0] > pair[1]] == []


@pytest.mark.parametrize(
    ("name", "age_s_max"),
    [
        (ReportName.RECONCILIATION, 600),
        (ReportName.PARITY, 600),
        (ReportName.RISK, 300),
        (ReportName.INTEGRITY, 900),
        (ReportName.WRITER, 600),
    ],
)
def test_the_ages_are_those_that_the_gate_goes_by(name: ReportName, age_s_max: float) -> None:
    assert TERMS[name].age_s_max == age_s_max


def test_the_history_of_the_brokers_word_is_long_enough() -> None:
    full, daily = TERMS[ReportName.SNAPSHOT].keeps
    assert full.days >= 7
    assert daily.days >= 90


def test_what_is_older_than_its_days_goes_and_nothing_else() -> None:
    names = (
        "20261114.json",
        "20261115T235959Z.json",
        "integrity_20261114.json",
        "20261115.json",
        "20261123.json",
        "integrity_latest.json",
        "20261399.json",
        "notes.txt",
        ".20261101.json.part",
    )
    assert expired(names, 7, TODAY) == ("20261114.json", "integrity_20261114.json")


def test_names_of_files_are_of_the_day_in_utc() -> None:
    at_utc = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)
    assert (day_name(at_utc), moment_name(at_utc)) == ("20261122", "20261122T235959Z")
    assert expired((f"{moment_name(at_utc)}.json",), 0, date(2026, 11, 23)) != ()
