"""Loading modules without looking for garbage among them.

What a module defines stays for as long as the process does. Looking through it again and again,
while hundreds of modules are loaded, is a third of a start's work; and every full look afterwards,
within a running loop, would take the longer for it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
