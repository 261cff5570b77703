"""The contexts of a context mixture, chosen on Nottingham's validation tunes.

Each line is a context: names of features (:mod:`~chromasonic.melody_generation.networks.counting.tune_features`).
"""

from __future__ import annotations

from typing import NamedTuple

from chromasonic.melody_generation.networks.counting.tune_features import BAR_LAGS


class ContextModel(NamedTuple):
    """Counts of what followed a context.

    Attributes:
        features: The features that are joined.
        is_long: Whether the training tunes are counted (long-term), or the tune so far (short-term).
        is_interval: Whether intervals above the last sounding pitch are counted, or symbols.
    """

    features: tuple[str, ...]
    is_long: bool
    is_interval: bool = False


class CopyModel(NamedTuple):
    """One symbol that is expected because it was played some bars ago.

    Attributes:
        symbol: The feature that is the symbol.
        agreement: The feature that tells how long the tune has agreed with that passage.
    """

    symbol: str
    agreement: str


def _contexts(lines: str, *, is_long: bool, is_interval: bool = False) -> tuple[ContextModel, ...]:
    return tuple(ContextModel(tuple(line.split()), is_long, is_interval) for line in lines.split(","))


_LONG_PITCHES = """,position bar_ticks mode,p1 mode,p1 p2,p1 p2 p3,p1 p2 p3 p4,p1 p2 p3 p4 p5,p1 p2 p3 p4 p5 p6 p7,
p1 position metre,p1 p2 position metre,p1 p2 p3 position metre,p1 d1,p1 d1 p2 d2,p1 d1 p2 d2 p3 d3,p2 p1 d1 position,
p1 bar_pitch,p1 bar_pitch position metre,bar_pitch position bar8 metre,p1 bar8 position metre,c1 c2 c3 p1,
beat_pitch p1 beat_position,p1 p2 beat_position bar_pitch,p1 position bar4 mode metre,bars position p1,
P1 p1,P2 p1,P4 p1,P8 p1,P1 P2 p1 X1,P4 P8 p1 X4,P4 P1 p1,P1 position metre,P2 P4 position metre,
P1 J1 p1,J2 p1 P2,J1 p1 i1,position metre bar8,position metre bars,d1 position metre bar8,d1 position metre,
p1 d1 position bars,D4 position d1"""
_LONG_INTERVALS = "i1,i1 i2,i1 i2 i3,i1 i2 i3 i4 i5,i1 position metre,i1 i2 d1 d2,p1 i1 i2 i3"
_SHORT_PITCHES = """,p1,p1 p2,p1 p2 p3,p1 p2 p3 p4 p5,p2,position,p1 position,p2 position,p1 p2 position,position bar2,
position bar4,p1 position bar4,p1 d1,p1 d1 p2 d2 p3,bar_pitch position,beat_pitch beat_position,P4 p1,P1 p1"""
_SHORT_INTERVALS = "i1,i1 i2,i1 i2 i3,i1 i2 i3 i4,position i1,position i1 i2,d1 d2 d3 position"
PITCH_MODELS: tuple[ContextModel | CopyModel, ...] = (
    *_contexts(_LONG_PITCHES, is_long=True),
    *_contexts(_LONG_INTERVALS, is_long=True, is_interval=True),
    *_contexts(_SHORT_PITCHES, is_long=False),
    *_contexts(_SHORT_INTERVALS, is_long=False, is_interval=True),
    *(CopyModel(f"P{lag}", f"A{lag}") for lag in BAR_LAGS),
    *(CopyModel(f"J{lag}", f"A{lag}") for lag in (1, 2, 3, 4, 8)),
)

_LONG_DURATIONS = """,position metre,position metre bar8,position metre bars,d1,d1 d2,d1 position metre,
d1 d2 position metre,d1 d2 d3 position metre,d1 d2 d3 d4 position metre,d1 d2 d3 d4 d5 d6 position metre,
p1 position metre d1,p1 bar8 position metre,p1 p2 d1 d2 position metre,p1 p2 p3,bars p1 d1 position metre,
bar_pitch position d1 metre,i1 position metre d1,bar_ticks position d1 bar4 mode,D1 position metre,D2 position metre,
D4 position metre,D1 D2 position d1,D4 D8 position d1,D1 position d1,D4 d1 position bar8,D2 d1 d2 position,
P4 p1 position D4,P1 D1 p1 position"""
_SHORT_DURATIONS = """,position,d1,d1 d2,d1 d2 d3 d4,position d1,position d1 d2,position bar2,position bar4,
position bar8,p1 position,p1 d1,p1 p2 p3,p1 p2 d1 d2 position,D4 position,D1 position,position d1 d2 d3 bar4,
i1 position d1"""
DURATION_MODELS: tuple[ContextModel | CopyModel, ...] = (
    *_contexts(_LONG_DURATIONS, is_long=True),
    *_contexts(_SHORT_DURATIONS, is_long=False),
    *(CopyModel(f"D{lag}", f"A{lag}") for lag in BAR_LAGS),
)
