"""What every simulated day starts from."""

from __future__ import annotations

import os

import pytest

from tests.simulation.run import Wish, load_configuration, unfit


@pytest.fixture(scope="session")
def wish() -> Wish:
    """Give the production configuration; skip where Python has a SQLite of its own."""
    problem = unfit()
    if problem and not os.environ.get("TRADER_CI"):
        pytest.skip(problem)
    assert not problem, problem
    return Wish(load_configuration())
