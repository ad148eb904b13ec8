"""One journal for one state directory, whichever command asks and whatever the shell knows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.ops.test_reach import REACH
from tests.unit.store.test_tickets import ONE, TWO, journal_of
from trader import cli
from trader.commands.journal_place import journal_of as place_of
from trader.config import ConfigError
from trader.ops.reach import REACH_FILE_NAME, write_reach
from trader.store.verify import verified

COMMANDS = (
    ("tickets", "list"),
    ("tickets", "show", ONE.ticket_id),
    ("verify",),
    ("why", "no-such-intent"),
    ("quarantine", "list"),
    ("quarantine", "show", "no-such-letter"),
    ("archive",),
    ("backup", "--to", "{tmp}/made.db"),
    ("restore", "{tmp}/copy.db", "--reason", "r"),
)


@pytest.fixture(autouse=True)
def _without_the_shells_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state whose own journal has one ticket; that of the other disk has another."""
    (tmp_path / "state").mkdir()
    journal_of(tmp_path / "state" / "journal.db", TWO)
    journal_of(tmp_path / "other.db", ONE)
    shutil.copy(tmp_path / "other.db", tmp_path / "copy.db")
    return tmp_path / "state"


def opened(state: Path, journal: str | None) -> None:
    write_reach(state / REACH_FILE_NAME, REACH._replace(journal=journal))


def asked(state: Path, words: tuple[str, ...]) -> int:
    told = [word.format(tmp=state.parent) for word in words]
    return cli.main([*told, "--state", str(state)])


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "-".join(words[:2]))
@pytest.mark.parametrize("how", ["by the shell", "by the last start"])
def test_every_command_takes_the_journal_of_the_daemon(
    state: Path,
    words: tuple[str, ...],
    how: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = state.parent / "other.db"
    # Nobody's by now: whoever looks at it says so.
    (state / "journal.db").write_bytes(b"stale" * 400)
    if how == "by the shell":
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{other}")
    else:
        opened(state, str(other))
    code = asked(state, words)
    told = capsys.readouterr()
    if words[-1].startswith("no-such"):
        assert (code, words[-1] in told.err) == (1, True)
    else:
        assert code == 0, told.err
    assert (state / "journal.db").read_bytes() == b"stale" * 400
    if words[0] == "restore":
        assert verified(other).journal != verified(state.parent / "copy.db").journal
    elif words[0] == "tickets":
        assert ONE.ticket_id in told.out
    elif words[0] == "quarantine":
        assert "nothing is in the quarantine" in told.out or code == 1
    elif words[0] != "why":
        assert str(other) in told.out


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: "-".join(words[:2]))
def test_where_shell_and_daemon_differ_nobody_guesses(
    state: Path,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The shell of the real daemon, in the state of a demo: neither is told of the other."""
    other = state.parent / "other.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{other}")
    opened(state, "")
    before = [path.read_bytes() for path in (other, state / "journal.db")]
    assert asked(state, words) in (1, 2)
    told = capsys.readouterr()
    assert f"DATABASE_URL names {other}" in told.err
    assert f"has opened {state / 'journal.db'}: allowed is" in told.err
    assert [path.read_bytes() for path in (other, state / "journal.db")] == before
    assert not (state.parent / "made.db").exists()


def test_a_copied_state_has_the_copied_journal(state: Path) -> None:
    opened(state, "")
    copy = state.parent / "copied"
    shutil.copytree(state, copy)
    assert place_of(copy, {}) == copy / "journal.db"


def test_a_journal_that_is_gone_stands_in_nobodys_way(state: Path, tmp_path: Path) -> None:
    moved = {"DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}"}
    opened(state, str(tmp_path / "dead disk" / "journal.db"))
    assert place_of(state, moved) == tmp_path / "other.db"
    opened(state, "")
    with pytest.raises(ConfigError):
        place_of(state, moved)
    (state / "journal.db").unlink()
    assert place_of(state, moved) == tmp_path / "other.db"


@pytest.mark.parametrize("said", [None, "no file", "a daemon of before"])
def test_without_a_word_of_the_last_start_it_is_as_the_daemon_would_take_it(
    state: Path, tmp_path: Path, said: str | None
) -> None:
    if said == "no file":
        (state / REACH_FILE_NAME).write_text("{}")
    elif said is not None:
        opened(state, None)
    assert place_of(state, {}) == state / "journal.db"
    named = {"DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}"}
    assert place_of(state, named) == tmp_path / "other.db"


def test_links_to_one_file_are_one_file(state: Path, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(state / "journal.db")
    opened(state, "")
    named = {"DATABASE_URL": f"sqlite:///{tmp_path / 'link.db'}"}
    assert place_of(state, named) == tmp_path / "link.db"
