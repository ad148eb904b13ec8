"""Plays the runs that the selected tests ask for, once, before the first of them."""

from __future__ import annotations

import pytest

from tests.clients.runs import Outcome, Run, play_all


@pytest.fixture(scope="session")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcome]:
    """Return what became of each run that a selected test needs."""
    wanted: dict[str, Run] = {}
    for item in request.session.items:
        callspec = getattr(item, "callspec", None)
        run = callspec.params.get("run") if callspec is not None else None
        if isinstance(run, Run):
            wanted[run.name] = run
    return play_all(wanted.values(), tmp_path_factory.mktemp("clients"))
