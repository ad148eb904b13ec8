"""What a shell asks of the daemon, and how it is told that nobody answered."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from trader.commands.asking import NOT_DONE, add_state, ask, endpoint_of, timeout


def given(state: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_state(parser)
    parser.add_argument("--timeout", type=timeout, default=60.0)
    return parser.parse_args(["--state", str(state)])


def test_without_a_daemon_nobody_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert endpoint_of(tmp_path) is None
    assert ask(given(tmp_path), "adopt", {"reason": "r", "by": "me"}) == NOT_DONE
    told = capsys.readouterr()
    line = f"trader: no daemon is running for {tmp_path} (choose with --state)\n"
    assert (told.out, told.err) == ("", 2 * line)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "soon", "3601", "inf"])
def test_a_timeout_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="allowed is above 0, up to 3600"):
        timeout(text)


def test_a_timeout_is_in_seconds() -> None:
    assert timeout("0.5") == 0.5
