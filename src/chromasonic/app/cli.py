"""The console command ``chromasonic``: choose a command and hand it the rest of the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from chromasonic.app.launch import end_with
from chromasonic.config.guidance.named_runs import name_latest
from chromasonic.config.guidance.train_help import command_help
from chromasonic.melody_generation.errors import InputError, did_you_mean
from chromasonic.melody_generation.printing.terminal_output import print_lines

COMMANDS = {
    "train": "train a model, or a sweep with -m",
    "evaluate": "score a trained run on its test tunes",
    "compare": "compare trained runs on the same test tunes",
    "generate": "generate melodies to hear and print",
    "harmonise": "give melodies chords",
    "listen": "make a blind listening test of real and made tunes",
    "judge": "read the answers to a listening test",
    "results": "train and evaluate every model of a plan",
}
# What commands are called elsewhere.
_OTHER_WORDS = {
    "train": "fit learn run start",
    "evaluate": "eval test score validate",
    "generate": "gen sample compose predict play make",
    "harmonise": "harmonize chords accompany",
    "listen": "listening_test",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command.

    Args:
        arguments: The command and its options; ``sys.argv[1:]`` by default.

    Raises:
        SystemExit: With a message if there is no such command.
    """
    # Waiting threads must sleep: spinning ones slow a busy machine down tenfold. Torch reads this at import.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    command, *options = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if command in {"-h", "--help"}:
        print_lines(_help())
    elif command == "--version":
        print_lines(f"chromasonic {version('chromasonic')}")
    elif command in COMMANDS and {"-h", "--help"} & {*options}:
        print_lines(command_help(command))
    elif command in COMMANDS:
        try:
            typed = name_latest(options)
        except InputError as problem:
            end_with(problem)
        import_module(f"chromasonic.app.{command}_command").main(typed)
    else:
        end_with(
            InputError(f"there is no command {command}{_meant_command(command)}: choose one of {', '.join(COMMANDS)}")
        )


def _meant_command(word: str) -> str:
    """Return a hint at the command that a word was meant for."""
    usual = next((command for command, words in _OTHER_WORDS.items() if word.lower() in words.split()), None)
    if "=" in word:
        return f" (the command comes first: chromasonic train {word})"
    return f", did you mean {usual}?" if usual else did_you_mean(word, COMMANDS)


def _help() -> str:
    lines = [f"  chromasonic {name:<10} {purpose}" for name, purpose in COMMANDS.items()]
    return "\n".join(
        [
            "Train, evaluate and compare melody models, and hear what they compose. Three commands to begin with:",
            "",
            "  chromasonic generate                             melodies by the model that comes with Chromasonic",
            "  chromasonic train experiment=first_run           a model of your own on folk tunes, in minutes",
            "  chromasonic generate run=latest kind=jig key=G   what it composes",
            "",
            "All commands. Options are name=value; --help after a command lists them.",
            "",
            *lines,
        ]
    )
