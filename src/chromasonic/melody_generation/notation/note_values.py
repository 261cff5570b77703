"""Note values: the durations that one note head can have.

They range from the breve to the thirty-second, plain or dotted once, and down to the sixty-fourth in triplets, which
lasts one tick. So any whole number of ticks can be written with tied note heads.
"""

from __future__ import annotations

from dataclasses import dataclass

# In half ticks, since a sixty-fourth lasts one and a half ticks.
_HALF_TICKS = {
    **{"breve": 384, "whole": 192, "half": 96, "quarter": 48},
    **{"eighth": 24, "16th": 12, "32nd": 6, "64th": 3},
}
_FLAGS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4}


@dataclass(frozen=True)
class NoteValue:
    """The look of a note head: its MusicXML type, its dots, and whether it belongs to a triplet."""

    name: str
    dots: int = 0
    is_triplet: bool = False

    @property
    def n_flags(self) -> int:
        """The number of flags or beams at its stem."""
        return _FLAGS.get(self.name, 0)

    @property
    def half_ticks(self) -> int:
        """Its duration in half ticks; 0 if that is no whole number."""
        dotted, rest = divmod(_HALF_TICKS[self.name] * (2 ** (self.dots + 1) - 1), 2**self.dots)
        length, triplet_rest = divmod(dotted * 2, 3) if self.is_triplet else (dotted, 0)
        return 0 if rest or triplet_rest else length


def _by_ticks(*, is_triplet: bool) -> dict[int, NoteValue]:
    values = [NoteValue(name, dots, is_triplet) for name in _HALF_TICKS for dots in (0, 1)]
    return {value.half_ticks // 2: value for value in values if value.half_ticks and value.half_ticks % 2 == 0}


# Note values by their duration in ticks.
PLAIN_VALUES = _by_ticks(is_triplet=False)
TRIPLET_VALUES = _by_ticks(is_triplet=True)


def is_triplet_only(ticks: int) -> bool:
    """Return whether one note head has this duration in a triplet only."""
    return ticks in TRIPLET_VALUES and ticks not in PLAIN_VALUES
