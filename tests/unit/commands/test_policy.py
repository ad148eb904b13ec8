"""The risk policy is shown with its seal, and signed by a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.config.support import write_files
from trader import cli


def test_a_policy_is_shown_signed_and_shown_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(tmp_path)
    words = ["--file", str(tmp_path / "targets.yaml")]
    assert cli.main(["policy", "show", *words]) == 0
    before = capsys.readouterr().out
    assert '"quantity_max": "500"' in before
    assert "not signed: " in before
    assert cli.main(["policy", "sign", *words, "--by", "Ada", "--role", "CTO"]) == 0
    seal, signed = capsys.readouterr().out.splitlines()
    assert seal.startswith("seal ")
    assert seal in before
    assert signed.startswith("signed by Ada, CTO, 20")
    assert cli.main(["policy", "show", *words]) == 0
    assert signed in capsys.readouterr().out


@pytest.mark.parametrize(
    ("limits", "words", "problem"),
    [
        ({"order__quantity_max": 5000}, [], "order.quantity_max 5000 is above position"),
        ({"order__quantity_max": "x"}, [], "order.quantity_max is 'x', allowed is a number"),
        ({}, ["--by", " "], "by is ' ', allowed is"),
    ],
)
def test_a_policy_that_is_none_is_not_signed(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    limits: dict[str, Any],
    words: list[str],
    problem: str,
) -> None:
    write_files(tmp_path, **limits)
    file = tmp_path / "targets.yaml"
    assert cli.main(["policy", "sign", "--file", str(file), *words]) == 1
    assert problem in capsys.readouterr().err
    assert not list(tmp_path.glob("*.sig"))
