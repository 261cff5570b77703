"""Note values: which durations one note head can say.

It says a value from the breve to the thirty-second, plain or dotted once, or a triplet value down to the sixty-fourth,
which lasts one tick. So every whole number of ticks can be written by several.
"""

from __future__ import annotations

from dataclasses import dataclass

# In halves of a tick, since a sixty-fourth lasts one and a half.
_HALF_TICKS = {
    **{"breve": 384, "whole": 192, "half": 96, "quarter": 48},
    **{"eighth": 24, "16th": 12, "32nd": 6, "64th": 3},
}
_FLAGS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4}


@dataclass(frozen=True)
class NoteValue:
    """What a note head looks like: a name as MusicXML has it, dots, and whether it stands in a triplet."""

    name: str
    dots: int = 0
    is_triplet: bool = False

    @property
    def n_flags(self) -> int:
        """The flags or beams of its stem."""
        return _FLAGS.get(self.name, 0)

    @property
    def half_ticks(self) -> int:
        """Its length in halves of a tick; 0 where that is no whole number."""
        dotted, rest = divmod(_HALF_TICKS[self.name] * (2 ** (self.dots + 1) - 1), 2**self.dots)
        length, more = divmod(dotted * 2, 3) if self.is_triplet else (dotted, 0)
        return 0 if rest or more else length


def _by_ticks(*, is_triplet: bool) -> dict[int, NoteValue]:
    values = [NoteValue(name, dots, is_triplet) for name in _HALF_TICKS for dots in (0, 1)]
    return {value.half_ticks // 2: value for value in values if value.half_ticks and value.half_ticks % 2 == 0}


PLAIN_VALUES = _by_ticks(is_triplet=False)
TRIPLET_VALUES = _by_ticks(is_triplet=True)


def is_triplet_only(ticks: int) -> bool:
    """Whether one note head says it in a triplet and not otherwise."""
    return ticks in TRIPLET_VALUES and ticks not in PLAIN_VALUES
