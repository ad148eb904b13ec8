"""Every command that reads settings is told of them in the same words."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from trader.commands.arguments import add_settings_arguments


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_settings_arguments(parser)
    return parser.parse_args(words)


def test_settings_are_a_file_an_account_and_overrides_in_their_order() -> None:
    given = parsed("--config", "a.yaml", "--account", "DU1", "--set", "a=1", "--set", "b=2")
    assert given.config == Path("a.yaml")
    assert given.account == "DU1"
    assert given.set == ["a=1", "b=2"]


def test_only_the_file_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    given = parsed("--config", "a.yaml")
    assert (given.account, given.set) == (None, [])
    with pytest.raises(SystemExit):
        parsed()
    assert "--config" in capsys.readouterr().err
