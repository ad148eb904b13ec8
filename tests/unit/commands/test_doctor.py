"""``trader doctor`` as a person and as a program reads it."""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.commands.support import trader
from tests.unit.config.support import write_files
from trader import cli
from trader.commands.check import Report, problem_of
from trader.commands.doctor import judged_settings, lines_of
from trader.doctor.findings import Level, fail, ok, unknown
from trader.doctor.round import NAMES

Said = pytest.CaptureFixture[str]


@pytest.fixture
def config(tmp_path: Path) -> str:
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    return str(write_files(tmp_path, {"broker": {"port": port}}))


def test_without_a_gateway_it_says_so_and_what_to_do(config: str, capsys: Said) -> None:
    assert cli.main(["doctor", "--config", config]) == 1
    said = capsys.readouterr().out
    assert "FAIL     port " in said
    assert "do        start and log in to TWS or IB Gateway" in said
    assert "no look can tell" in said
    assert said.rstrip().endswith(" s")


def test_a_program_gets_every_finding_as_json(config: str, capsys: Said) -> None:
    assert cli.main(["doctor", "--config", config, "--json"]) == 1
    body = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in body["findings"]] == list(NAMES)
    assert set(body["findings"][0]) == {"name", "level", "seen", "expected", "todo"}
    assert sum(body["counts"].values()) == len(NAMES)
    assert body["is_ok"] is False
    assert body["unseen"]


def test_what_is_asked_for_alone_and_is_well_is_code_0(config: str, capsys: Said) -> None:
    assert cli.main(["doctor", "--config", config, "--only", "kill", "--only", "lock"]) == 0
    assert "2 ok in " in capsys.readouterr().out


def test_settings_that_cannot_be_used_are_code_2(config: str, capsys: Said) -> None:
    assert cli.main(["doctor", "--config", config, "--set", "broker.port=no"]) == 2
    said = capsys.readouterr()
    assert "broker.port is " in said.err
    assert "nothing was looked at" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "words", [["--only", "everything"], ["--client-id", "0"], ["--client-id", "seven"]]
)
def test_wrong_usage_is_code_2(config: str, words: list[str], capsys: Said) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["doctor", "--config", config, *words])
    assert ended.value.code == 2
    assert "usage: trader doctor" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["7", "1007", "1008"])
def test_it_never_comes_as_one_of_ours(config: str, number: str, capsys: Said) -> None:
    assert cli.main(["doctor", "--config", config, "--client-id", number]) == 2
    assert f"--client-id is {number}, allowed is none of" in capsys.readouterr().err


def test_a_hung_disk_does_not_keep_the_process(config: str, tmp_path: Path) -> None:
    """A FIFO that nobody writes stands for a disk that never answers."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.mkfifo(state / "lock", 0o600)
    done = trader("doctor", "--config", config, "--only", "lock", "--only", "memory")
    assert done.returncode == 1
    assert "unknown  lock" in done.stdout
    assert "memory" in done.stdout
    assert "1 unknown" in done.stdout.splitlines()[-1]


def test_findings_that_are_alike_share_a_line() -> None:
    lines = lines_of([unknown("a", "no link"), unknown("b", "no link"), ok("c", "well")])
    assert lines == [f"unknown  {'a, b':<22} no link", f"ok       {'c':<22} well"]


def test_what_others_wrote_is_shown_and_not_obeyed() -> None:
    (line,) = lines_of([ok("a", "red\x1b[31m\nnext")])
    assert "\x1b" not in line
    assert "\n" not in line


def test_a_finding_tells_what_was_expected_and_what_to_do() -> None:
    lines = lines_of([fail("port", "shut", "open", "open it")])
    assert [line.split(maxsplit=1)[0] for line in lines] == ["FAIL", "expected", "do"]


def test_the_settings_are_a_check_of_their_own() -> None:
    facts = (("mode", "paper"), ("account", "DU1"), ("broker", "h:1"))
    assert judged_settings(Report((), (), facts), {}).level is Level.OK
    assert judged_settings(Report((), ("not signed",), facts), {}).level is Level.WARN
    strange = judged_settings(Report((), (), facts), {"EXEC_DRYRUN": "1"})
    assert (strange.level, "EXEC_DRY_RUN?" in strange.seen) == (Level.WARN, True)
    broken = judged_settings(Report((problem_of("a is b"), problem_of("c is d"))), {})
    assert (broken.level, broken.seen) == (Level.FAIL, "a is b and 1 more")
