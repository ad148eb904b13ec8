"""The command: lines, JSON and exit codes, with real files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sim.oracle.journals import REF, story, write
from trader.sim.oracle.diff import run_diff

AT = "2024-03-05T14:30:05.500000+00:00"


def answer(**changes: Any) -> dict[str, Any]:
    """Return the truth that belongs to the story of the journal."""
    return {
        "account": "DUSIM1",
        "orders": [{
            "order_id": 41, "client_id": 7, "perm_id": 99, "order_ref": REF, "con_id": 265598,
            "symbol": "AAPL", "side": "SELL", "quantity": "100.5", "order_type": "LMT",
            "limit_price": "187.25", "stop_price": None, "tif": "DAY", "status": "Filled",
            "filled": "100.5", "created_utc": AT,
        }],
        "executions": [{
            "exec_id": "0001.01.02", "order_id": 41, "perm_id": 99, "con_id": 265598,
            "symbol": "AAPL", "side": "SELL", "quantity": "100.5", "price": "187.2",
            "time_utc": AT, "commission": "1.05",
        }],
        "positions": [{"con_id": 265598, "symbol": "AAPL", "quantity": "0"}],
        "cash": {"USD": "19812.55"},
        "place_frames": [{
            "order_id": 41, "client_id": 7, "order_ref": REF, "modify": False, "received_utc": AT,
        }],
        **changes,
    }  # fmt: skip


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return write(tmp_path / "journal.db", story())


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(answer()))
    return path


def test_agreement_stays_agreement_where_nobody_reads_it(journal: Path, truth: Path) -> None:
    words = ["-m", "trader.sim", "diff", str(journal), "--truth", str(truth)]
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as unread:
        assert unread.stdout is not None
        assert unread.stderr is not None
        unread.stdout.close()
        assert (unread.stderr.read(), unread.wait()) == (b"", 0)


def test_agreement_is_one_line_beside_the_notes(
    journal: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_diff([str(journal), "--truth", str(truth)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines() == [
        "(note) ticket_open  t1: differs",
        "agree: compared 1 orders, 1 frames, 1 executions, 1 commissions, 0 positions, "
        "1 currencies, 10 events",
    ]


def test_each_difference_is_a_line(
    journal: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth.write_text(json.dumps(answer(cash={"USD": "19812.56"}, executions=[])))
    assert run_diff([str(journal), "--truth", str(truth)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("execution_unknown  0001.01.02: SELL 100.50 AAPL at 187.20")
    assert lines[1] == "cash  USD: the broker has 19812.56, the journal 19812.5500: -0.0100"
    assert lines[-1].startswith("2 differences: compared ")


def test_a_machine_gets_one_object(
    journal: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth.write_text(json.dumps(answer(cash={"USD": "1"})))
    assert run_diff([str(journal), "--truth", str(truth), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "differ"
    assert [(row["kind"], row["subject"]) for row in said["differences"]] == [("cash", "USD")]
    assert [row["kind"] for row in said["notes"]] == ["ticket_open"]
    assert said["compared"]["events"] == 10


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "required: JOURNAL; allowed: what trader sim diff --help"),
        (["{journal}"], "one of the arguments --control --truth is required"),
        (["{journal}", "--control", "x"], "'x' is not allowed; allowed: 1 to 65535"),
        (["{journal}", "--control", "70000"], "control: 70000 is not allowed; allowed: 1 to 65535"),
        (["{journal}", "--truth", "{journal}"], "not JSON"),
        (["{truth}", "--truth", "{truth}"], "SQLITE_NOTADB"),
        (["{journal}x", "--truth", "{truth}"], "does not exist"),
        (["{journal}", "--truth", "{truth}", "--control", "1"], "not allowed with argument"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_code_2(
    journal: Path, truth: Path, capsys: pytest.CaptureFixture[str],
    words: list[str], complaint: str,
) -> None:  # fmt: skip
    given = [word.format(journal=journal, truth=truth) for word in words]
    try:
        code = run_diff(given)
    except SystemExit as end:
        code = int(str(end.code))
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert said.err.startswith("trader sim diff: ")
    assert complaint in said.err
    assert len(said.err.splitlines()) == 1


def test_another_account_is_not_compared(
    journal: Path, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth.write_text(json.dumps(answer(account="DUSIM2")))
    assert run_diff([str(journal), "--truth", str(truth)]) == 2
    assert "account: the journal's is DUSIM1; allowed: DUSIM2" in capsys.readouterr().err
