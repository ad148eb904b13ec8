"""Price files are read exactly, and a bad one is refused with its name and line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from trader.sim.market.history import HistoryError, load_directory, load_file

HEADER = "date,open,high,low,close,volume\n"
GOOD = "2020-01-02,10.00,11.50,9.50,10.25,1000\n2020-01-03,10.25,10.50,10.00,10.40,900\n"


def write(directory: Path, symbol: str, text: str) -> Path:
    file = directory / f"{symbol}.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_prices_are_read_as_decimals(tmp_path: Path) -> None:
    first, second = load_file(write(tmp_path, "AAPL", HEADER + GOOD))
    assert first.day == date(2020, 1, 2)
    assert (first.high, first.volume) == (Decimal("11.50"), 1000)
    assert second.close == Decimal("10.40")


def test_only_the_dates_that_all_symbols_have_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "AAPL", HEADER + GOOD + "2020-01-06,1,2,1,2,3\n")
    write(tmp_path, "IBM", HEADER + GOOD)
    loaded = load_directory(tmp_path)
    assert list(loaded) == ["AAPL", "IBM"]
    assert {len(days) for days in loaded.values()} == {2}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "day,open\n",
        HEADER,
        HEADER + "2020-01-02,10,9,9,10,1\n",
        HEADER + "2020-01-02,10,11,9,x,1\n",
        HEADER + "2020-01-02,10,11,9\n",
        HEADER + "2020-01-02,10,11,9,nan,1\n",
        HEADER + "2020-01-02,10,11,-9,10,1\n",
        HEADER + "2020-01-02,10,11,9,10,-1\n",
        HEADER + "2020-01-03,10,11,9,10,1\n2020-01-02,10,11,9,10,1\n",
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(HistoryError, match=r"AAPL\.csv"):
        load_file(write(tmp_path, "AAPL", text))


def test_a_directory_without_prices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"no \*\.csv"):
        load_directory(tmp_path)


def test_files_without_common_dates_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "AAPL", HEADER + GOOD)
    write(tmp_path, "IBM", HEADER + "2021-01-04,1,2,1,2,3\n")
    with pytest.raises(HistoryError, match="share fewer"):
        load_directory(tmp_path)
