"""A strategy is found and made, or it is said which setting is wrong and what is allowed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from trader.config import strategy_loading
from trader.config.strategy_loading import GROUP, StrategyUnusable, made, strategy_class

MODULE = '''
import sys
from pydantic import Field
from trader.strategies.own import OwnStrategy, Parameters

class Some(Parameters):
    count: int = Field(ge=1, le=5)
    share: float = 0.5

class Mine(OwnStrategy[Some]):
    """Mine."""
    Parameters = Some

class Waits(Mine):
    async def on_quote(self, quote, context):
        pass

class WantsBars(Mine):
    bar_spec = "1 min"

class EndsBefore(Mine):
    closing_s = -1

class Unready(Mine):
    @property
    def bar_spec(self):
        return self.spec

class Fails(Mine):
    def __init__(self, name, symbols, parameters):
        raise RuntimeError("no\\nluck")

class Ends(Mine):
    def __init__(self, name, symbols, parameters):
        sys.exit("bye")

class Half:
    def on_quote(self, quote, context):
        pass

THREE = 3
'''


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder with modules, and forget both behind the test."""
    (tmp_path / "mine_for_a_test.py").write_text(MODULE)
    (tmp_path / "broken_for_a_test.py").write_text("import nowhere_at_all\n")
    (tmp_path / "ending_for_a_test.py").write_text("raise SystemExit(3)\n")
    path = [*sys.path]
    yield tmp_path
    sys.path[:] = path
    for name in ("mine_for_a_test", "broken_for_a_test", "ending_for_a_test"):
        sys.modules.pop(name, None)


def refused(use: str, folder: Path | None) -> StrategyUnusable:
    with pytest.raises(StrategyUnusable) as caught:
        strategy_class(use, folder)
    assert caught.value.field == "use"
    assert use in str(caught.value)
    return caught.value


def test_an_import_path_leads_to_a_class_that_is_made_with_its_parameters(folder: Path) -> None:
    strategy = made(strategy_class("mine_for_a_test:Mine", folder), "mine", ("AAPL",), {"count": 2})
    assert (strategy.name, strategy.symbols) == ("mine", ("AAPL",))
    parameters: Any = vars(strategy)["parameters"]
    assert (parameters.count, parameters.share) == (2, 0.5)


def test_what_is_installed_comes_before_the_folder(folder: Path) -> None:
    (folder / "json.py").write_text("raise AssertionError('taken from the folder')\n")
    assert strategy_class("mine_for_a_test:Mine", folder).__name__ == "Mine"
    assert sys.path[-1] == str(folder)
    strategy_class("mine_for_a_test:Mine", folder)
    assert sys.path.count(str(folder)) == 1


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ("mine_for_a_test:Nobody", "a class that mine_for_a_test has"),
        ("mine_for_a_test:", "a class that mine_for_a_test has"),
        ("mine_for_a_test:THREE", "it is int"),
        (
            "mine_for_a_test:Half",
            "it has no on_start, on_fill, on_order, on_session",
        ),
        ("mine_for_a_test:Waits", "async is on_quote"),
        ("nothing_for_a_test:Mine", "No module named 'nothing_for_a_test'"),
        ("broken_for_a_test:Mine", "No module named 'nowhere_at_all'"),
        ("ending_for_a_test:Mine", "SystemExit: 3"),
        (":Mine", "the import fails"),
        ("mine", f"an entry point of {GROUP}: none is installed"),
    ],
)
def test_what_is_no_strategy_is_named_with_what_is_allowed(
    use: str, words: str, folder: Path
) -> None:
    assert words in str(refused(use, folder))


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({}, "parameters.count", "not given"),
        ({"count": 6}, "parameters.count", "6, allowed is: input should be less than"),
        ({"count": "x"}, "parameters.count", "'x', allowed is: input should be a valid integer"),
        ({"count": 1, "cuont": 1}, "parameters.cuont", "there is no such parameter"),
    ],
)
def test_a_wrong_parameter_is_named(
    values: dict[str, object], field: str, words: str, folder: Path
) -> None:
    cls = strategy_class("mine_for_a_test:Mine", folder)
    with pytest.raises(StrategyUnusable) as caught:
        made(cls, "mine", ("AAPL",), values)
    assert caught.value.field == field
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["api_key", "token", "MyPassword"])
def test_what_may_be_a_secret_is_not_told(name: str, folder: Path) -> None:
    cls = strategy_class("mine_for_a_test:Mine", folder)
    with pytest.raises(StrategyUnusable) as caught:
        made(cls, "mine", ("AAPL",), {"count": 1, name: "hush-hush"})
    assert caught.value.field == f"parameters.{name}"
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("WantsBars", "bar_spec is '1 min', allowed is a BarSpec or None"),
        ("EndsBefore", "closing_s is -1, allowed are seconds from 0 on"),
        ("Unready", "cannot be made: AttributeError"),
    ],
)
def test_what_it_wants_of_the_market_is_checked(name: str, words: str, folder: Path) -> None:
    cls = strategy_class(f"mine_for_a_test:{name}", folder)
    with pytest.raises(StrategyUnusable) as caught:
        made(cls, "mine", ("AAPL",), {"count": 1})
    assert words in str(caught.value)


@pytest.mark.parametrize(("name", "words"), [("Fails", "RuntimeError: no luck"), ("Ends", "bye")])
def test_whatever_its_own_code_raises_is_told_in_one_line(
    name: str, words: str, folder: Path
) -> None:
    cls = strategy_class(f"mine_for_a_test:{name}", folder)
    with pytest.raises(StrategyUnusable, match="cannot be made") as caught:
        made(cls, "mine", ("AAPL",), {"count": 1})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_entry_point_is_a_name_for_an_import_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [
        EntryPoint("mine", "mine_for_a_test:Mine", GROUP),
        EntryPoint("gone", "mine_for_a_test:Gone", GROUP),
    ]
    monkeypatch.setattr(
        strategy_loading, "entry_points", lambda group: known if group == GROUP else []
    )
    assert strategy_class("mine", folder).__name__ == "Mine"
    assert "AttributeError" in str(refused("gone", folder))
    assert f"an entry point of {GROUP}: gone, mine" in str(refused("other", folder))
