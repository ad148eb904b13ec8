"""``trader completion SHELL``: a script that completes the command's words, made from its parser.

The script is plain text: what a shell completes with it starts no Python, however much a command
loads. It is made anew after an upgrade, since it knows the words of the version that wrote it.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from shlex import quote

_INSTALL = """\
into the shell that is running:
  bash   source <(trader completion bash)
  zsh    source <(trader completion zsh)       (after compinit)
  fish   trader completion fish | source
for good:
  bash   trader completion bash > ~/.local/share/bash-completion/completions/trader
  zsh    trader completion zsh > a folder of $fpath, as _trader
  fish   trader completion fish > ~/.config/fish/completions/trader.fish
"""


class Takes(StrEnum):
    """What an option or an argument is followed by."""

    NOTHING = "nothing"
    FILE = "file"
    WORDS = "words"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Value:
    """What may stand at one place; ``words`` where there are only so many."""

    takes: Takes
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One option under all of its names."""

    flags: tuple[str, ...]
    value: Value
    help: str


@dataclass(frozen=True, slots=True)
class Place:
    """A command, a verb below one, or the program itself, whose path is empty."""

    path: tuple[str, ...]
    help: str
    options: tuple[Option, ...]
    verbs: tuple["Place", ...]
    value: Value

    def everywhere(self) -> Iterator["Place"]:
        """Give this place and all below it."""
        yield self
        for verb in self.verbs:
            yield from verb.everywhere()

    @property
    def name(self) -> str:
        """Return its path as it is typed."""
        return " ".join(self.path)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _INSTALL
    parser.add_argument("shell", choices=tuple(_WRITERS), help="whose words it is written in")


