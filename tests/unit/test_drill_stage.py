"""What the stage reads out of what others say, and what it keeps away from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trader import drill_stage as st
from trader.drill_stage import DrillStopped, Heard, Stage


def a_stage(folder: Path) -> Stage:
    return Stage(folder, {"EXECUTION_HALTED_FILE": "/live/HALT"}, 1)


def execution(symbol: str, side: str, quantity: str) -> dict[str, str]:
    return {"symbol": symbol, "side": side, "quantity": quantity}


def test_only_what_works_is_open_and_only_what_is_held_counts() -> None:
    truth: dict[str, Any] = {
        "orders": [
            {"side": "BUY", "symbol": "AAPL", "status": "Submitted"},
            {"side": "BUY", "symbol": "AAPL", "status": "PreSubmitted"},
            {"side": "SELL", "symbol": "IBM", "status": "Filled"},
            {"side": "SELL", "symbol": "IBM", "status": "Cancelled"},
        ],
        "positions": [
            {"symbol": "AAPL", "quantity": "20"},
            {"symbol": "IBM", "quantity": "0"},
            {"symbol": "MSFT", "quantity": "-1"},
        ],
    }
    assert st.open_orders(truth) == ["BUY AAPL Submitted", "BUY AAPL PreSubmitted"]
    assert st.held(truth) == ["20 AAPL", "-1 MSFT"]


def test_a_position_that_goes_through_zero_is_found() -> None:
    rows = [execution("A", "BUY", "10"), execution("B", "SELL", "5"), execution("A", "SELL", "10")]
    assert st.crossings({"executions": rows}) == []
    rows += [execution("A", "BUY", "10"), execution("A", "SELL", "15")]
    assert st.crossings({"executions": rows}) == ["A from 10 to -5"]


def test_a_metric_is_read_with_its_labels() -> None:
    text = 'a_total 1\ntrader_posture{posture="halted"} 1.0\ntrader_ready 0.0\n'
    assert st.metric(text, 'trader_posture{posture="halted"}') == "1.0"
    assert st.metric(text, "trader_ready") == "0.0"
    assert st.metric(text, "trader_read") == "missing"


def test_without_a_daemon_there_is_no_answer(tmp_path: Path) -> None:
    stage = a_stage(tmp_path)
    assert stage.get("/healthz").status == 0
    assert stage.order("k", side="BUY").status == 0
    assert stage.status() == {}


def test_an_answer_that_is_no_object_has_no_body() -> None:
    assert Heard(200, "[1]").body == {}
    assert Heard(200, "no json").body == {}
    assert Heard(200, '{"a": 1}').body == {"a": 1}


def test_the_kill_switch_does_not_see_the_halt_file_of_a_live_daemon(tmp_path: Path) -> None:
    live = tmp_path / "live-HALT"
    stage = Stage(tmp_path, {"EXECUTION_HALTED_FILE": str(live), "PATH": "/usr/bin"}, 1)
    stage.state.mkdir()
    done = stage.kill_switch("--confirm", "HALT TRADING", "--reason", "test")
    assert done.returncode == 0, done
    assert (stage.state / "HALT").exists()
    assert not live.exists()


def test_the_log_is_read_line_by_line_and_what_is_no_json_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "daemon.log").write_text('{"message": "a"}\nTraceback\n[1]\n{"message": "b"}\n')
    assert [row["message"] for row in a_stage(tmp_path).log_rows()] == ["a", "b"]
    assert a_stage(tmp_path / "none").log_rows() == []
    assert a_stage(tmp_path).log_end("daemon") == 'Traceback | [1] | {"message": "b"}'


def test_waiting_ends_and_says_for_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "PATIENCE_S", 0.1)
    assert a_stage(tmp_path).until("a thing", lambda: "found") == "found"
    with pytest.raises(DrillStopped, match="for a thing"):
        a_stage(tmp_path).until("a thing", lambda: "")


def test_a_report_says_with_what_it_was_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(st.versions()) == ["trader", "commit", "python", "system"]
    monkeypatch.setattr(st, "ROOT", tmp_path)
    assert st.versions()["commit"] == "no checkout"


def test_a_drills_processes_get_what_they_need_of_an_environment_and_nothing_else() -> None:
    foreign = {
        "EXECUTION_HALTED": "1", "EXECUTION_HALTED_FILE": "/live/HALT", "EXEC_DRY_RUN": "1",
        "AGENT_MODE": "LIVE", "DATABASE_URL": "sqlite:////live.db", "TRADER_ACCOUNT": "DU1",
        "KILL_PNL": "-1%", "MAX_DD": "1%", "MARKETDATA_FORCE_STALE": "1", "NOTIFY_SOCKET": "/run/x",
        "WATCHDOG_USEC": "1", "CREDENTIALS_DIRECTORY": "/run/c", "PYTHONOPTIMIZE": "2",
    }  # fmt: skip
    needed = {"PATH": "/usr/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "TMPDIR": "/tmp"}
    assert st.stage_environment(foreign | needed) == needed
