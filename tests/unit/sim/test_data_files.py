"""The simulator's price files keep their promises: same dates, sane bars, made by the script."""

from __future__ import annotations

import csv
import itertools
import runpy
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DATA_DIR = ROOT / "trader" / "sim" / "data"
SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT", "VIX")
BYTES_MAX = 500_000


def rows(symbol: str) -> list[dict[str, str]]:
    with (DATA_DIR / f"{symbol}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_files_are_exactly_the_listed_symbols() -> None:
    assert sorted(path.stem for path in DATA_DIR.glob("*.csv")) == sorted(SYMBOLS)


def test_all_files_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in DATA_DIR.glob("*.csv")) < BYTES_MAX


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_header_is_the_agreed_one(symbol: str) -> None:
    with (DATA_DIR / f"{symbol}.csv").open(encoding="utf-8") as file:
        assert file.readline() == "date,open,high,low,close,volume\n"


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_dates_ascend_and_are_the_same_in_every_file(symbol: str) -> None:
    dates = [date.fromisoformat(row["date"]) for row in rows(symbol)]
    assert dates == sorted(set(dates))
    assert dates == [date.fromisoformat(row["date"]) for row in rows(SYMBOLS[0])]
    assert 2 * 250 <= len(dates) <= 5 * 262


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_every_bar_holds_its_own_prices(symbol: str) -> None:
    for row in rows(symbol):
        prices = {name: Decimal(row[name]) for name in ("open", "high", "low", "close")}
        assert 0 < prices["low"] <= min(prices["open"], prices["close"]), row
        assert max(prices["open"], prices["close"]) <= prices["high"], row
        exponents = [price.as_tuple().exponent for price in prices.values()]
        assert all(isinstance(places, int) and -4 <= places <= 0 for places in exponents), row
        assert row["volume"].isdecimal(), row


def test_the_shares_fall_far_enough_to_reach_every_loss_limit() -> None:
    closes = [Decimal(row["close"]) for row in rows("AAPL")]
    day_moves = [later / earlier - 1 for earlier, later in itertools.pairwise(closes)]
    peak, drawdown = closes[0], Decimal(0)
    for close in closes:
        peak = max(peak, close)
        drawdown = max(drawdown, 1 - close / peak)
    assert min(day_moves) < Decimal("-0.05")
    assert drawdown > Decimal("0.15")


def test_the_files_are_what_the_script_makes() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "make_price_data.py"))["files"]()
    for name, text in made.items():
        assert (DATA_DIR / name).read_text(encoding="utf-8") == text, f"{name} was edited by hand"
