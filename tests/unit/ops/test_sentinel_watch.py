"""The daemon shows its sentinel as it is, and a live one without it calls somebody, once."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.unit.engine.world import Pages
from tests.unit.ops.support import FakeClock
from trader.core.halts import Mode
from trader.ops.heartbeat import Heartbeat
from trader.ops.sentinel_file import (
    SENTINEL_BEAT_FILE_NAME,
    SENTINEL_FILE_NAME,
    SentinelRecord,
    write_record,
)
from trader.ops.sentinel_watch import SentinelSettings, SentinelWatch

RECORD = SentinelRecord("watching", "alive", "the daemon lives", 0.0, "none", "", "now")


class Bench:
    """A watch over a state directory, its time by hand."""

    def __init__(self, state: Path, mode: Mode = Mode.LIVE) -> None:
        self.state = state
        self.clock = FakeClock()
        self.pages = Pages()
        self.ahead_s = 0.0
        self.watch = SentinelWatch(
            SentinelSettings(state, mode, silence_s=30.0, check_s=1.0),
            self.clock,
            self.pages,
            lambda: self.boot_s + self.ahead_s,
        )
        self.boot_s = 0.0

    def beat(self) -> None:
        """Let a sentinel live: this process stands for it."""
        heart = Heartbeat(self.state / SENTINEL_BEAT_FILE_NAME, os.getpid())
        heart.beat()
        heart.close()
        self.boot_s = time.clock_gettime(time.CLOCK_BOOTTIME)

    def pass_s(self, seconds: float) -> None:
        self.clock.now_s += seconds
        self.watch.look()


def test_a_sentinel_is_shown_with_its_last_look_and_its_limit(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.beat()
    write_record(tmp_path / SENTINEL_FILE_NAME, RECORD)
    seen = bench.watch.status()
    assert (seen.is_running, seen.state, seen.text) == (True, "watching", "the daemon lives")
    assert seen.look_age_s == pytest.approx(0.0, abs=1.0)
    assert (seen.silence_s_max, seen.warning, seen.outcome) == (30.0, "", "")


@pytest.mark.parametrize("mode", list(Mode))
def test_only_a_live_daemon_must_have_one(tmp_path: Path, mode: Mode) -> None:
    bench = Bench(tmp_path, mode)
    seen = bench.watch.status()
    assert not seen.is_running
    assert (seen.state, seen.look_age_s) == ("", None)
    assert bool(seen.warning) is (mode is Mode.LIVE)
    bench.pass_s(0)
    bench.pass_s(31)
    assert bench.pages.titles() == (["no sentinel"] if mode is Mode.LIVE else [])


def test_one_that_is_missing_is_told_once_until_it_is_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.pass_s(0)
    bench.pass_s(29)
    assert bench.pages.sent == []
    bench.pass_s(2)
    bench.pass_s(100)
    ((severity, title, text),) = bench.pages.sent
    assert (severity, title) == ("warning", "no sentinel")
    assert "nobody cancels for a daemon that is dead" in text
    bench.beat()
    bench.pass_s(2)
    (tmp_path / SENTINEL_BEAT_FILE_NAME).unlink()
    bench.pass_s(2)
    bench.pass_s(31)
    assert len(bench.pages.sent) == 2


def test_one_that_hangs_is_no_watch(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.beat()
    bench.ahead_s = 10.0
    seen = bench.watch.status()
    assert seen.is_running
    assert seen.look_age_s == pytest.approx(10.0, abs=1.0)
    assert seen.warning == "the sentinel has not looked for 10 s"


def test_what_it_did_is_shown_after_it_has_gone(tmp_path: Path) -> None:
    write_record(tmp_path / SENTINEL_FILE_NAME, RECORD._replace(state="done", outcome="cancelled"))
    seen = Bench(tmp_path).watch.status()
    assert (seen.is_running, seen.state, seen.outcome) == (False, "done", "cancelled")
