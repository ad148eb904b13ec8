"""The exit code says the worst that is true."""

from __future__ import annotations

import json

import pytest

from trader.emergency.report import ExitCode, Report


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (Report(is_verified=True), ExitCode.DONE),
        (Report(), ExitCode.NO_LINK),
        (Report(is_verified=True, kept=["a stop"]), ExitCode.PROTECTED),
        (Report(is_verified=True, waiting=["AAPL"], kept=["a stop"]), ExitCode.WAITS),
        (Report(is_verified=True, waiting=["AAPL"], remaining_orders=["x"]), ExitCode.REMAINS),
        (Report(is_verified=True, remaining_positions=["AAPL 1"]), ExitCode.REMAINS),
        (Report(is_verified=True, left_alone=["ZZZ 1"]), ExitCode.DONE),
        (Report(is_verified=True, refusal=ExitCode.BUSY), ExitCode.BUSY),
    ],
)
def test_each_outcome_has_its_code(report: Report, code: ExitCode) -> None:
    assert report.exit_code is code


def test_what_remains_comes_first_and_each_reason_once() -> None:
    report = Report(
        is_verified=True, kept=["a stop"], remaining_positions=["AAPL 4"], problems=["late", "late"]
    )
    assert report.lines() == ["REMAINS: AAPL 4", "kept, protective: a stop", "why: late"]


def test_it_is_plain_json() -> None:
    told = json.loads(json.dumps(Report(refusal=ExitCode.BUSY, problems=["x"]).as_json()))
    assert (told["exit_code"], told["problems"], told["refusal"]) == (9, ["x"], None)
