# shellcheck shell=bash
# Sourced, not run. `env_prepare runtime|dev` makes .venv hold exactly what the lock file says, or does nothing
# when it already does: the stamp in .venv names the lock file's hash, the Python version and this directory,
# and is written last, so an interrupted set-up is simply done again. Only a missing stamp needs the network.

env_root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
env_venv=$env_root/.venv
env_python=$env_venv/bin/python

# Print one line that says what is wrong and what to do, and stop.
env_die() {
  printf '%s\n' "$1" >&2
  exit 1
}

# Print the stamp that .venv should carry for a lock file; fail when there is no working .venv.
env_stamp() {
  [ -x "$env_python" ] && "$env_python" -I -c '
import hashlib, pathlib, platform, sys
lock = pathlib.Path(sys.argv[1])
print(hashlib.sha256(lock.read_bytes()).hexdigest(), platform.python_version(), sys.argv[2])
' "$1" "$env_root" 2>/dev/null
}

# Say whether .venv already holds this set of packages.
env_is_current() {
  local stamp=$env_venv/.stamp-$1 wanted
  [ -f "$stamp" ] && wanted=$(env_stamp "$env_root/$(env_lock_file "$1")") && [ "$wanted" = "$(cat "$stamp")" ]
}

env_lock_file() {
  if [ "$1" = dev ]; then echo requirements-dev.lock; else echo requirements.lock; fi
}

# Print the path of a Python 3.11, or nothing.
env_find_python() {
  local name
  for name in "${PYTHON:-}" python3.11 python3; do
    [ -n "$name" ] && "$name" -c '
import sys
if sys.version_info[:2] != (3, 11): sys.exit(1)
print(sys.executable)' 2>/dev/null && return
  done
  return 0
}

# Run a command with its output in a log and one calm line of progress; show the log's end if it fails.
env_step() {
  local what=$1 log=$env_venv.log started=$SECONDS told=0 elapsed pid status=0
  shift
  "$@" </dev/null >"$log" 2>&1 &
  pid=$!
  # A background child of a script ignores Ctrl-C, so it is ended here.
  trap 'kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; printf "\nset-up interrupted\n" >&2; exit 130' INT TERM
  while kill -0 "$pid" 2>/dev/null; do
    elapsed=$((SECONDS - started))
    if [ -t 2 ]; then
      printf '\r  %s ... %d s ' "$what" "$elapsed" >&2
    elif [ "$elapsed" -ge $((told + 5)) ]; then
      told=$elapsed
      printf '  %s ... %d s\n' "$what" "$elapsed" >&2
    fi
    sleep 0.1
  done
  wait "$pid" || status=$?
  trap - INT TERM
  [ ! -t 2 ] || printf '\r\033[K' >&2
  if [ "$status" -ne 0 ]; then
    printf 'set-up failed: %s (exit %d). The end of its output:\n' "$what" "$status" >&2
    tail -n 20 "$log" >&2
    printf 'Only the first set-up needs a package index. Nothing is half done: run the same command again.\n' >&2
    exit 1
  fi
  printf '  %s: %d s\n' "$what" $((SECONDS - started)) >&2
  rm -f "$log"
}

# Make an empty .venv, with uv where there is one (uv also knows how to bring a Python 3.11).
env_create() {
  local python
  python=$(env_find_python)
  rm -rf "$env_venv"
  if command -v uv >/dev/null 2>&1; then
    UV_SYSTEM_CERTS=1 env_step "making .venv" uv venv --quiet --no-project --python "${python:-3.11}" "$env_venv"
    return
  fi
  [ -n "$python" ] || env_die "trader needs Python 3.11, and neither \$PYTHON nor python3.11 nor python3 is one. \
Install it (Debian 12: apt-get install python3.11 python3.11-venv) or point PYTHON at it."
  "$python" -c 'import ensurepip, venv' 2>/dev/null || env_die "$python cannot make a virtual environment: \
its venv module is not installed. On Debian: apt-get install python3.11-venv"
  env_step "making .venv" "$python" -m venv "$env_venv"
}

# Install one lock file, each package checked against its hash.
env_install() {
  local lock=$env_root/$1 what
  what="installing $(grep -c '^[a-z]' "$lock") locked packages"
  if command -v uv >/dev/null 2>&1; then
    # Certificates that this machine trusts count for uv as they do for pip.
    UV_SYSTEM_CERTS=1 env_step "$what" uv pip install --python "$env_python" --require-hashes --no-deps --compile-bytecode -r "$lock"
  else
    env_step "$what" "$env_python" -m pip --disable-pip-version-check --no-input install \
      --require-hashes --no-deps -r "$lock"
  fi
}

# Let `import trader` and `.venv/bin/trader` mean this checkout; nothing of the project is copied.
env_link_checkout() {
  local site
  site=$("$env_python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))') || return 1
  printf '%s\n' "$env_root" >"$site/trader-checkout.pth" || return 1
  printf '#!/usr/bin/env bash\nexec %q -m trader "$@"\n' "$env_python" >"$env_venv/bin/trader" || return 1
  chmod +x "$env_venv/bin/trader"
}

env_build() {
  local kind=$1 lock stamp
  # Somebody else may have built it while we waited for the lock.
  if env_is_current "$kind"; then return; fi
  lock=$(env_lock_file "$kind")
  printf 'Setting up .venv (once; later runs need no network)\n' >&2
  # The dev set only adds to the runtime set, at the same versions, so it goes on top of a good one.
  env_is_current runtime || env_create
  env_install "$lock"
  # `set -e` does not reach in here, so each step says what a failure means.
  env_link_checkout || env_die "cannot write to .venv: delete it and try again."
  stamp=$(env_stamp "$env_root/$lock") || env_die ".venv was made but its Python does not run: delete it and try again."
  printf '%s\n' "$stamp" >"$env_venv/.stamp-$kind" || env_die "cannot write to .venv: delete it and try again."
}

env_prepare() {
  local kind=$1
  if env_is_current "$kind" || { [ "$kind" = runtime ] && env_is_current dev; }; then return; fi
  # A subshell holds the lock, so that nothing started later inherits it.
  (
    ! command -v flock >/dev/null 2>&1 || flock 9
    env_build "$kind"
  ) 9>"$env_root/.venv.lock" || exit $?
}
