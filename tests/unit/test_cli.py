"""The command as a person types it: its words, its help, and what it loads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.commands.support import trader
from trader import __version__, cli

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "words",
    [[], ["dance"], ["run"], ["resume"], ["resume", "--reason", "x", "--timeout", "nan"],
     ["reconcile", "--timeout", "0"], ["baseline", "--timeout", "soon"]],
)  # fmt: skip
def test_wrong_usage_is_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert "usage: trader" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"trader {__version__}\n"


def test_help_warns_of_nothing() -> None:
    done = trader("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("run", "demo", "sim", "status", "halt", "resume", "baseline", "reconcile",
                    "cancel-orders", "tickets", "why", "token", "breakers", "reset",
                    "override", "review"):  # fmt: skip
        assert re.search(rf"^    {command}( |$)", done.stdout, re.M)


def test_sim_is_a_program_of_its_own() -> None:
    done = trader("sim", "--port", "99999")
    assert done.returncode == 2
    assert done.stderr == "trader.sim: port: 99999 is not allowed; allowed: 0 to 65535\n"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_a_module_and_tells_its_arguments(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.command_of(name).run.__doc__
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith(f"usage: trader {name} [-h] ")


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (["--version"], {"trader.config", "trader.ops", "asyncio"}),
        (["--help"], {"trader.config", "trader.ops", "asyncio"}),
        (["status"], {"trader.config", "trader.engine", "aiohttp", "ib_async", "pydantic"}),
        (["halt", "--help"], {"trader.config", "trader.engine", "aiohttp", "ib_async"}),
        (["run", "--config", "no-such-file"], {"trader.app", "aiohttp", "ib_async", "numpy"}),
    ],
    ids=lambda value: "-".join(value[:1]) if isinstance(value, list) else "",
)
def test_a_short_question_does_not_load_the_daemon(
    words: list[str], absent: set[str], tmp_path: Path
) -> None:
    code = (
        "import sys\nfrom trader import cli\n"
        "try:\n    cli.main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        f"print('loaded:', *sorted({absent!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "loaded:"
