"""Strategies of a file of their own take the place of the settings', or are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.config.support import loaded
from trader.config import ConfigError
from trader.config.strategies_file import with_strategies


def a_file(folder: Path, body: object) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(body))
    return path


def test_they_take_the_place_of_the_settings_and_nothing_else_changes(tmp_path: Path) -> None:
    config = loaded(tmp_path, mode="shadow")
    (tmp_path / "code").mkdir()
    body = {"strategies": {"folder": "code", "momentum": {"symbols": ["IBM"], "quantity": 5}}}
    found = with_strategies(config, a_file(tmp_path, body))
    assert found.settings.strategies.momentum is not None
    assert found.settings.strategies.momentum.symbols == ("IBM",)
    assert found.settings.strategies.folder == tmp_path / "code"
    assert found.policy is config.policy
    rest = {"strategies": config.settings.strategies}
    assert found.settings.model_copy(update=rest) == config.settings


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"momentum": {}}, "allowed is the section strategies alone"),
        ({"strategies": {"momentum": {"symbols": ["IBM"], "quantity": -5}}}, "quantity"),
        ({"strategies": {"momentum": {"symbols": ["NOPE"], "quantity": 5}}}, "'NOPE'"),
        ({"strategies": {"other": {}}}, "other"),
        ({"strategies": 7}, "mine.yaml"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(tmp_path: Path, body: object, problem: str) -> None:
    config = loaded(tmp_path, mode="shadow")
    with pytest.raises(ConfigError, match=problem) as raised:
        with_strategies(config, a_file(tmp_path, body))
    assert all("mine.yaml" in line for line in raised.value.problems)
