"""``trader config``: what is in force, as a person and as a program reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trader import cli

Said = pytest.CaptureFixture[str]
CONFIG = str(Path(__file__).resolve().parents[3] / "config" / "paper.yaml")
ACCOUNT = ["--account", "DU1234567"]


def test_every_setting_is_shown_with_its_source(capsys: Said) -> None:
    assert cli.main(["config", "show", "--config", CONFIG, *ACCOUNT]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["SETTING", "VALUE", "FROM"]
    told = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert told["broker.port"] == ["7497", "file"]
    assert told["account"] == ["DU1234567", "--account"]
    assert told["broker.tcp_deadline_s"] == ["5.0", "default"]
    assert told["outbox.is_enabled"] == ["true", "default"]
    assert told["halt_file"][-1] == "default"


def test_what_is_at_its_default_can_be_left_out(capsys: Said) -> None:
    assert cli.main(["config", "show", "--config", CONFIG, "--set-only", *ACCOUNT]) == 0
    assert " default" not in capsys.readouterr().out


def test_a_program_gets_it_as_json(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXEC_DRYRUN", "1")
    assert cli.main(["config", "show", "--config", CONFIG, "--json", *ACCOUNT]) == 0
    said = capsys.readouterr()
    body = json.loads(said.out)
    rows = {row["name"]: row for row in body["settings"]}
    assert rows["mode"] == {"name": "mode", "value": "paper", "source": "file"}
    assert rows["strategies.momentum.quantity"]["value"] == "10"
    assert [row["name"] for row in body["environment"]] == ["EXEC_DRYRUN"]
    assert any("did you mean EXEC_DRY_RUN?" in text for text in body["warnings"])


def test_a_misspelt_variable_is_warned_of(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADER_ACOUNT", "DU9")
    assert cli.main(["config", "show", "--config", CONFIG, *ACCOUNT]) == 0
    said = capsys.readouterr()
    assert "TRADER_ACOUNT is set and is no name of ours" in said.err
    assert "DU9" not in said.out + said.err


@pytest.mark.parametrize("verb", ["show", "check"])
def test_settings_that_cannot_be_used_end_with_the_code_of_a_start(verb: str, capsys: Said) -> None:
    words = ["config", verb, "--config", CONFIG, *ACCOUNT, "--set", "broker.port=seventy"]
    assert cli.main(words) == 5
    assert "broker.port is 'seventy', allowed is a whole number" in capsys.readouterr().err


def test_check_is_trader_check(capsys: Said) -> None:
    assert cli.main(["check", "--config", CONFIG, *ACCOUNT]) == 0
    before = capsys.readouterr()
    assert cli.main(["config", "check", "--config", CONFIG, *ACCOUNT]) == 0
    assert capsys.readouterr() == before
