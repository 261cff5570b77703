"""Write the help of ``chromasonic train`` from the texts of its configuration files, comments included.

Nothing is composed and no library is imported, so that the help appears at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chromasonic.config.location import choices_of, configs_directory

_ENTRY = re.compile(r"^(\s*)(\w+):(?:\s+(.*?))?(?:\s+#\s+(.*))?$")
_COLUMN = 42  # where the meaning of an option begins
_NO_OPTIONS = {"experiment"}  # its values are those of other groups


@dataclass(frozen=True)
class _Option:
    """An option with its default and its meaning."""

    name: str
    default: str
    meaning: str


def train_help() -> str:
    """Return the help: examples, all values at the top, and each group with its choices and their own options."""
    text = (configs_directory() / "train.yaml").read_text(encoding="utf-8")
    chosen = dict(re.findall(r"^  - (\w+): (\w+)$", text, re.MULTILINE))
    lines = [*_header(text), "", "Values (name=value), with their defaults", ""]
    lines += [_row(option, indent=2) for option in _options(text, "") if not option.name.startswith("hydra")]
    lines += ["", "Groups (group=choice), with the options that each choice has"]
    for group, default in chosen.items():
        lines += ["", f"{group}="]
        for choice in choices_of(group):
            lines += _of_choice(group, choice, is_default=choice == default)
        lines += _shared(group)
    return "\n".join(lines)


def _of_choice(group: str, choice: str, *, is_default: bool) -> Iterator[str]:
    text = (configs_directory() / group / f"{choice}.yaml").read_text(encoding="utf-8")
    prefix = "" if "@package _global_" in text else f"{group}."
    # Of an experiment its purpose, without its scores; of others the first sentence.
    end = r"(?<=\.)\s|: \d|, without " if group in _NO_OPTIONS else r"(?<=\.)\s"
    summary = re.split(end, " ".join(_header(text)))[0]
    yield f"  {choice + ' (default)' if is_default else choice:<{_COLUMN - 3}} {summary}"
    for option in _options(text, prefix) if group not in _NO_OPTIONS else ():
        yield _row(option, indent=4)


def _shared(group: str) -> Iterator[str]:
    """Yield the options that all choices of a group have."""
    path = configs_directory() / group / "default.yaml"
    if path.stem in choices_of(group) or not path.exists():
        return
    yield "  (all of them)"
    for option in _options(path.read_text(encoding="utf-8"), f"{group}."):
        if option.default != "...":  # each choice sets it
            yield _row(option, indent=4)


def _header(text: str) -> list[str]:
    """Return the comment that a file begins with."""
    lines = [line for line in text.splitlines() if not line.startswith("# @package")]
    n_lines = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return [line.removeprefix("#").removeprefix(" ") for line in lines[:n_lines]]


def _options(text: str, prefix: str) -> Iterator[_Option]:
    """Yield the options of a file, without those that only refer to others."""
    nodes: list[tuple[int, str]] = []
    for line in text.splitlines():
        entry = _ENTRY.match(line)
        if entry is None:
            continue
        indent, name, value, meaning = len(entry[1]), entry[2], entry[3] or "", entry[4] or ""
        nodes = [node for node in nodes if node[0] < indent]
        full_name = prefix + ".".join([*(node for _, node in nodes), name])
        nodes.append((indent, name))
        if value and not value.startswith(("${", "{")) and not name.startswith("_") and meaning:
            yield _Option(full_name, "..." if value == "???" else value, meaning)


def _row(option: _Option, indent: int) -> str:
    return f"{' ' * indent}{option.name + '=' + option.default:<{_COLUMN - indent - 1}} {option.meaning}"


def command_help(command: str) -> str:
    """Return the help of a command: that of ``train`` is made of many files, those of the others are one."""
    if command == "train":
        return train_help()
    return Path(configs_directory() / f"{command}.yaml").read_text(encoding="utf-8").rstrip()
