"""The console command ``chromasonic``: choose a command and hand it the rest of the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from chromasonic.app.launch import end_with
from chromasonic.config.location import configs_directory
from chromasonic.melody_generation.errors import InputError
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
    elif command in COMMANDS and command != "train" and {"-h", "--help"} & {*options}:  # Hydra prints the help of train
        print_lines((configs_directory() / f"{command}.yaml").read_text(encoding="utf-8").rstrip())
    elif command in COMMANDS:
        import_module(f"chromasonic.app.{command}_command").main(options)
    else:
        end_with(InputError(f"chromasonic: unknown command {command}, choose one of {', '.join(COMMANDS)}"))


def _help() -> str:
    lines = [f"  chromasonic {name:<10} {purpose}" for name, purpose in COMMANDS.items()]
    return "\n".join(
        [
            "Train, evaluate and compare melody models. Options are name=value; --help after a command lists them.",
            "",
            *lines,
        ]
    )
