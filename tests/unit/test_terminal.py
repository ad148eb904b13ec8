"""A reader who leaves: `trader ... | head`."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from trader.terminal import unheard

ROOT = Path(__file__).resolve().parents[2]
# Far more than a pipe holds, then one last line and the exit code of what was done.
_TALKS = """
import sys
from trader.terminal import unheard
with unheard():
    for _ in range(5000):
        print("x" * 100)
        print("y" * 100, file=sys.stderr)
sys.exit(3)
"""


def without_reader(*words: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command whose stdout nobody reads, from its first byte on."""
    command = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    assert command.stdout is not None
    command.stdout.close()
    assert command.stderr is not None
    told = command.stderr.read()
    command.stderr.close()
    return subprocess.CompletedProcess(words, command.wait(30), b"", told)


def test_what_was_done_keeps_its_exit_code_and_nothing_complains() -> None:
    done = without_reader("-c", _TALKS)
    assert done.returncode == 3
    assert set(done.stderr) == set(b"y\n")


@pytest.mark.parametrize("words", [["--help"], ["policy", "show"]], ids=" ".join)
def test_a_command_ends_as_with_a_reader(words: list[str]) -> None:
    done = without_reader("-m", "trader", *words)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("drill", ["kill_drill", "chaos_drill"])
def test_so_does_a_drill(drill: str) -> None:
    done = without_reader("-m", f"trader.{drill}", "--list")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["policy", "show"], 0),
        (["tail", "-f", "--state", "nowhere"], 1),
        (["status", "--watch", "0.1", "--state", "nowhere"], 0),
    ],
    ids=lambda words: str(words),
)
def test_a_stream_that_was_closed_from_the_start_is_no_fault(words: list[str], code: int) -> None:
    """As ``>&-`` closes it: nothing is printed, and nobody is shown a traceback."""
    closed = f"exec {shlex.join([sys.executable, '-m', 'trader', *words])} >&-"
    done = subprocess.run(
        ["/bin/sh", "-c", closed], stderr=subprocess.PIPE, cwd=ROOT, timeout=60, check=False
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (code, False), done.stderr


def test_a_stream_that_is_none_of_the_process_stays(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    with unheard():
        assert sys.stdout is before
        print("heard")
    assert capsys.readouterr().out == "heard\n"


def test_the_streams_are_those_of_before_afterwards() -> None:
    code = (
        "import sys\nfrom trader.terminal import unheard\nbefore = sys.stdout, sys.stderr\n"
        "with unheard():\n    print('one')\n"
        "assert (sys.stdout, sys.stderr) == before\nprint('two')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True)
    assert done.stdout == b"one\ntwo\n"
