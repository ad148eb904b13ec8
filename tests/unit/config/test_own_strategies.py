"""Strategies of somebody's own: made as the settings say, or each problem is told in a line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.config.support import loaded, problems_of, write_files
from trader.commands.check import check
from trader.config import load
from trader.config.own_strategies import may_short, own_strategies, own_strategy_problems
from trader.config.strategy_loading import SHIPPED

MODULE = """
from pydantic import Field
from trader.strategies.own import OwnStrategy, Parameters

class Some(Parameters):
    count: int = Field(default=1, ge=1, le=5)

class Mine(OwnStrategy[Some]):
    Parameters = Some

class Renamed(Mine):
    def __init__(self, name, symbols, parameters):
        super().__init__("other", symbols, parameters)

class Nameless(Mine):
    @property
    def name(self):
        raise RuntimeError("no name\\nyet")

class Fails(Mine):
    def __init__(self, name, symbols, parameters):
        raise RuntimeError("no luck")
"""
NAME = "own_for_a_test"


@pytest.fixture(autouse=True)
def _module(tmp_path: Path) -> Iterator[None]:
    (tmp_path / f"{NAME}.py").write_text(MODULE)
    path = [*sys.path]
    yield
    sys.path[:] = path
    sys.modules.pop(NAME, None)


def one(**changes: Any) -> dict[str, Any]:
    return {"name": "mine", "use": f"{NAME}:Mine", "symbols": ["AAPL", "VIX"], **changes}


def section(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"strategies": {"folder": ".", "own": list(rows), **more}}


def test_they_are_made_with_what_the_settings_say(tmp_path: Path) -> None:
    strategies = loaded(
        tmp_path, **section(one(parameters={"count": 4}, look_interval_s=0.5))
    ).settings.strategies
    assert own_strategy_problems(strategies) == []
    ((row, strategy),) = own_strategies(strategies)
    assert (strategy.name, strategy.symbols) == ("mine", ("AAPL", "VIX"))
    parameters: Any = vars(strategy)["parameters"]
    assert parameters.count == 4
    assert (row.look_interval_s, row.checkpoint_interval_s) == (0.5, 30.0)


def test_reading_the_settings_runs_nobodys_code(tmp_path: Path) -> None:
    """The kill switch and every other command read them as well."""
    (tmp_path / f"{NAME}.py").write_text("raise AssertionError('ran')\n")
    strategies = loaded(tmp_path, **section(one())).settings.strategies
    assert NAME not in sys.modules
    (problem,) = own_strategy_problems(strategies)
    assert "AssertionError: ran" in problem


def test_every_strategy_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    rows = (
        one(name="a", parameters={"count": 9}),
        one(name="b", use=f"{NAME}:Fails"),
        one(name="c", use="nowhere:Mine"),
        one(name="d", use=f"{NAME}:Renamed"),
        one(name="e"),
    )
    told = own_strategy_problems(loaded(tmp_path, **section(*rows)).settings.strategies)
    for words in (
        "strategies.own.0.parameters.count is 9, allowed is: input should be less than",
        "strategies.own.1 is cannot be made: RuntimeError: no luck",
        "strategies.own.2.use is 'nowhere:Mine', allowed is PACKAGE.MODULE:CLASS; the import fails",
        "strategies.own.3 is 'd' of AAPL, VIX, allowed is what the strategy says of itself: "
        "'other' of AAPL, VIX",
    ):
        assert [line for line in told if line.startswith(words)], (words, told)
    assert len(told) == 4


def test_one_that_cannot_say_its_name_is_refused_like_any_other(tmp_path: Path) -> None:
    settings = loaded(tmp_path, **section(one(use=f"{NAME}:Nameless"))).settings
    (problem,) = own_strategy_problems(settings.strategies)
    assert problem == "strategies.own.0 is cannot be made: RuntimeError: no name yet"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (one(name="Mine"), "strategies.own.0.name"),
        (one(name="a" * 17), "strategies.own.0.name"),
        (one(symbols=[]), "strategies.own.0.symbols"),
        (one(symbols=["TSLA"]), "strategies.own.0.symbols has 'TSLA', allowed are the assets"),
        (one(symbols=["IBM", "IBM"]), "strategies.own.0.symbols has IBM twice"),
        (one(name="momentum"), "strategies.own.0.name is 'momentum', allowed is a name that"),
        (one(name="operator"), "strategies.own.0.name is 'operator', allowed is a name that"),
        (one(name="api"), "strategies.own.0.name is 'api', allowed is a name that"),
        (one(look_interval_s=0), "strategies.own.0.look_interval_s"),
        (one(wishes_per_minute_max=0), "strategies.own.0.wishes_per_minute_max"),
        (one(paramters={}), "strategies.own.0.paramters"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    row: dict[str, Any], words: str, tmp_path: Path
) -> None:
    momentum = {"symbols": ["AAPL"], "quantity": 1}
    path = write_files(tmp_path, section(row, momentum=momentum))
    assert [line for line in problems_of(path) if words in line], problems_of(path)


def test_momentums_name_is_its_own_where_it_does_not_run_as_well(tmp_path: Path) -> None:
    (problem,) = problems_of(write_files(tmp_path, section(one(name="momentum"))))
    assert "strategies.own.0.name is 'momentum'" in problem


def test_names_are_used_once_and_the_folder_is_there(tmp_path: Path) -> None:
    twice = problems_of(write_files(tmp_path, section(one(), one())))
    assert sum("allowed is a name that nothing else has" in line for line in twice) == 2
    nowhere = problems_of(write_files(tmp_path, section(one(), folder="nowhere")))
    assert any("strategies.folder is" in line and "a directory that is there" in line
               for line in nowhere)  # fmt: skip


# ---- those that come with the program


def shipped(use: str, **changes: Any) -> dict[str, Any]:
    return one(name="shipped", use=use, symbols=["AAPL", "IBM"], **changes)


@pytest.mark.parametrize("use", SHIPPED)
def test_one_that_comes_with_the_program_is_named_by_its_class(tmp_path: Path, use: str) -> None:
    strategies = loaded(tmp_path, **section(shipped(use))).settings.strategies
    assert own_strategy_problems(strategies, may_short=True) == []
    ((_, strategy),) = own_strategies(strategies)
    assert type(strategy).__name__ == use
    assert (strategy.name, strategy.symbols) == ("shipped", ("AAPL", "IBM"))
    assert strategy.bar_spec is not None


def test_its_parameters_keep_to_their_ranges(tmp_path: Path) -> None:
    row = shipped("MeanReversionStrategy", parameters={"window": 3})
    (problem,) = own_strategy_problems(loaded(tmp_path, **section(row)).settings.strategies)
    assert problem.startswith("strategies.own.0.parameters.window is 3, allowed is:")


@pytest.mark.parametrize(
    ("policy", "fits"),
    [
        ({}, False),
        ({"position__is_short_allowed": True, "exposure__account_type": "reg_t"}, True),
        ({"position__is_short_allowed": True, "exposure__account_type": "cash"}, False),
    ],
)
def test_one_that_sells_short_is_refused_where_the_policy_would_refuse_its_orders(
    tmp_path: Path, policy: dict[str, Any], fits: bool
) -> None:
    """STR-06: a pair of which one leg is always refused would be bought in halves."""
    path = write_files(tmp_path, section(shipped("PairsTradingStrategy")), **policy)
    config = load(path, {})
    told = own_strategy_problems(config.settings.strategies, may_short=may_short(config.policy))
    assert [problem.field for problem in check(path, {}).problems] == (
        [] if fits else ["strategies.own.0.use"]
    )
    if not fits:
        (problem,) = told
        assert problem.startswith("strategies.own.0.use is 'PairsTradingStrategy', allowed is")
        assert "position.is_short_allowed: true" in problem


def test_one_that_may_sell_short_is_refused_only_when_it_does(tmp_path: Path) -> None:
    for does in (False, True):
        row = shipped("MeanReversionStrategy", parameters={"may_short": does})
        found = own_strategy_problems(loaded(tmp_path, **section(row)).settings.strategies)
        assert len(found) == does


def test_momentum_has_a_section_of_its_own(tmp_path: Path) -> None:
    row = shipped("MomentumStrategy")
    (problem,) = own_strategy_problems(loaded(tmp_path, **section(row)).settings.strategies)
    assert "MeanReversionStrategy" in problem
