"""Events as they come: the last ones, then each new one once, until nobody reads."""

from __future__ import annotations

import json
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.unit.commands.support import PATIENCE_S, ROOT
from tests.unit.commands.test_listing import journal
from tests.unit.core.factories import a_status, an_intent, at, planned, reviewed
from tests.unit.store.support import put
from trader import cli
from trader.commands import tail
from trader.core import events as ev
from trader.core.ids import OrderId, Seq
from trader.store.latest import behind, newest
from trader.terminal import Reader

Said = pytest.CaptureFixture[str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "journal.db"
    journal(found, reviewed(an_intent()), planned(an_intent(), 1), ev.OrderSent(OrderId(1)))
    return found


def add(path: Path, number: int, event: ev.Event) -> None:
    with closing(sqlite3.connect(path)) as db:
        put(db, ev.Recorded(Seq(number), at(number), event))
        db.commit()


def test_the_last_events_are_shown_in_words(path: Path, capsys: Said) -> None:
    assert cli.main(["tail", "-n", "2", "--journal", str(path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:4] == ["2", "2026-03-02", "15:00:02.000000", "OrderPlanned"]
    assert "BUY" in first
    assert second.split()[3:] == ["OrderSent", "1"]


def test_kinds_are_chosen_and_told_whole_as_json(path: Path, capsys: Said) -> None:
    words = ["tail", "--json", "--kind", "OrderSent", "--journal", str(path)]
    assert cli.main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "seq": 3,
        "at_utc": "2026-03-02T15:00:03.000Z",
        "kind": "OrderSent",
        "text": "1",
        "event": {"order_id": 1},
    }


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--kind", "Sent"], "argument --kind: is Sent, allowed is one of AccountBaselined, "),
        (["-n", "-1"], "argument -n: is -1, allowed is 0 to 10000"),
    ],
)
def test_what_makes_no_sense_is_refused(capsys: Said, words: list[str], problem: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["tail", *words])
    assert ended.value.code == 2
    assert problem in capsys.readouterr().err


@contextmanager
def following(path: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "trader", "tail", "-f", *words, "--journal", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def test_each_new_event_is_shown_once_and_it_ends_when_nobody_reads(path: Path) -> None:
    with following(path, "-n", "1") as process:
        assert process.stdout is not None
        assert "OrderSent" in process.stdout.readline()
        add(path, 4, a_status(1))
        told = process.stdout.readline().split()
        assert (told[0], told[3:]) == ("4", ["OrderStatusSeen", "1:", "Submitted,", "0", "filled"])
        add(path, 5, ev.OrderSent(OrderId(9)))
        assert process.stdout.readline().split()[0] == "5"
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 0


def test_an_event_between_the_last_ones_and_the_next_look_is_shown(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its kind there was none yet: what comes while that is found out is new."""
    began: list[int] = []

    def first(place: Path, count: int, kinds: Sequence[str] = ()) -> tuple[ev.Recorded, ...]:
        rows = newest(place, count, kinds)
        if kinds:
            add(path, 4, a_status(1))
        return rows

    async def noted(_given: object, _path: Path, last: Seq) -> None:
        began.append(last)

    monkeypatch.setattr(tail, "newest", first)
    monkeypatch.setattr(tail, "_follow", noted)
    assert cli.main(["tail", "-f", "--kind", "OrderStatusSeen", "--journal", str(path)]) == 0
    assert began == [3]


def test_what_was_looked_through_for_a_kind_is_not_looked_through_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def noted(place: Path, last: Seq, kinds: Sequence[str] = ()) -> tuple[ev.Recorded, ...]:
        asked.append(last)
        rows = behind(place, last, kinds)
        add(path, 3 + len(asked), ev.OrderSent(OrderId(9)))
        return rows

    monkeypatch.setattr(tail, "behind", noted)
    monkeypatch.setattr(Reader, "has_left", lambda _: len(asked) == 3)
    assert cli.main(["tail", "-f", "--kind", "OrderStatusSeen", "--journal", str(path)]) == 0
    assert asked == [3, 3, 4]


def test_an_event_is_one_line_whatever_the_broker_writes(path: Path, capsys: Said) -> None:
    text = "no\n9  forged\x1b[2J"
    add(path, 4, ev.OrderErrorSeen(OrderId(1), 201, text, ev.Evidence.REJECTS_NEW))
    assert cli.main(["tail", "-n", "1", "--journal", str(path)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.isprintable()
    assert "201 no 9  forged" in line


def test_what_was_there_is_not_shown_where_no_last_one_is_asked_for(path: Path) -> None:
    with following(path, "-n", "0") as process:
        assert process.stdout is not None
        # Nobody says when it has looked first: events come until one is shown.
        number, end_s = 3, time.monotonic() + PATIENCE_S
        while not select.select([process.stdout], [], [], 0.05)[0]:
            assert time.monotonic() < end_s, "nothing is shown"
            number += 1
            add(path, number, ev.OrderSent(OrderId(number)))
        assert int(process.stdout.readline().split()[0]) > 3
