"""``trader replay`` plays what was recorded, sends nothing, and refuses what could."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.commands.support import ROOT, trader
from tests.unit.config.support import write_files
from tests.unit.replay.records import a_day, event, head, written
from trader import cli
from trader.commands.replay import words_of
from trader.core.decisions import Row
from trader.engine.market.recording import Lost

STRATEGY = """\
from decimal import Decimal
from tests.unit.replay.records import Swinger

class Own(Swinger):
    def __init__(self, name, symbols, parameters):
        super().__init__(name, symbols)
"""


def prepared(folder: Path, mode: str = "shadow") -> tuple[Path, Path]:
    """Return settings with a strategy of one's own, and a recorded day in its place."""
    (folder / "own").mkdir()
    (folder / "own" / "swings.py").write_text(STRATEGY)
    own = {"name": "swinger", "use": "swings:Own", "symbols": ["AAPL"]}
    config = write_files(
        folder, {"mode": mode, "strategies": {"folder": str(folder / "own"), "own": [own]}}
    )
    market = folder / "state" / "market"
    market.mkdir(parents=True)
    return config, written(market / "2026-03-02-001.jsonl.gz", a_day())


def test_a_day_is_played_three_times_byte_for_byte_the_same(tmp_path: Path) -> None:
    config, _ = prepared(tmp_path)
    outs = []
    for seed in range(3):
        out = tmp_path / f"out{seed}.jsonl"
        done = trader(
            "replay", "2026-03-02", "--config", config, "--json", "--out", out,
            PYTHONHASHSEED=str(seed),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        *rows, end = [json.loads(line) for line in done.stdout.splitlines()]
        assert [json.loads(line) for line in out.read_text().splitlines()] == rows
        assert end["counts"] == {"approved": 4, "fill": 4}
        outs.append((out.read_bytes(), done.stdout))
    assert len(set(outs)) == 1
    left = sorted(path.name for path in (tmp_path / "state").rglob("*"))
    assert left == ["2026-03-02-001.jsonl.gz", "market"]


def test_a_person_reads_every_decision_and_what_it_came_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, part = prepared(tmp_path)
    assert cli.main(["replay", str(part), "--config", str(config), "--speed", "100000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("15:00:1")
    assert " intent replay-swinger-1 AAPL BUY 10 MKT (low 100." in lines[0]
    assert lines[0].endswith(": approved")
    assert " fill   replay-swinger-1 AAPL BUY 10 at 100." in lines[1]
    assert lines[-1] == "played 600 ticks, 2026-03-02 15:00:00 to 15:01:03 UTC: 4 approved, 4 fill"


@pytest.mark.parametrize("mode", ["live", "paper", "demo"])
def test_settings_that_may_send_are_refused_unless_they_are_made_to_send_nothing(
    tmp_path: Path, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """EVT-20: a replay is never in a mode of which orders leave."""
    config, part = prepared(tmp_path, mode)
    words = ["replay", str(part), "--config", str(config)]
    assert cli.main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f"mode is {mode}, allowed for a replay is shadow or dry_run" in told.err
    assert cli.main([*words, "--set", "mode=shadow"]) == 0
    assert cli.main([*words, "--set", "mode=dry_run"]) == 0


def test_no_socket_is_opened_and_nothing_is_connected_to(tmp_path: Path) -> None:
    """EVT-19: not even the event loop has one."""
    config, part = prepared(tmp_path)
    code = (
        "import sys\n"
        "seen = []\n"
        "sys.addaudithook(lambda name, _: seen.append(name) if name.startswith('socket.') else 0)\n"
        "from trader.cli import main\n"
        f"code = main(['replay', {str(part)!r}, '--config', {str(config)!r}])\n"
        "assert code == 0, code\n"
        "assert not seen, seen\n"
        "assert 'ib_async' not in sys.modules\n"
        "import socket\n"
        "socket.socket().close()\n"
        "assert seen, 'the hook sees nothing'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_a_record_that_is_not_whole_is_played_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, part = prepared(tmp_path)
    cut = part.with_name("2026-03-02-002.jsonl.gz")
    written(cut, [event(100, head(part=2)), event(101, Lost(5, "no room"))])
    with cut.open("ab") as file:
        file.write(part.read_bytes()[:40])
    assert cli.main(["replay", "2026-03-02", "--config", str(config)]) == 1
    told = capsys.readouterr().err
    assert "2026-03-02-002.jsonl.gz: 40 bytes at its end are cut off" in told
    assert "5 rows are missing" in told


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["2026-03-09"], "2026-03-09 is not recorded in"),
        (["nowhere.gz"], "no day (YYYY-MM-DD) and no file"),
        (["2026-03-02", "--strategies", "none.yaml"], "none.yaml"),
        (["2026-03-02", "--folder", "elsewhere"], "elsewhere"),
    ],
)
def test_what_cannot_be_played_is_said(
    tmp_path: Path, words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = prepared(tmp_path)
    assert cli.main(["replay", *words, "--config", str(config)]) == 2
    assert problem in capsys.readouterr().err


def test_a_file_that_is_no_record_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = prepared(tmp_path)
    other = tmp_path / "other.gz"
    other.write_text("not compressed")
    assert cli.main(["replay", str(other), "--config", str(config)]) == 2
    assert "not readable behind byte 0" in capsys.readouterr().err


def test_a_speed_is_a_number_or_max(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["replay", "2026-03-02", "--config", "x", "--speed", "fast"])
    assert "allowed is max or a number above 0" in capsys.readouterr().err


def test_changes_and_cancels_have_words_of_their_own() -> None:
    base: Row = {"at_us": 1, "intent_id": "replay-a-1", "symbol": "AAPL"}
    change: Row = {**base, "quantity": "5", "limit_price": "9", "stop_price": ""}
    assert words_of({"kind": "cancel", **base, "reason": "enough"}).endswith("AAPL enough")
    assert "to 5 limit 9" in words_of({"kind": "change", **change})
