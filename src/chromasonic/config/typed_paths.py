"""Paths on the command line, which are taken as they are typed, whatever letters they have.

Hydra and YAML give a meaning to brackets, commas, numbers and many letters. For a path nobody expects that. Three
things are understood: ``~`` for the home folder, quotes around the whole path, and ``null`` for no path. A folder whose
name looks like one of these is written ``./~``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

import yaml

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.runs.command_line import quoted_for_hydra

# Options of ``train`` that are paths, and the last words of the names of others.
_PATH_OPTIONS = {"output_dir", "resume", "repeat", "init_from", "teacher"}
_PATH_WORDS = {"folder", "directory", "dir", "dirpath", "save_dir"}
_LIST = "model.runs"  # an option that is a list of paths
_OVERRIDE = re.compile(r"(\+{0,2}[\w.@/-]+)=(.*)", re.DOTALL)
# Values of a sweep that only Hydra can tell apart: of one of its functions, or in quotes.
_SWEEP = re.compile(r"^(?:choice|glob|sort|shuffle)\(|['\"]")


def path_of(typed: str) -> str | None:
    """Return the path that a text on the command line means; None for no path.

    Example:
        >>> path_of("Müller, [2]"), path_of("'a b'"), path_of("007"), path_of("null")
        ('Müller, [2]', 'a b', '007', None)
    """
    if typed in {"", "null"}:
        return None
    if len(typed) > 1 and typed[0] == typed[-1] and typed[0] in "'\"":
        typed = _unquoted(typed)
    return os.path.expanduser(typed)


def paths_of(typed: str) -> str | list[str] | None:
    """Return the path that a text means, or the paths of a list in brackets, whose commas and quotes are YAML's.

    Raises:
        InputError: If the list cannot be read.

    Example:
        >>> paths_of("[a b,007, 'x, y']"), paths_of("a, b")
        (['a b', '007', 'x, y'], 'a, b')
    """
    if not (typed.startswith("[") and typed.endswith("]")):
        return path_of(typed)
    try:
        node = yaml.compose(typed, yaml.SafeLoader)
    except yaml.YAMLError:
        node = None
    items = node.value if isinstance(node, yaml.SequenceNode) else [node]
    texts = [item.value for item in items if isinstance(item, yaml.ScalarNode)]
    if len(texts) != len(items):
        raise InputError(
            f"{typed} cannot be read as a list of paths: put a path with brackets, braces, commas or colons in quotes"
        )
    return list(map(os.path.expanduser, texts))


def quote_paths(arguments: Sequence[str]) -> list[str]:
    """Return the command line of ``train`` with its paths quoted, so that Hydra reads them as they were typed.

    Example:
        >>> quote_paths(["output_dir=Müller, 2", "resume=outputs/a", "seed=1", "-m"])
        ["output_dir='Müller, 2'", 'resume=outputs/a', 'seed=1', '-m']
    """
    is_sweep = bool({"-m", "--multirun"} & {*arguments})
    return list(_quoted(arguments, is_sweep))


def _quoted(arguments: Sequence[str], is_sweep: bool) -> Iterator[str]:
    for argument in arguments:
        override = _OVERRIDE.fullmatch(argument)
        name, typed = override.groups() if override else ("", "")
        if name.lstrip("+") == _LIST and isinstance(listed := paths_of(typed), list):
            yield f"{name}=[{','.join(map(quoted_for_hydra, listed))}]"
            continue
        paths = [path_of(part) for part in _parts(name, typed, is_sweep)] if is_path_option(name) else []
        is_left = not paths or None in paths or typed == "???"
        yield argument if is_left else f"{name}={','.join(quoted_for_hydra(path) for path in paths if path)}"


def _parts(name: str, typed: str, is_sweep: bool) -> list[str]:
    """Return the paths of one option, of which a sweep has several."""
    if not is_sweep or name == "output_dir":
        return [typed]
    return [] if _SWEEP.search(typed) else typed.split(",")


def is_path_option(name: str) -> bool:
    """Return whether an option of ``train`` is a path."""
    name = name.lstrip("+").partition("@")[0]
    return name in _PATH_OPTIONS or ("." in name and name.rpartition(".")[2] in _PATH_WORDS)


def _unquoted(typed: str) -> str:
    """Return a text without the quotes around it; within it, Hydra doubles backslashes only before a quote."""
    quote, inside = typed[0], typed[1:-1]
    return re.sub(
        rf"(\\+)({quote}|\Z)",
        lambda found: "\\" * (len(found[1]) // 2) + found[2],
        inside,
    )
