"""Loading modules: nothing is collected meanwhile, and what was loaded is not looked at again."""

from __future__ import annotations

import gc

import pytest

from trader.imports import kept


def test_nothing_is_collected_while_modules_are_loaded_and_all_of_it_stays() -> None:
    before = gc.get_freeze_count()
    try:
        with kept():
            assert not gc.isenabled()
            loaded = [[number] for number in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() - before >= len(loaded)
    finally:
        gc.unfreeze()


def test_it_is_as_before_after_a_module_that_cannot_be_loaded() -> None:
    try:
        with pytest.raises(ImportError), kept():
            raise ImportError
        assert gc.isenabled()
        gc.disable()
        with kept():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
