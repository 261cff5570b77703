"""What reads what anybody may have made: each reader with whole inputs to be changed, and what it may answer.

A reader answers, or refuses with the error that its docstring names; anything else is a fault.
"""

from __future__ import annotations

from tests.breaking.music_readers import MUSIC
from tests.breaking.reader import Reader
from tests.breaking.run_readers import RUNS

__all__ = ["READERS", "Reader"]

READERS: dict[str, Reader] = MUSIC | RUNS
