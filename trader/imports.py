"""Loading modules without looking for garbage among them, and algebra without threads.

What a module defines stays for as long as the process does. Looking through it again and again,
while hundreds of modules are loaded, is a third of a start's work; and every full look afterwards,
within a running loop, would take the longer for it.
"""

import gc
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

# What the builds of numpy read once, as they are loaded.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


def calculate_alone(environment: MutableMapping[str, str]) -> None:
    """Have numpy, which is not loaded yet, calculate in the thread that asks it.

    A second thread waits for a core that something else may have, and the event loop for it: the
    covariance of 100 instruments took 52 ms on a machine of two busy cores, and 2 ms alone. And
    sums come out the same every time.
    """
    for name in _THREADS:
        environment.setdefault(name, "1")


@contextmanager
def kept() -> Iterator[None]:
    """Collect nothing while modules are loaded, and never look at them again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
