"""How the scripts begin and end: what is typed is checked at once, and what goes wrong is said in a line.

Nothing heavy is imported here, so that ``--help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hydra.errors import CompactHydraException

if TYPE_CHECKING:
    from pydantic import BaseModel

# Exit codes that shells give to programs ended by a signal.
INTERRUPTED, TERMINATED = 130, 143

Options = TypeVar("Options", bound="BaseModel")


def launch(main: Callable[[], None]) -> None:
    """Start a program of Hydra's; what is wrong with what was typed is said without Hydra's notes for programmers."""
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        main()
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands on what it would else print itself
    try:
        main()
    except CompactHydraException as problem:
        from chromasonic.configuration import sentence_of

        sys.exit(sentence_of(problem))
    except BrokenPipeError:
        _leave_quietly()
    except OSError as problem:  # the run's folder cannot be made
        sys.exit(sentence_of_system(problem))
    finally:
        del os.environ["HYDRA_FULL_ERROR"]


def start(run: Callable[[Options], None], defaults: Path, kind: type[Options], arguments: Sequence[str]) -> None:
    """Start a program that takes options of the form ``name=value``.

    Args:
        run: What is to be done with the options.
        defaults: A YAML file of all options with their defaults; its text is what ``--help`` shows.
        kind: What the options may be.
        arguments: What was typed, without the program's own name.
    """
    if any(each in {"-h", "--help"} for each in arguments):
        print(defaults.read_text(encoding="utf-8").rstrip())
        return
    from chromasonic.configuration import options
    from chromasonic.melody_generation.errors import InputError

    try:
        run(options(defaults, kind, arguments))
    except InputError as problem:
        sys.exit(str(problem))
    except BrokenPipeError:
        _leave_quietly()
    except OSError as problem:
        sys.exit(sentence_of_system(problem))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


def sentence_of_system(problem: OSError) -> str:
    """Which file it is about and what the system says: a full disk, no permission."""
    return f"{problem.filename}: {problem.strerror}" if problem.filename else str(problem)


def _leave_quietly() -> None:
    """End where whoever reads, such as ``head``, has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