def run(given: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print the script of a shell; returns 0."""
    print(_WRITERS[given.shell](place_of(given.whole)), end="")
    return 0


# ---- what the parser knows


def place_of(parser: argparse.ArgumentParser, path: tuple[str, ...] = (), text: str = "") -> Place:
    """Return a parser's commands and options, as deep as they go."""
    options, verbs, value = [], [], Value(Takes.NOTHING)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {row.dest: row.help or "" for row in action._choices_actions}
            verbs = [
                place_of(below, (*path, name), helps.get(name, ""))
                for name, below in action.choices.items()
            ]
        elif action.option_strings:
            options.append(Option(tuple(action.option_strings), _value(action), _help(action)))
        elif value.takes is Takes.NOTHING:
            value = _value(action)
    return Place(path, text, tuple(options), tuple(verbs), value)


def _value(action: argparse.Action) -> Value:
    if action.choices is not None:
        return Value(Takes.WORDS, tuple(map(str, action.choices)))
    # "?" is an option that may stand alone: what comes behind it is taken as typed.
    if action.nargs in (0, "?") and action.option_strings:
        return Value(Takes.NOTHING)
    return Value(Takes.FILE if action.type is Path else Takes.TEXT)


def _help(action: argparse.Action) -> str:
    text = action.help if action.help and action.help != argparse.SUPPRESS else ""
    return text.replace("%%", "%")


# ---- bash and zsh: the same tables, as shell functions


def bash(root: Place) -> str:
    """Return the script for bash."""
    return f"""\
# bash completion of trader, made by `trader completion bash`.
{_tables(root)}
_trader() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
    local at="" verbs="" options="" kind="" values="" rest="" skip="" word
    COMPREPLY=()
    # bash takes --option=value apart into three words.
    if [[ $cur == "=" ]]; then
        cur=""
    elif [[ $prev == "=" ]]; then
        prev=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        _trader_walk "$word"
    done
    _trader_value "$at $prev"
    [[ -n $kind ]] || {{ _trader_place "$at"; kind=$rest; }}
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$cur"))
        return
    fi
    case $kind in
        file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        words) COMPREPLY=($(compgen -W "$values" -- "$cur")) ;;
        text) ;;
        *) COMPREPLY=($(compgen -W "$verbs $options" -- "$cur")) ;;
    esac
}}
complete -F _trader trader
"""


def zsh(root: Place) -> str:
    """Return the script for zsh."""
    helps = "\n".join(
        f"        {quote(place.name)}) told=("
        + " ".join(quote(f"{verb.path[-1]}:{verb.help}") for verb in place.verbs)
        + ") ;;"
        for place in root.everywhere()
        if place.verbs
    )
    return f"""\
#compdef trader
# zsh completion of trader, made by `trader completion zsh`.
{_tables(root)}
_trader() {{
    local cur=${{words[CURRENT]}} prev=${{words[CURRENT-1]}}
    local at="" verbs="" options="" kind="" values="" rest="" skip="" word
    local -a told
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        _trader_walk "$word"
    done
    _trader_value "$at $prev"
    [[ -n $kind ]] || {{ _trader_place "$at"; kind=$rest; }}
    if [[ $cur == -* ]]; then
        compadd -- ${{=options}}
        return
    fi
    case $kind in
        file) _files; return ;;
        words) compadd -- ${{=values}}; return ;;
        text) return ;;
    esac
    case $at in
{helps}
    esac
    if (( $#told )); then
        _describe command told
    else
        compadd -- ${{=options}}
    fi
}}
(( $+functions[compdef] )) && compdef _trader trader
"""


def _tables(root: Place) -> str:
    """Return the shell functions that say what there is at a place, and behind an option."""
    places, values = [], []
    for place in root.everywhere():
        flags = " ".join(flag for option in place.options for flag in option.flags)
        verbs = " ".join(verb.path[-1] for verb in place.verbs)
        takes = place.value.takes
        rest = "" if takes is Takes.NOTHING else takes
        words = f" values={quote(' '.join(place.value.words))}" if place.value.words else ""
        places.append(
            f"        {quote(place.name)}) verbs={quote(verbs)} options={quote(flags)}"
            f" rest={quote(rest)}{words} ;;"
        )
        for option in place.options:
            if option.value.takes is Takes.NOTHING:
                continue
            names = "|".join(quote(f"{place.name} {flag}") for flag in option.flags)
            given = quote(" ".join(option.value.words))
            values.append(f"        {names}) kind={option.value.takes} values={given} ;;")
    below = "|".join(quote(place.name) for place in root.everywhere() if place.path)
    return "\n".join(
        [
            "_trader_place() {", "    case $1 in", *places, "    esac", "}",
            "_trader_value() {", '    kind="" values=""', "    case $1 in", *values, "    esac",
            "}", "# Go one word further: to a verb, or over an option and its value.",
            "_trader_walk() {",
            '    [[ -z $skip ]] || { skip=""; [[ $1 == "=" ]] && skip=1; return; }',
            '    _trader_value "$at $1"', "    [[ -z $kind ]] || { skip=1; return; }",
            '    case "${at:+$at }$1" in', f"        {below}) at=${{at:+$at }}$1 ;;", "    esac",
            "}",
        ]
    )  # fmt: skip


# ---- fish


def fish(root: Place) -> str:
    """Return the script for fish."""
    taking = [
        f"{place.name} {flag}"
        for place in root.everywhere()
        for option in place.options
        if option.value.takes is not Takes.NOTHING
        for flag in option.flags
    ]
    names = [place.name for place in root.everywhere() if place.path]
    lines = [_fish_head(taking, names), "complete -c trader -f"]
    for place in root.everywhere():
        where = f"-n '__trader_at {_fish(place.name)}'"
        lines += [
            f"complete -c trader {where} -a {verb.path[-1]} -d {_fish(verb.help)}"
            for verb in place.verbs
        ]
        lines += [
            f"complete -c trader {where} {_fish_flags(option)}{_fish_value(option.value)}"
            f" -d {_fish(option.help)}"
            for option in place.options
        ]
        if place.value.takes is Takes.WORDS:
            lines.append(f"complete -c trader {where} -a {_fish(' '.join(place.value.words))}")
        elif place.value.takes is Takes.FILE:
            lines.append(f"complete -c trader {where} -F")
    return "\n".join(lines) + "\n"


def _fish_head(taking: Sequence[str], names: Sequence[str]) -> str:
    return f"""\
# fish completion of trader, made by `trader completion fish`.
set -g __trader_taking {" ".join(map(_fish, taking))}
set -g __trader_places {" ".join(map(_fish, names))}
function __trader_at
    set -l at
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- "$at $word" $__trader_taking
            set skip 1
        else if contains -- (string trim -- "$at $word") $__trader_places
            set at (string trim -- "$at $word")
        end
    end
    test "$at" = "$argv[1]"
end"""


def _fish_flags(option: Option) -> str:
    return " ".join(
        f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags
    )


def _fish_value(value: Value) -> str:
    match value.takes:
        case Takes.NOTHING:
            return ""
        case Takes.FILE:
            return " -r -F"
        case Takes.WORDS:
            return f" -x -a {_fish(' '.join(value.words))}"
        case Takes.TEXT:
            return " -x"


def _fish(text: str) -> str:
    """Quote for fish, within single quotes as well: an apostrophe becomes a typographic one."""
    for letter in ("\\", '"', "$"):
        text = text.replace(letter, "\\" + letter)
    return f'"{text}"'.replace("'", "\u2019")


_WRITERS: Mapping[str, Callable[[Place], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
