"""The real Prometheus and Alertmanager, by any of the names that they are installed under."""

from __future__ import annotations

import os
import shutil

import pytest

# Debian names the daemon of its package otherwise than upstream does.
_NAMES = {"alertmanager": ("alertmanager", "prometheus-alertmanager")}
_PACKAGES = {"alertmanager": "prometheus-alertmanager", "amtool": "prometheus-alertmanager"}


def _found(name: str) -> str | None:
    return next(filter(None, map(shutil.which, _NAMES.get(name, (name,)))), None)


def program(name: str) -> str:
    """Return the path of a program; fail where a test that needs it was not skipped."""
    found = _found(name)
    assert found is not None, f"{name} is missing: .ci/run installs it"
    return found


def needs(*names: str) -> pytest.MarkDecorator:
    """Skip a test where a program is missing, on a developer's machine alone."""
    missing = [name for name in names if _found(name) is None]
    packages = ", ".join(sorted({_PACKAGES.get(name, "prometheus") for name in missing}))
    return pytest.mark.skipif(
        bool(missing) and not os.environ.get("TRADER_CI"),
        reason=f"needs {', '.join(missing)} (Debian: {packages})",
    )
