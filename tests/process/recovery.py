"""How long a daemon takes to be well again after one of the worst incidents, held and told.

The worst are named with their bounds in tests/incidents/incidents.yaml; with RECOVERIES in the
environment each measurement is added to that file, from which docs/incidents.md is made.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.incidents.table import worst


@contextmanager
def recovery(incident: str) -> Iterator[None]:
    """Measure what is waited for inside: from the end of the fault until all is well."""
    bound_s = {row.name: row.bound_s for row in worst()}.get(incident[:7].upper())
    began_s = time.monotonic()
    yield
    took_s = time.monotonic() - began_s
    if bound_s is None:
        return
    print(f"{incident}: recovered in {took_s:.1f} s")
    assert took_s <= bound_s, f"{incident}: recovered in {took_s:.1f} s, allowed are {bound_s:g} s"
    if told := os.environ.get("RECOVERIES"):
        with Path(told).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"incident": incident[:7].upper(), "took_s": took_s}) + "\n")
