"""The page of refusals is current and leaves out no code, and its gateway codes exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.core.risk.cases import CASES
from trader.core.risk import Approved, review
from trader.core.risk.codes import CODES
from trader.core.risk.gateway_codes import Code
from trader.core.risk.reference import reference

ROOT = Path(__file__).resolve().parents[4]


def test_the_page_is_the_one_that_the_script_would_write() -> None:
    page = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")
    assert page == reference(), "run scripts/make_refusals_reference.py"


@pytest.mark.parametrize("row", CODES, ids=lambda row: row.code)
def test_every_code_has_its_paragraph(row: Code) -> None:
    page = reference()
    assert page.count(f"### {row.code}\n") == 1
    assert row.sentence in page
    assert row.remedy in page


@pytest.mark.parametrize(
    "row", [row for row in CODES if row.topic != "gateway"], ids=lambda r: r.code
)
def test_an_example_has_the_form_of_what_is_really_said(row: Code) -> None:
    verdict = review(*CASES[row.code](1))
    assert not isinstance(verdict, Approved)
    said = re.sub(r"[-\d.E+]+", "0", verdict.text.removeprefix(f"{row.code}: "))
    example = re.sub(r"[-\d.E+]+", "0", row.example)
    assert example.split(", allowed is ")[1].split()[0] == said.split(", allowed is ")[1].split()[0]


@pytest.mark.parametrize(
    "row", [row for row in CODES if row.topic == "gateway"], ids=lambda r: r.code
)
def test_a_code_of_the_gateway_is_met_in_its_tests(row: Code) -> None:
    folder = ROOT / "tests" / "unit" / "engine" / "orders"
    paths = (*folder.glob("test_gateway*.py"), folder / "test_amender.py")
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    assert f'"{row.code}"' in text
