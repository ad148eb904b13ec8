"""The program behind the script: settings from where the daemon left them, and a whole account."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.unit.emergency.exchange import AAPL, Scene, scene
from tests.unit.ops.test_fence import holder
from trader.emergency.__main__ import main
from trader.ops.reach import Reach, Traded, write_reach

ROOT = Path(__file__).resolve().parents[3]


def left_by_a_daemon(found: Scene) -> None:
    """Write what a daemon with this scene's settings leaves behind."""
    settings = found.settings
    traded = Traded("AAPL", "STK", "SMART", "USD", "", True)
    reach = Reach("paper", "DU1", settings.host, settings.port, 7, 1007, "UTC", "abc123", (traded,))
    write_reach(found.state / "reach.json", reach)


async def run(state: Path, *words: str) -> tuple[int, dict[str, object]]:
    reading, writing = os.pipe()
    try:
        asked = ["--state", str(state), "--report-fd", str(writing), "--wait", "0", *words]
        code = await asyncio.to_thread(main, asked, {})
        with os.fdopen(os.dup(reading)) as pipe:
            return code, json.load(pipe)
    finally:
        os.close(reading)


async def test_it_goes_by_what_the_last_daemon_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with scene(tmp_path) as found:
        found.exchange.positions[AAPL] = 10
        left_by_a_daemon(found)
        code, account = await run(tmp_path, "--liquidate", "--by", "ann", "--reason", "drill")
        assert (code, account["exit_code"], found.exchange.positions[AAPL]) == (0, 0, 0)
        assert "AAPL: 10 closed with 1 order(s)" in capsys.readouterr().out
        assert '"by": "ann"' in (tmp_path / "emergency.jsonl").read_text()


async def test_without_settings_it_says_how_to_name_them(tmp_path: Path) -> None:
    code, account = await run(tmp_path, "--liquidate")
    assert (code, account["exit_code"]) == (8, 8)
    assert "name the settings: --config" in str(account["problems"])


async def test_settings_of_a_daemon_that_lives_elsewhere_are_refused(tmp_path: Path) -> None:
    # Its halt file was not written, and it would go on sending beside the liquidation.
    own, named = tmp_path / "own", tmp_path / "named"
    own.mkdir()
    named.mkdir()
    config = tmp_path / "trader.yaml"
    text = (ROOT / "config" / "demo.yaml").read_text()
    text = text.replace("state_dir: ../state/demo", f"state_dir: {own}")
    config.write_text(text.replace("mode: demo", "mode: dry_run\naccount: DU1"))
    for name in ("assets.csv", "targets.yaml", "policy.yaml"):
        if (ROOT / "config" / name).exists():
            (tmp_path / name).write_bytes((ROOT / "config" / name).read_bytes())
    with holder(own / "lock") as daemon:
        code, account = await run(named, "--liquidate", "--config", str(config))
        assert daemon.poll() is None
    assert code == 8, account
    assert f"press again with --state {own}" in str(account["problems"])
    assert str(daemon.pid) in str(account["problems"])


async def test_settings_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    config = tmp_path / "trader.yaml"
    config.write_text("nonsense: 1\n")
    code, account = await run(tmp_path, "--liquidate", "--config", str(config))
    assert code == 8
    assert "trader.yaml" in str(account["problems"])
