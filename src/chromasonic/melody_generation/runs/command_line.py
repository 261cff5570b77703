"""Commands that repeat a run or generate its melodies again, as text that can be pasted into a shell.

They hold names and values of other people. So they are quoted for the shell, and for Hydra, and are printable. Secret
values are masked.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from chromasonic.melody_generation.atomic_files import JsonObject, shown_path
from chromasonic.melody_generation.printing.masked_secrets import masked_option
from chromasonic.melody_generation.printing.printable_text import printable

_GROUPS = ("model", "dataset", "optimizer", "scheduler")
# All other options of the trainer decide where it runs and what it shows, not what it learns.
_TRAINER_OPTIONS = ("gradient_clip_val", "precision")
# Hydra reads other texts as numbers, lists and references, or not at all.
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./+-]*")
# An item of a list in YAML, read as text.
_PLAIN_ITEM = re.compile(r"[\w./](?:[\w./+ -]*[\w./+-])?")
_WORDS_OF_HYDRA = {"true", "false", "null", "nan", "inf"}
# Paths that the command line would read as something else.
_AMBIGUOUS_PATH = re.compile(r"[~\['\"]|null$|pretrained$|\?\?\?$")


def shell_command(*words: str) -> str:
    """Return the words of a command as one line that can be pasted into a shell.

    Example:
        >>> shell_command("chromasonic", "train", "resume=my run")
        "chromasonic train 'resume=my run'"
    """
    return shlex.join(printable(masked_option(word)) for word in words)


def path_option(name: str, path: Path) -> str:
    """Return an option with a path, as it is typed; a path that could be read as something else begins with ``./``.

    Example:
        >>> path_option("run", Path("outputs/a, b")), path_option("run", Path("~me"))
        ('run=outputs/a, b', 'run=./~me')
    """
    shown = shown_path(path)
    return f"{name}=./{shown}" if _AMBIGUOUS_PATH.match(shown) else f"{name}={shown}"


def paths_option(name: str, paths: Sequence[Path]) -> str:
    """Return an option with a list of paths, as it is typed; paths with commas, quotes and the like are quoted.

    Example:
        >>> paths_option("runs", [Path("outputs/a"), Path("outputs/b, c")])
        "runs=[outputs/a,'outputs/b, c']"
    """
    return f"{name}=[{','.join(in_list(path_option('', path).removeprefix('=')) for path in paths)}]"


def quoted_for_hydra(text: str) -> str:
    """Return a text as Hydra reads it on the command line, in quotes if need be.

    Example:
        >>> quoted_for_hydra("outputs/a"), quoted_for_hydra("a, [1]"), quoted_for_hydra("007")
        ('outputs/a', "'a, [1]'", "'007'")
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_HYDRA:
        return text
    # Backslashes are doubled before a quote, and before the end, only.
    return "'" + re.sub(r"(\\*)('|\Z)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), text) + "'"


def training_command(configuration: JsonObject) -> str:
    """Return the command that trains a run of this configuration.

    Args:
        configuration: The resolved configuration with its choices, as ``results.json`` has it.

    Example:
        >>> training_command({"choices": {"model": "lstm"}, "epochs": 3, "model": {"_target_": "x", "memory": True}})
        'chromasonic train model=lstm epochs=3 model.memory=true'
    """
    knobs = {name: value for name, value in configuration.items() if not isinstance(value, Mapping)}
    given = {**configuration.get("choices", {}), **knobs}
    for group in _GROUPS:
        if isinstance(configuration.get(group), Mapping):
            given |= dict(_nested(configuration[group], group, knobs))
    trainer = configuration.get("trainer")
    if isinstance(trainer, Mapping):
        given |= {f"trainer.{name}": trainer[name] for name in _TRAINER_OPTIONS if name in trainer}
    given = {name: value for name, value in given.items() if name not in {"output_dir", "resume"}}
    return shell_command("chromasonic", "train", *(f"{key}={_typed(value)}" for key, value in given.items()))


def generating_command(arguments: Sequence[str]) -> str:
    """Return the command that generates the same melodies, without paths of this machine.

    Args:
        arguments: The options as typed, ``name=value`` each.

    Example:
        >>> generating_command(["run=/home/me/outputs/jigs", "seed=7", "output_dir=/tmp/x", "primer=../my tune.abc"])
        "chromasonic generate run=outputs/jigs seed=7 'primer=my tune.abc'"
    """
    return _portable_command("generate", arguments)


def harmonising_command(arguments: Sequence[str]) -> str:
    """Return the command that harmonises the same melodies, without paths of this machine.

    Args:
        arguments: The options as typed, ``name=value`` each.

    Example:
        >>> harmonising_command(["melodies=/home/me/my tunes", "output_dir=/tmp/x"])
        "chromasonic harmonise 'melodies=my tunes'"
    """
    return _portable_command("harmonise", arguments)


def _portable_command(command: str, arguments: Sequence[str]) -> str:
    """Return a command without the folder that it writes to, and with paths that are not of this machine."""
    shown = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in _PATHS:
            value = _PATHS[name](Path(os.path.expanduser(value)))
        if name != "output_dir":
            shown.append(f"{name}{equals}{value}")
    return shell_command("chromasonic", command, *shown)


def _portable_run_path(path: Path) -> str:
    """Return a run's path from its folder ``outputs`` on; its name outside such a folder."""
    parts = path.absolute().parts
    if "outputs" in parts[:-1]:
        return Path(*parts[len(parts) - 1 - parts[::-1].index("outputs") :]).as_posix()
    return path.absolute().name


_PATHS: dict[str, Callable[[Path], str]] = {
    "run": _portable_run_path,
    "primer": lambda path: path.name,
    "melodies": lambda path: path.absolute().name,
}


def _nested(node: Mapping[str, object], path: str, knobs: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield the values of a group that neither repeat a top-level option nor follow from the choice of the group."""
    for name, value in node.items():
        key = f"{path}.{name}"
        if isinstance(value, Mapping):
            yield from _nested(value, key, knobs)
        elif not (name.startswith("_") or knobs.get(name) == value or key == "optimizer.lr"):
            yield key, value


def in_list(path: str) -> str:
    """Return a path as an item of a YAML list."""
    return path if _PLAIN_ITEM.fullmatch(path) else "'" + path.replace("'", "''") + "'"


def _typed(value: object) -> str:
    """Return a value as Hydra reads it."""
    return quoted_for_hydra(value) if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
