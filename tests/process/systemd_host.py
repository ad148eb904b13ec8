"""A host with a real systemd as PID 1, booted in a second out of this machine's own files.

An overlay over ``/`` and one ``unshare``: what the host writes goes to the overlay, its network,
processes and mounts are its own. The project stands in /opt/trader as its unit expects it, with
the interpreter and the packages that run this test. ``power_cut`` kills PID 1; the next ``boot``
finds what the disk held. Needs root, util-linux and systemd; ``missing`` says what is not there.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.process.harness import PATIENCE_S, ROOT, die_with_parent, tail, until

SYSTEMD = Path("/lib/systemd/systemd")
PYTHON = "/opt/trader/.venv/bin/python"
# What the boot script exits with when the kernel refuses it a host: a skip, not a failure.
_REFUSED = 77
_TOOLS = ("unshare", "nsenter", "mount", "pivot_root", "useradd", "setpriv", "ldconfig")
# systemd's word for "halt the system", as a signal to PID 1.
_POWER_OFF = signal.SIGRTMIN + 4
# They would wait for a network and a clock service that this host does not have.
_MASKED = (
    "systemd-networkd-wait-online.service",
    "NetworkManager-wait-online.service",
    "systemd-time-wait-sync.service",
)
_TARGET = "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n"

# $1 the root to be, $2 the cgroup's name, the rest pairs of a folder here and its place there.
_BOOT = r"""
refuse() { echo "refused: $1" >&2; exit 77; }
root=$1 name=$2; shift 2
# A cgroup below our own in each hierarchy, so that what runs here stays in our accounting.
while IFS=: read -r _ hierarchy path; do
  hierarchy=${hierarchy#name=}
  [ "$hierarchy" = cpuset ] && continue
  base=/sys/fs/cgroup/$hierarchy
  [ -n "$hierarchy" ] || { base=/sys/fs/cgroup/unified; [ -d $base ] || base=/sys/fs/cgroup; }
  mkdir -p "$base${path%/}/$name" && echo $$ > "$base${path%/}/$name/cgroup.procs" ||
    refuse "a cgroup in $base"
done < /proc/self/cgroup
export root
exec unshare --mount --propagation private --pid --fork --kill-child --uts --ipc --net --cgroup \
  bash -c '
refuse() { echo "refused: $1" >&2; exit 77; }
try() { "$@" || refuse "$*"; }
while [ $# -gt 0 ]; do
  try mkdir -p "$root$2"; try mount --bind "$1" "$root$2"
  try mount -o remount,bind,ro "$root$2"; shift 2
done
try mount --rbind "$root" "$root"; cd "$root"
try mount -t proc proc proc
try mount --bind proc/sys proc/sys; try mount -o remount,bind,ro proc/sys
# Read-only, or the device manager would think that the machine is its own.
try mount -t sysfs -o ro sysfs sys
try mount -t tmpfs tmpfs run; try mount -t tmpfs tmpfs tmp
if [ -d /sys/fs/cgroup/unified ]; then
  try mount -t tmpfs tmpfs sys/fs/cgroup; mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
  try mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
  try mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
else
  try mount -t cgroup2 cgroup2 sys/fs/cgroup
fi
try mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
  touch dev/$node; try mount --bind /dev/$node dev/$node
done
mkdir dev/pts dev/shm
try mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
try mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
mkdir -p .old; try pivot_root . .old; try umount -l /.old; try mount --make-rshared /
exec env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --unit=test-host.target
' boot "$@"
"""


class Refused(Exception):
    """This kernel or container does not let us have a host; the message says at which step."""


def missing() -> str | None:
    """Say what a real systemd would need and this machine does not have."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "a host with systemd needs Linux and root (to unshare and mount)"
    tools = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if tools or not SYSTEMD.exists():
        return f"not installed: {', '.join([*tools, *([] if SYSTEMD.exists() else ['systemd'])])}"
    return None


@dataclass
class SystemdHost:
    """One host; ``folder`` holds its disk and its console."""

    folder: Path
    leader: int = 0
    boot_s: float = 0.0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def disk(self) -> Path:
        """Return where its disk is mounted here."""
        return self.folder / "disk"

    @property
    def root(self) -> Path:
        """Return its root directory, as seen from outside."""
        return self.disk / "root"

    @property
    def console(self) -> Path:
        """Return what PID 1 wrote."""
        return self.folder / "console.log"

    @property
    def _cgroup(self) -> str:
        return f"trader-test-{os.getpid()}"

    # ---- power

    def build(self) -> None:
        """Make the disk: an overlay over this machine's root. Raises Refused."""
        self.disk.mkdir(parents=True)
        _mount("-t", "tmpfs", "-o", "size=512m", "tmpfs", self.disk)
        for name in ("upper", "work", "root"):
            (self.disk / name).mkdir()
        layers = f"lowerdir=/,upperdir={self.disk}/upper,workdir={self.disk}/work"
        _mount("-t", "overlay", "-o", layers, "overlay", self.root)
        units = self.root / "etc/systemd/system"
        units.mkdir(parents=True, exist_ok=True)
        (units / "test-host.target").write_text(_TARGET)
        for name in _MASKED:
            (units / name).unlink(missing_ok=True)
            (units / name).symlink_to("/dev/null")
        # A machine of its own, with a journal that survives a boot.
        (self.root / "etc/machine-id").unlink(missing_ok=True)
        (self.root / "etc/machine-id").write_text("")
        (self.root / "var/log/journal").mkdir(parents=True, exist_ok=True)
        self._install_interpreter()

    def _install_interpreter(self) -> None:
        """Make /opt/trader/.venv: our interpreter, out of any home directory, and our packages."""
        venv = self.root / "opt/trader/.venv"
        (venv / "bin").mkdir(parents=True)
        (venv / "pyvenv.cfg").write_text("home = /opt/python/bin\n")
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        (venv / "bin/python").symlink_to(f"/opt/python/bin/{name}")
        # An interpreter with a shared library looks for it where it was built, in somebody's home;
        # first in the list, for the distribution may have a library of the same name.
        (self.root / "etc/ld.so.conf.d/000-python.conf").write_text("/opt/python/lib\n")

    def _mounts(self) -> list[str]:
        packages = f"/opt/trader/.venv/lib/python{sys.version_info.major}.{sys.version_info.minor}"
        places = {
            sys.base_prefix: "/opt/python",
            sysconfig.get_path("purelib"): f"{packages}/site-packages",
            str(ROOT / "trader"): "/opt/trader/trader",
            str(ROOT / "scripts"): "/opt/trader/scripts",
        }
        return [word for pair in places.items() for word in pair]

    def boot(self) -> None:
        """Switch on and wait until every job of the start is done. Raises Refused."""
        started_s = time.monotonic()
        words = ["bash", "-c", _BOOT, "boot", str(self.root), self._cgroup, *self._mounts()]
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                # Of unshare, which takes PID 1 with it.
                preexec_fn=die_with_parent,  # noqa: PLW1509 - the tests have one thread
            )
        self.leader = until("PID 1 is systemd", self._find_leader)
        states = ("running", "degraded")
        self.run("ldconfig")
        until("booted", lambda: self.run("systemctl", "is-system-running").strip() in states)
        self.boot_s = time.monotonic() - started_s

    def _find_leader(self) -> int | None:
        assert self._process is not None
        if (code := self._process.poll()) is not None:
            why = tail(self.console)
            if code == _REFUSED or "unshare: " in why:
                raise Refused(why)
            raise AssertionError(f"PID 1 ended with {code}:\n{why}")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for child in children.read_text().split():
            # It may end between being listed, opened and read: the read itself says ESRCH then.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        return None

    def power_cut(self) -> None:
        """Kill PID 1, and with it everything on the host."""
        self._end(signal.SIGKILL)

    def power_off(self) -> None:
        """Shut down in order; a host that does not is killed."""
        if self._process is not None:
            try:
                self._end(_POWER_OFF)
            except subprocess.TimeoutExpired:
                self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            os.kill(self.leader or self._process.pid, number)
        self._process.wait(PATIENCE_S)
        self._process = None
        self.leader = 0

    def scrap(self) -> None:
        """Give back mounts and cgroups."""
        for path in (self.root, self.disk):
            subprocess.run(["umount", "--lazy", str(path)], check=False, capture_output=True)
        tops = set()
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, hierarchy, place = line.split(":", 2)
            for base in (hierarchy.removeprefix("name="), "unified", ""):
                tops.add(Path("/sys/fs/cgroup") / base / place.lstrip("/"))
        for top in tops:
            for group, _, _ in os.walk(top / self._cgroup, topdown=False):
                # A process that is still being reaped keeps its directory; nothing depends on it.
                subprocess.run(["rmdir", group], check=False, capture_output=True)

    # ---- words

    def run(self, *words: str, user: str = "root", check: bool = False) -> str:
        """Run a command on the host and return stdout and stderr."""
        namespaces = ["-m", "-p", "-n", "-i", "-u", "-C"]
        enter = ["nsenter", "-t", str(self.leader), *namespaces, "--root", "--wd"]
        enter += ["env", "-i", "-C", "/opt/trader", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        if user != "root":
            enter += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        done = subprocess.run(
            [*enter, *words],
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_S,
            check=False,
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def show(self, unit: str) -> dict[str, str]:
        """Return every property of a unit."""
        lines = self.run("systemctl", "show", unit).splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def journal(self, *words: str) -> list[dict[str, Any]]:
        """Return journal entries of this boot, oldest first."""
        self.run("journalctl", "--sync")
        text = self.run("journalctl", "--boot", "--output=json", "--quiet", *words, check=True)
        return [json.loads(line) for line in text.splitlines()]

    def get(self, port: int, path: str) -> Any:
        """Ask for a URL on the host's loopback; the JSON body, or None without an answer."""
        return self._http(port, "GET", path)

    def post(self, port: int, path: str, **body: object) -> Any:
        """Post JSON to a port on the host's loopback; an answer must come."""
        answer = self._http(port, "POST", path, json.dumps(body))
        assert answer is not None, f"no answer from {path}"
        return answer

    def _http(self, port: int, method: str, path: str, body: str = "") -> Any:
        # The network namespace alone: our own interpreter runs there.
        enter = ["nsenter", "-t", str(self.leader), "--net", sys.executable, "-I", "-S", "-c"]
        done = subprocess.run(
            [*enter, _ASK, str(port), method, path, body],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None


_ASK = """
import http.client, sys
port, method, path, body = sys.argv[1:]
connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
try:
    connection.request(method, path, body or None)
    sys.stdout.write(connection.getresponse().read().decode())
except OSError as error:
    sys.exit(str(error))
"""


def _mount(*words: str | Path) -> None:
    done = subprocess.run(
        ["mount", *map(str, words)], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    if done.returncode:
        raise Refused(f"mount {' '.join(map(str, words))}: {done.stderr.strip()}")


@contextmanager
def booted(folder: Path) -> Iterator[SystemdHost]:
    """Give a host that runs, and take it down again. Raises Refused."""
    host = SystemdHost(folder)
    try:
        host.build()
        host.boot()
        yield host
    finally:
        host.power_off()
        host.scrap()
