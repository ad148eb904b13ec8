"""What is in force, and where it came from."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from trader.config import ConfigError
from trader.config.effective import HIDDEN, Effective, effective, is_secret, variables

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "mode": "paper",
                "account": "DU1",
                "state_dir": "here",
                "assets_file": str(ROOT / "config/assets.csv"),
                "targets_file": str(ROOT / "config/targets.yaml"),
                "broker": {"port": 4002},
                "strategies": {
                    "own": [
                        {
                            "name": "mine", "use": "a:B", "symbols": ["IBM"],
                            "parameters": {"api_key": "hush", "n": 3},
                        }
                    ]
                },
            }
        )
    )  # fmt: skip
    return path


def rows(path: Path, *assignments: str, account: str = "", **names: str) -> dict[str, Effective]:
    return {row.name: row for row in effective(path, names, assignments, account)[1]}


def test_each_value_has_the_place_it_came_from(file: Path) -> None:
    found = rows(file, "broker.zone=UTC", "reports={recurrent_runs: 7}")
    assert found["broker.port"] == Effective("broker.port", 4002, "file")
    assert found["broker.host"] == Effective("broker.host", "127.0.0.1", "default")
    assert found["broker.zone"] == Effective("broker.zone", "UTC", "--set")
    # Of a section that was set whole, what it left out is that section's as well.
    assert found["reports.recurrent_runs"] == Effective("reports.recurrent_runs", 7, "--set")
    assert found["state_dir"].value == file.parent / "here"
    assert found["strategies.own[0].use"] == Effective("strategies.own[0].use", "a:B", "file")
    assert found["strategies.momentum"] == Effective("strategies.momentum", None, "default")


def test_the_environment_is_named_where_it_decides(file: Path, tmp_path: Path) -> None:
    found = rows(
        file,
        TRADER_ACCOUNT="DU2",
        EXEC_DRY_RUN="1",
        EXECUTION_HALTED_FILE=str(tmp_path / "H"),
        DATABASE_URL=f"sqlite:///{tmp_path}/j.db",
    )
    assert found["account"] == Effective("account", "DU2", "TRADER_ACCOUNT")
    assert found["mode"] == Effective("mode", "dry_run", "EXEC_DRY_RUN")
    assert found["halt_file"] == Effective("halt_file", tmp_path / "H", "EXECUTION_HALTED_FILE")
    assert found["journal"] == Effective("journal", tmp_path / "j.db", "DATABASE_URL")
    assert rows(file, AGENT_MODE="SHADOW_MODE")["mode"].source == "AGENT_MODE"
    assert rows(file, AGENT_MODE="PAPER")["mode"].source == "file"


def test_the_command_line_wins_and_is_named(file: Path) -> None:
    assert rows(file, account="DU3", TRADER_ACCOUNT="DU2")["account"] == Effective(
        "account", "DU3", "--account"
    )
    found = rows(file, "account=DU4", TRADER_ACCOUNT="DU2")["account"]
    assert (found.value, found.source) == ("DU4", "--set")


def test_what_is_not_set_shows_what_stands_in_for_it(file: Path) -> None:
    found = rows(file)
    assert found["halt_file"].value == file.parent / "here" / "HALT"
    assert (found["broker.emergency_client_id"].value, found["sentinel.client_id"].value) == (
        1007, 1008,
    )  # fmt: skip
    assert found["halt_file"].source == "default"


def test_a_secret_is_not_in_it(file: Path) -> None:
    found = rows(file)
    assert found["strategies.own[0].parameters.api_key"].value == HIDDEN
    assert found["strategies.own[0].parameters.n"].value == 3
    assert is_secret("a.password", "x")
    assert not is_secret("a.password", "")
    assert not is_secret("outbox.redis.password_file", "/run/secret")


def test_unknown_names_that_look_like_ours_are_told_without_their_value() -> None:
    found = {row.name: row for row in variables({
        "EXEC_DRYRUN": "hush", "HOME": "/", "TRADER_REDIS_PASSWORD": "hush",
        "DATABASE_URL": "postgres://u:hush@h/d", "MAX_DD": "10%",
    })}  # fmt: skip
    assert sorted(found) == ["DATABASE_URL", "EXEC_DRYRUN", "MAX_DD", "TRADER_REDIS_PASSWORD"]
    assert (found["EXEC_DRYRUN"].meaning, found["EXEC_DRYRUN"].hint) == ("", "EXEC_DRY_RUN")
    assert (found["MAX_DD"].value, found["MAX_DD"].meaning != "") == ("10%", True)
    assert "hush" not in repr(found)


def test_what_cannot_be_used_is_refused_as_at_a_start(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"broker\.port is 0"):
        effective(file, {}, ["broker.port=0"])
