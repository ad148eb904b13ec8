"""The completion scripts, asked in the shells themselves where they are installed."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.commands.support import trader
from trader import cli
from trader.commands.completion import Takes, bash, fish, place_of, zsh

# In bash: the words as readline hands them over, the last one being completed.
_BASH = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1))
_trader; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# In zsh: its builtin says what it was given, in place of a screen.
_ZSH = """
compadd() {{ [[ $1 == -- ]] && shift; print -l -- $@ }}
_describe() {{ print -l -- ${{(P)2}} }}
_files() {{ print files }}
source {script}
words=({words}); CURRENT=$#words
_trader
"""


def needs(shell: str) -> str:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"{shell} is not installed")
    return path


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, made = tmp_path_factory.mktemp("completion"), {}
    for shell in ("bash", "zsh", "fish"):
        done = trader("completion", shell)
        assert (done.returncode, done.stderr) == (0, "")
        made[shell] = folder / f"trader.{shell}"
        made[shell].write_text(done.stdout)
    return made


def asked(words: list[str], cwd: Path | None = None) -> list[str]:
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, timeout=20, cwd=cwd, env={"HOME": "/"}
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.fixture
def in_bash(scripts: dict[str, Path], tmp_path: Path):  # type: ignore[no-untyped-def]
    (tmp_path / "my settings.yaml").touch()
    path = needs("bash")

    def complete(words: str) -> list[str]:
        return asked(
            [path, "--norc", "-c", _BASH.format(script=scripts["bash"], words=words)], tmp_path
        )

    return complete


def test_bash_completes_every_command(in_bash) -> None:  # type: ignore[no-untyped-def]
    offered = in_bash("trader ''")
    assert set(cli.COMMANDS) <= set(offered)
    assert "sim" in offered


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("trader ru", ["run"]),
        ("trader tickets sh", ["show"]),
        ("trader completion ''", ["bash", "zsh", "fish"]),
        ("trader run --config my", ["my settings.yaml"]),
        ("trader run --config = my", ["my settings.yaml"]),
        ("trader verify --j", ["--json", "--journal"]),
        # The word behind --reason is no verb, and what follows it is an option.
        ("trader tickets adopt --reason list --time", ["--timeout"]),
        ("trader halt --reason ''", [""]),
        ("trader no-such-command --con", [""]),
    ],
)
def test_bash_completes_what_the_parser_takes(in_bash, words, wanted) -> None:  # type: ignore[no-untyped-def]
    assert sorted(in_bash(words)) == sorted(wanted)


def test_a_real_bash_completes_on_a_tab(scripts: dict[str, Path]) -> None:
    """The same through ``complete`` itself, as an interactive shell has it."""
    path = needs("bash")
    said = asked([path, "--norc", "-c", f"source {scripts['bash']}; complete -p trader"])
    assert said == ["complete -F _trader trader"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("trader completion ''", ["bash", "zsh", "fish"]),
        ("trader run --config ''", ["files"]),
        ("trader verify --", ["-h", "--help", "--json"]),
    ],
)
def test_zsh_completes_what_the_parser_takes(
    scripts: dict[str, Path], words: str, wanted: list[str]
) -> None:
    path = needs("zsh")
    told = asked([path, "-f", "-c", _ZSH.format(script=scripts["zsh"], words=words)])
    assert set(wanted) <= set(told)


def test_zsh_tells_what_each_command_is_for(scripts: dict[str, Path]) -> None:
    path = needs("zsh")
    told = asked([path, "-f", "-c", _ZSH.format(script=scripts["zsh"], words="trader ''")])
    assert "run:run the daemon" in told


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("trader ru", {"run\trun the daemon"}),
        ("trader completion ", {"bash", "zsh", "fish"}),
        ("trader tickets sh", {"show\tone ticket, and what can be done about it"}),
    ],
)
def test_fish_completes_what_the_parser_takes(
    scripts: dict[str, Path], line: str, wanted: set[str]
) -> None:
    path = needs("fish")
    told = asked([path, "--no-config", "-c", f'source {scripts["fish"]}; complete -C "{line}"'])
    assert set(told) == wanted


def test_an_option_knows_what_it_takes() -> None:
    parser = argparse.ArgumentParser(prog="trader")
    verb = parser.add_subparsers(dest="verb").add_parser("go", help="to 100%% of it")
    verb.add_argument("--file", type=Path)
    verb.add_argument("--how", choices=["fast", "it's slow"])
    verb.add_argument("--json", action="store_true")
    verb.add_argument("--watch", nargs="?", type=float)
    verb.add_argument("reason")
    (place,) = place_of(parser).verbs
    takes = {option.flags[-1]: option.value.takes for option in place.options}
    assert takes == {
        "--help": Takes.NOTHING, "--file": Takes.FILE, "--how": Takes.WORDS,
        "--json": Takes.NOTHING, "--watch": Takes.NOTHING,
    }  # fmt: skip
    assert (place.name, place.value.takes) == ("go", Takes.TEXT)
    for write in (bash, zsh, fish):
        assert write(place_of(parser)).count("\n") > 10


def test_a_shell_that_is_not_known_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["completion", "tcsh"])
    assert ended.value.code == 2
    assert "bash" in capsys.readouterr().err


def test_the_scripts_start_no_python(scripts: dict[str, Path]) -> None:
    for path in scripts.values():
        text = path.read_text()
        assert "python" not in text
        assert str(Path(sys.prefix)) not in text
