"""Hydra's errors as one sentence for the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.errors import CompactHydraException

from chromasonic.config.guidance.typed_words import unknown_name
from chromasonic.config.guidance.usual_names import meant_value, top_names, usual_name
from chromasonic.config.schema import RunConfig
from chromasonic.melody_generation.runs.older_configurations import RENAMED


class RunRefused(CompactHydraException):
    """Ends a job with its message alone and exit code 1; in a multirun the other jobs continue.

    Args:
        message: Printed by Hydra at the very end.
        reason: The reason why this job ended.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


def sentence_of(problem: CompactHydraException) -> str:
    """Return an error of Hydra's about the command line as one sentence."""
    message = str(problem)
    if unknown := re.match(r"Could not override '([^']*)'", message):
        return _unknown_name(unknown[1])
    missing = re.match(
        r"(?:In '[^']*': )?Could not find '([^'/]*)/([^']*)'.*?Available options[^:]*:\n(.*?)\nConfig", message, re.S
    )
    if missing:
        group, choice, listed = missing.groups()
        options = [option for option in listed.split() if (group, option) != ("dataset", "default")]
        return f"{group}={choice}: {_other_choice(group, choice, options)}"
    first = message.strip().partition("\n")[0]
    if unreadable := re.match(r"LexerNoViableAltException: (.*)|no viable alternative at input '(.*)'$", first):
        override = unreadable[1] or unreadable[2]
        return f"{override} cannot be read: put a value that is a text in quotes, as in name=\"'a b'\""
    return f"{first}: write name=value" if first.startswith("Error parsing override") else first


def _unknown_name(name: str) -> str:
    for old, new in RENAMED.items():
        if name == old or name.startswith(f"{old}."):
            return f"{name} is now called {new + name.removeprefix(old)}: write {new + name.removeprefix(old)}=..."
    if name in RunConfig.model_fields:
        return f"the chosen model or dataset has no {name}: leave it out, or choose another model or dataset"
    if "." in name:
        _, _, argument = name.rpartition(".")
        if usual := usual_name(argument, RunConfig.model_fields):
            return f"there is no {name} to set, did you mean {usual}?"
        return f"there is no {name} to set: --help lists all values, and +{name}=... adds an argument"
    return unknown_name(name, [*RunConfig.model_fields, *top_names()])


def _other_choice(group: str, choice: str, options: Sequence[str]) -> str:
    """Return what to type in place of a choice that a group does not have."""
    if group == "dataset" and (Path(choice).exists() or "/" in choice):
        return f"to read files of your own, write dataset=files dataset.corpus.folder={choice}"
    if group == "model" and (Path(choice).exists() or "/" in choice):
        return f"to start from a trained run, write init_from={choice}; to continue it, resume={choice}"
    return f"choose one of {', '.join(options)}{meant_value(group, choice, options)}"
