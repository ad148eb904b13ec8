"""Loading modules: nothing is collected meanwhile, and what was loaded is not looked at again.

And what calculates for the daemon does so in its own thread.
"""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from trader.imports import calculate_alone, kept


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


def test_what_is_calculated_is_calculated_in_the_thread_that_asks() -> None:
    """Numpy, loaded afterwards, has no other thread to wait for."""
    code = (
        "import os\nfrom trader.imports import calculate_alone\ncalculate_alone(os.environ)\n"
        "import numpy as np\nlarge = np.ones((400, 400))\nlarge @ large\n"
        "print(len(os.listdir('/proc/self/task')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_whoever_has_set_the_number_of_threads_has_set_it() -> None:
    environment = {"OMP_NUM_THREADS": "4"}
    calculate_alone(environment)
    assert environment == {"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "1"}
