"""Who may use the control port: tokens are added, listed and revoked."""

from __future__ import annotations

from pathlib import Path

import pytest

from trader import cli
from trader.ops.roles import Principal, Principals, Role


def test_tokens_are_added_listed_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--state", str(tmp_path)]
    assert cli.main(["token", "list", *at]) == 0
    assert capsys.readouterr().out == "no tokens but the local operator's\n"
    assert cli.main(["token", "add", "alice", "--role", "trader", *at]) == 0
    token = capsys.readouterr().out.strip()
    alice = Principals("c" * 43, tmp_path / "tokens.json").whose(token)
    assert alice == Principal("alice", Role.TRADER)
    assert cli.main(["token", "add", "alice", "--role", "risk", *at]) == 1
    assert "name 'alice' has a token already" in capsys.readouterr().err
    assert cli.main(["token", "list", *at]) == 0
    assert capsys.readouterr().out.split() == ["alice", "trader"]
    assert cli.main(["token", "revoke", "bob", *at]) == 1
    assert "there are: alice" in capsys.readouterr().err
    assert cli.main(["token", "revoke", "alice", *at]) == 0
    assert Principals("c" * 43, tmp_path / "tokens.json").whose(token) is None


@pytest.mark.parametrize("words", [["add"], ["add", "x"], ["revoke"]])
def test_a_token_verb_that_says_too_little_is_told_what_is_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert cli.main(["token", *words, "--state", str(tmp_path)]) == 2
    assert "allowed is add NAME --role ROLE, revoke NAME, or list" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())
