"""What a drill does to a process and its files is what it says, and ends when it says."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trader.chaos_drill.scene import Scene
from trader.drill_stage import DrillStopped, Json, Stage
from trader.ops.halt_record import read_bounded, verdict

WRITER = """
import sys, time
while True:
    try:
        with open(sys.argv[1], "wb") as file:
            file.write(b"x" * 65536)
    except OSError:
        pass
    time.sleep(0.01)
"""


def a_scene(folder: Path) -> Scene:
    scene = Scene(Stage(folder, {"PATH": "/usr/bin"}, 1))
    scene.stage.state.mkdir()
    return scene


def begun(scene: Scene, *words: str) -> None:
    scene.stage.daemon = subprocess.Popen(
        [sys.executable, "-c", *words],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def eventually(path: Path, size: int) -> bool:
    end_s = time.monotonic() + 20
    while time.monotonic() < end_s:
        if path.exists() and path.stat().st_size == size:
            return True
        time.sleep(0.01)
    return False


def test_a_process_whose_files_are_limited_writes_so_far_and_later_all(tmp_path: Path) -> None:
    scene, path = a_scene(tmp_path), tmp_path / "file"
    begun(scene, WRITER, str(path))
    try:
        assert eventually(path, 65536)
        scene.limit_files(4096)
        assert eventually(path, 4096)
        assert not scene.has_ended()
        scene.unlimit_files()
        assert eventually(path, 65536)
    finally:
        scene.stage.end()
    assert scene.has_ended()


def test_a_daemon_that_has_ended_is_named_with_its_code(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    (tmp_path / "daemon.log").write_text("one\ntwo\n")
    assert scene.has_ended()
    begun(scene, "import sys; sys.exit(4)")
    assert scene.stage.daemon is not None
    scene.stage.daemon.wait(20)
    for act in (scene.limit_files, scene.unlimit_files, scene.end_daemon):
        with pytest.raises(DrillStopped, match=r"has ended with 4: one \| two"):
            act()
    scene.stage.end()


def test_the_end_in_order_is_asked_for_and_its_code_told(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    code = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(3)); print(flush=True)"
    begun(scene, f"{code}; time.sleep(60)")
    daemon = scene.stage.daemon
    assert daemon is not None
    assert daemon.stdout is not None
    daemon.stdout.readline()
    assert scene.end_daemon() == 3
    scene.stage.end()


def test_one_that_is_stopped_is_ended_all_the_same(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    begun(scene, "import time; time.sleep(60)")
    assert scene.stage.daemon is not None
    scene.stage.daemon.send_signal(signal.SIGSTOP)
    scene.stage.end()
    assert scene.stage.daemon.returncode == -signal.SIGKILL


def test_a_lost_and_a_spoiled_halt_file_both_halt(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    path = scene.stage.state / "HALT"
    path.write_text(json.dumps({"active": False}))
    scene.spoil_halt_file()
    assert verdict(read_bounded(path))[0]
    scene.lose_halt_file()
    assert not path.exists()


def test_the_kill_switch_that_fails_stops_the_drill(tmp_path: Path) -> None:
    scene = a_scene(tmp_path)
    # No daemon runs that could prove that a resume is safe.
    with pytest.raises(DrillStopped, match="the kill switch ended with 1"):
        scene.resume()
    scene.halt()
    assert verdict(read_bounded(scene.stage.state / "HALT"))[0]


def test_a_watch_ends_with_the_first_answer_or_with_its_patience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = a_scene(tmp_path)
    statuses: list[Json] = [{}, {"a": 0}, {"a": 7}]
    monkeypatch.setattr(Stage, "status", lambda _: statuses.pop(0) if statuses else {})
    assert scene.watch(20.0, lambda status: status.get("a")) == 0
    assert scene.watch(0.2, lambda status: status.get("b")) is None
    assert scene.await_well(0.0) is None


def test_a_tool_sees_nothing_of_the_operators_environment(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {"PATH": "/usr/bin", "DATABASE_URL": "sqlite:////live.db"}, 1)
    done = Scene(stage).tool("verify", "--state", str(tmp_path))
    assert done.returncode == 2
    assert str(tmp_path) in done.stderr
    assert "live.db" not in done.stderr
