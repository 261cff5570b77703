"""The result of reading one tune: a melody with counts for the corpus report, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from chromasonic.melody_generation.melody import Melody


@dataclass(frozen=True)
class WrittenTune:
    """A melody as read, with counts for the corpus report.

    Attributes:
        melody: The melody.
        n_overruns: Written notes (ties apart) that run past the end of the bar they begin in.
        n_ticks_rounded: Written notes whose duration is no whole number of ticks.
    """

    melody: Melody
    n_overruns: int
    n_ticks_rounded: int


@dataclass(frozen=True)
class DroppedTune:
    """A tune that gave no melody.

    Attributes:
        source: The file and the tune's number in it, such as ``reelsa-c.abc:12``.
        reason: Why the tune was left out.
        depends_on_machine: Whether another computer, or the same one tomorrow, may read it: the file was over a bound
            of time or memory, or could not be opened.
    """

    source: str
    reason: str
    depends_on_machine: bool = False
