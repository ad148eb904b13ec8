"""One environment for each third-party client, made on demand from its hashed lock file.

They live below `.venv-clients/` in the tree, which git ignores, and are reused while lock file and
interpreter are the same: a stamp, written last, says for which it was made. Only making one needs a
package index. What cannot be made skips the tests of that client with the reason; with
TRADER_CI=1 it fails them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "tests" / "clients"
KEPT_IN = ROOT / ".venv-clients"
INSTALL_S = 600


class MissingError(Exception):
    """An environment cannot be made here; the text says why."""


def python_of(lock: Path) -> Path:
    """Return the interpreter of the environment that holds exactly what a lock file says.

    Raises MissingError.
    """
    folder = KEPT_IN / lock.stem
    python = folder / "bin" / "python"
    with _made_for(folder, lock, platform.python_version()) as is_current:
        if not is_current:
            _make_python(folder, lock)
    return python


def node_modules_of(source: Path) -> Path:
    """Return the modules that package-lock.json in ``source`` names. Raises MissingError."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise MissingError("node and npm are needed for this client and not both installed")
    folder = KEPT_IN / source.name
    version = _run([node, "--version"]).strip()
    with _made_for(folder, source / "package-lock.json", version) as is_current:
        if not is_current:
            folder.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(source / name, folder / name)
            _run(
                [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
            )
    return folder / "node_modules"


def or_skip(error: MissingError) -> NoReturn:
    """Skip the test that needs it, or fail it where everything must run."""
    if os.environ.get("TRADER_CI") == "1":
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))


@contextmanager
def _made_for(folder: Path, lock: Path, version: str) -> Iterator[bool]:
    """Say whether the environment is current; stamp it when the body made it anew."""
    KEPT_IN.mkdir(exist_ok=True)
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    wanted = f"{digest} {version} {folder}\n"
    stamp = folder / ".stamp"
    with (KEPT_IN / f"{folder.name}.lock").open("w") as guard:
        # Another run of the tests may be making it.
        fcntl.flock(guard, fcntl.LOCK_EX)
        is_current = stamp.is_file() and stamp.read_text() == wanted
        if not is_current:
            shutil.rmtree(folder, ignore_errors=True)
        yield is_current
        if not is_current:
            stamp.write_text(wanted)


def _make_python(folder: Path, lock: Path) -> None:
    python = str(folder / "bin" / "python")
    uv = shutil.which("uv")
    if uv is not None:
        _run([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder)])
        install = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        _run([sys.executable, "-m", "venv", str(folder)])
        install = [
            python,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--no-input",
            "install",
            "-q",
        ]
    _run([*install, "--require-hashes", "--no-deps", "-r", str(lock)])


def _run(words: list[str]) -> str:
    # Certificates that this machine trusts count for uv as they do for pip.
    own = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=INSTALL_S, check=False, env=own
        )
    except subprocess.TimeoutExpired:
        raise MissingError(f"{words[0]} did not end within {INSTALL_S} s") from None
    if done.returncode != 0:
        raise MissingError(f"{' '.join(words)} failed: {(done.stderr or done.stdout)[-1500:]}")
    return done.stdout
