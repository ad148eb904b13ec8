"""Declared processes start, feel signals, find a full disk, and never outlive the simulator."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sim.host.test_server import until
from tests.unit.sim.support import ACCOUNT
from trader.sim.host import children as module
from trader.sim.host.children import Children
from trader.sim.script.inputs import InputError
from trader.sim.settings import Declared, Settings, SettingsError

ROOT = Path(__file__).resolve().parents[4]
SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEPER
# A file of a byte a time; what cannot be written is told.
WRITER = """
import sys, time
print('up', flush=True)
while True:
    try:
        with open(sys.argv[1], 'ab', buffering=0) as file:
            file.write(b'x')
        print('written', flush=True)
    except OSError as error:
        print('failed', error.errno, flush=True)
    time.sleep(0.01)
"""
# The log is a file and takes nothing either: cat, which has no limit, writes it.
PIPED = """
import subprocess
sys.stdout = subprocess.Popen(['cat'], stdin=subprocess.PIPE, text=True).stdin
"""
# A child of its own, which ignores the end of its parent.
NEST = """
import subprocess, sys, time
nested = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
print('up', nested.pid, flush=True)
time.sleep(600)
"""

pytestmark = [pytest.mark.process]


def declared(name: str, source: str, *words: str, is_later: bool = False) -> Declared:
    return Declared(name, (sys.executable, "-c", source, *words), is_later)


@contextlib.asynccontextmanager
async def running(logs: Path, *children: Declared) -> AsyncIterator[Children]:
    settings = Settings(account=ACCOUNT, seed=1, children=children, child_logs=logs)
    found = Children(settings, asyncio.get_running_loop())
    found.check()
    found.begin({"SIM_PORT": "7"})
    try:
        yield found
    finally:
        await found.end()


def of(found: Children, name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = found.report()["children"]
    return next(row for row in rows if row["name"] == name)


def said(logs: Path, name: str) -> str:
    path = logs / f"{name}.log"
    return path.read_text() if path.exists() else ""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_child_starts_and_the_one_for_later_does_not(tmp_path: Path) -> None:
    source = "import os; print('up', os.environ['SIM_PORT'], os.getsid(0) == os.getpid())"
    later = declared("late", SLEEPER, is_later=True)
    async with running(tmp_path, declared("bot", source), later) as found:
        await until(lambda: found.state("bot") == "ended")
        assert said(tmp_path, "bot") == "up 7 True\n"
        row = of(found, "bot")
        assert (row["pid"], row["starts"], row["ends"][0]["code"]) == (None, 1, 0)
        assert of(found, "late")["state"] == found.state("late") == "waiting"
        assert found.state(None) == "ended"
        assert found.start("late")["state"] == "running"
        with pytest.raises(InputError, match="a child that does not run"):
            found.start("late")
        pid = of(found, "late")["pid"]
        assert is_alive(pid)
    assert not is_alive(pid)


async def test_a_kill_returns_when_the_child_is_dead(tmp_path: Path) -> None:
    async with running(tmp_path, declared("bot", SLEEPER)) as found:
        pid = of(found, "bot")["pid"]
        changes: list[str | None] = []
        found.on_change = lambda: changes.append(found.state("bot"))
        assert found.send("bot", "KILL") == {"child": "bot", "pid": None, "state": "ended"}
        assert not is_alive(pid)
        assert changes == ["ended"]
        assert [end["code"] for end in of(found, "bot")["ends"]] == [-9]
        with pytest.raises(InputError, match="it has ended with -9"):
            found.send("bot", "TERM")
        with pytest.raises(InputError, match="it has ended with -9"):
            found.freeze("bot", 1)


@pytest.mark.parametrize(("name", "code"), [("KILL", -9), ("TERM", -15), ("INT", 130)])
async def test_a_restart_ends_the_child_and_starts_it_again(
    tmp_path: Path, name: str, code: int
) -> None:
    source = f"import signal, sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(130));{SLEEPER}"
    async with running(tmp_path, declared("bot", source)) as found:
        await until(lambda: "up" in said(tmp_path, "bot"))
        found.restart(None, name, 0.05)
        await until(lambda: of(found, "bot")["starts"] == 2)
        row = of(found, "bot")
        assert (row["state"], [end["code"] for end in row["ends"]]) == ("running", [code])
        found.send("bot", "KILL")
        # It has not been asked for again.
        await asyncio.sleep(0.1)
        assert found.state("bot") == "ended"
        found.restart("bot", name, 0.0)
        await until(lambda: of(found, "bot")["starts"] == 3)


async def test_a_frozen_child_stands_still_and_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path, declared("bot", WRITER, str(tmp_path / "file"))) as found:
        await until(lambda: "written" in said(tmp_path, "bot"))
        assert found.freeze("bot", 0.3)["state"] == "frozen"
        await asyncio.sleep(0.05)
        before = said(tmp_path, "bot")
        await asyncio.sleep(0.1)
        assert said(tmp_path, "bot") == before
        await until(lambda: found.state("bot") == "running")
        await until(lambda: len(said(tmp_path, "bot")) > len(before))
        found.send("bot", "STOP")
        assert found.state("bot") == "frozen"
        # An end is felt by one that stands still, too.
        found.send("bot", "TERM")
        await until(lambda: found.state("bot") == "ended")
        assert of(found, "bot")["ends"][0]["code"] == -15


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process need Linux")
async def test_a_full_disk_takes_nothing_until_it_is_lifted(tmp_path: Path) -> None:
    file = tmp_path / "file"
    source = WRITER.replace("print('up', flush=True)", PIPED)
    async with running(tmp_path, declared("bot", source, str(file))) as found:
        await until(lambda: "written" in said(tmp_path, "bot"))
        assert found.limit_files("bot", 0, 0)["bytes"] == 0
        assert of(found, "bot")["file_bytes_max"] == 0
        await until(lambda: "failed 27" in said(tmp_path, "bot"))
        size = file.stat().st_size
        await asyncio.sleep(0.05)
        assert file.stat().st_size == size
        found.limit_files("bot", None, 0)
        await until(lambda: file.stat().st_size > size)
        found.limit_files("bot", 0, 0.05)
        await until(lambda: of(found, "bot")["file_bytes_max"] is None)
        size = file.stat().st_size
        await until(lambda: file.stat().st_size > size)


async def test_what_a_child_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    async with running(tmp_path, declared("bot", NEST)) as found:
        await until(lambda: "up" in said(tmp_path, "bot"))
        nested = int(said(tmp_path, "bot").split()[1])
        assert is_alive(nested)
        # Its leader alone, from outside.
        os.kill(of(found, "bot")["pid"], signal.SIGKILL)
        await until(lambda: not is_alive(nested))
        await until(lambda: found.state("bot") == "ended")


async def test_one_that_does_not_end_is_killed_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "END_S_MAX", 0.2)
    async with running(tmp_path, declared("bot", STUBBORN), declared("two", SLEEPER)) as found:
        await until(lambda: "up" in said(tmp_path, "bot") and "up" in said(tmp_path, "two"))
        found.freeze("two", 600)
    assert [of(found, name)["ends"][0]["code"] for name in ("bot", "two")] == [-9, -15]


async def test_nothing_starts_once_the_simulator_ends(tmp_path: Path) -> None:
    async with running(tmp_path, declared("bot", SLEEPER)) as found:
        found.restart("bot", "KILL", 0.05)
    await asyncio.sleep(0.1)
    assert of(found, "bot")["starts"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help needs Linux")
def test_a_child_dies_with_a_simulator_that_is_killed(tmp_path: Path) -> None:
    words = ["--port", "0", "--seed", "1", "--child-logs", str(tmp_path)]
    words += ["--child", f'bot={sys.executable} -c "{SLEEPER}"']
    with subprocess.Popen(
        [sys.executable, "-m", "trader.sim", *words], cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as simulator:  # fmt: skip
        assert simulator.stderr is not None
        line = simulator.stderr.readline()
        pid = int(line.rpartition("pid ")[2])
        assert is_alive(pid)
        simulator.kill()
        asyncio.run(until(lambda: not is_alive(pid)))


async def test_a_child_that_is_not_declared_is_refused_with_those_that_are(tmp_path: Path) -> None:
    async with running(tmp_path, declared("bot", SLEEPER)) as found:
        with pytest.raises(InputError, match="'sh' is not allowed; allowed: bot"):
            found.start("sh")
        assert found.state("sh") is None
    async with running(tmp_path) as none:
        with pytest.raises(InputError, match=r"--child NAME='COMMAND \.\.\.'"):
            none.restart(None, "KILL", 0.0)
        assert none.state(None) is None


async def test_a_command_that_is_no_program_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    settings = Settings(account=ACCOUNT, seed=1, children=(Declared("bot", ("/no/such/program",)),))
    with pytest.raises(SettingsError, match="bot=/no/such/program is not allowed"):
        Children(settings, asyncio.get_running_loop()).check()
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    with pytest.raises(InputError, match="a command that can be started"):
        async with running(tmp_path, Declared("bot", (str(broken),))):
            pass
