"""All readers of files that may come from strangers.

A reader reads its input or raises the error that its docstring names; anything else is a fault.
"""

from __future__ import annotations

from tests.breaking.music_readers import MUSIC
from tests.breaking.reader import Reader
from tests.breaking.resume_reader import RESUMED
from tests.breaking.run_readers import RUNS

__all__ = ["READERS", "Reader"]

READERS: dict[str, Reader] = MUSIC | RUNS | RESUMED
