"""The check alone: every problem of every kind in one run, as a start says it, and no trace."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.config.support import write_files
from trader import cli
from trader.commands.check import Problem, check, problem_of, state_problems

NAMES_OF_OURS = (
    "EXEC",
    "AGENT_MODE",
    "DATABASE_URL",
    "TRADER_",
    "MARKETDATA_",
    "KILL_PNL",
    "MAX_DD",
)


@pytest.fixture(autouse=True)
def _without_the_shells_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(NAMES_OF_OURS):
            monkeypatch.delenv(name)


def everything_below(folder: Path) -> list[tuple[str, float]]:
    return sorted((str(path), path.stat().st_mtime) for path in folder.rglob("*"))


def test_one_thing_wrong_in_each_place_is_told_in_one_run(tmp_path: Path) -> None:
    path = write_files(tmp_path, {"mode": "live", "log_level": "loud", "broker": {"port": 0}})
    targets = tmp_path / "targets.yaml"
    targets.write_text(targets.read_text().replace("quantity_max: 500", "quantity_max: x"))
    assets = tmp_path / "assets.csv"
    first = len(assets.read_text().splitlines()) + 1
    assets.write_text(assets.read_text() + "ONE,STK\nTWO,STK,SMART,USD,,perhaps\n")
    (tmp_path / "state").write_text("in the way")
    environment = {
        "AGENT_MODE": "NEVER",
        "EXEC_DRY_RUN": "maybe",
        "EXEC_MAX_DAILY_TRADES": "-1",
        "EXEC_MAX_POSITION_QTY": "0",
        "KILL_PNL": "5",
        "MAX_DD": "x",
        "DATABASE_URL": "postgres:///x",
        "MARKETDATA_HEALTH_CHECK_DISABLED": "1",
    }
    before = everything_below(tmp_path)
    report = check(path, environment)
    assert everything_below(tmp_path) == before
    told = [(problem.field, Path(problem.where).name) for problem in report.problems]
    for expected in (
        *((name, "environment") for name in environment),
        ("log_level", path.name),
        ("broker.port", path.name),
        ("order.quantity_max", "targets.yaml"),
        ("tradeable", f"assets.csv: line {first + 1}"),
        ("state_dir", ""),
    ):
        assert expected in told, told
    assert any(f"line {first} has 2 columns" in problem.text for problem in report.problems)
    assert len(set(report.problems)) == len(report.problems)


def test_an_account_that_nobody_named_is_told_beside_what_is_wrong(tmp_path: Path) -> None:
    path = write_files(tmp_path, {"account": "", "log_level": "loud"})
    assert {problem.field for problem in check(path, {}).problems} == {"account", "log_level"}
    assert [p.field for p in check(path, {"TRADER_ACCOUNT": "DU1"}).problems] == ["log_level"]


def test_what_a_start_refuses_after_reading_is_told_as_well(tmp_path: Path) -> None:
    path = write_files(tmp_path, {"mode": "live", "account": "U1"})
    words = [problem.text for problem in check(path, {"TRADER_RISK_BYPASS": "1"}).problems]
    for word in ("nobody has signed", "AGENT_MODE is ''", "go-live record", "TRADER_RISK_BYPASS"):
        assert any(word in text for text in words), words
    # And beside what is wrong in a file.
    words = [p.text for p in check(path, {"TRADER_RISK_BYPASS": "1"}, ["log_level=loud"]).problems]
    for word in ("log_level", "TRADER_RISK_BYPASS"):
        assert any(word in text for text in words), words


def test_a_good_configuration_says_what_would_run_and_leaves_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_files(tmp_path)
    before = everything_below(tmp_path)
    assert cli.main(["check", "--config", str(path)]) == 0
    shown = capsys.readouterr()
    assert "mode        paper" in shown.out
    assert "account     DU1234567" in shown.out
    assert "policy not signed" in shown.err
    assert cli.main(["check", "--config", str(path), "--json", "--account", "DU7"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["is_ok"], body["problems"], body["account"]) == (True, [], "DU7")
    assert everything_below(tmp_path) == before
    assert not (tmp_path / "state").exists()


def test_a_bad_one_ends_with_the_code_of_a_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXEC_DRY_RUN", "x")
    path = write_files(tmp_path, {"brokr": 1})
    assert cli.main(["check", "--config", str(path)]) == 5
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("trader: ") for line in lines] == [True, True]
    assert cli.main(["check", "--config", str(path), "--json"]) == 5
    body: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert body["is_ok"] is False
    assert {"EXEC_DRY_RUN", "brokr"} == {row["field"] for row in body["problems"]}
    # Nothing of what would run: it would not.
    assert "mode" not in body


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "/etc/t.yaml: broker.port is 0, allowed is 1 or more",
            ("/etc/t.yaml", "broker.port", "0", "allowed is 1 or more"),
        ),
        (
            "/a.csv: line 3: tradeable is 'x', allowed is yes or no",
            ("/a.csv: line 3", "tradeable", "'x'", "allowed is yes or no"),
        ),
        (
            "EXEC_DRY_RUN is 'x', allowed is 1",
            ("environment", "EXEC_DRY_RUN", "'x'", "allowed is 1"),
        ),
        ("/t.yaml: account is missing", ("/t.yaml", "account", "missing", "")),
        ("something else went wrong", ("", "", "", "")),
    ],
)
def test_a_line_is_taken_apart(line: str, problem: tuple[str, str, str, str]) -> None:
    assert problem_of(line) == Problem(line, *problem)


def test_a_state_directory_that_cannot_be_is_told_without_making_it(tmp_path: Path) -> None:
    assert state_problems(tmp_path) == ()
    assert state_problems(tmp_path / "new" / "below") == ()
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    (line,) = state_problems(tmp_path / "file")
    assert "it is no directory" in line
    (line,) = state_problems(tmp_path / "file" / "below")
    assert f"cannot be made in {tmp_path / 'file'}" in line
