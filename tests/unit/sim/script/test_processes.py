"""A host without processes refuses every wish for one and says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from trader.sim.script.inputs import InputError
from trader.sim.script.processes import NoProcesses

WISHES: list[tuple[str, Callable[[NoProcesses], Any]]] = [
    ("child", lambda none: none.start("bot")),
    ("child", lambda none: none.restart(None, "KILL", 0.0)),
    ("child", lambda none: none.send("bot", "KILL")),
    ("child", lambda none: none.freeze("bot", 1.0)),
    ("child", lambda none: none.limit_files("bot", 0, 0.0)),
    ("file", lambda none: none.lock("journal", 1.0)),
    ("file", lambda none: none.unlock(None)),
]


@pytest.mark.parametrize(("field", "wish"), WISHES)
def test_every_wish_is_refused(field: str, wish: Callable[[NoProcesses], Any]) -> None:
    with pytest.raises(InputError, match="under virtual time there are no processes") as caught:
        wish(NoProcesses())
    assert caught.value.field == field


def test_there_is_nothing_to_tell() -> None:
    none = NoProcesses()
    assert none.state(None) is none.state("bot") is None
    assert none.report() == {"children": [], "locked": []}
