"""Hypothesis strategies for music: what any melody that the vocabulary holds may look like."""

from __future__ import annotations

from hypothesis import strategies as st

from chromasonic.melody_generation.melody import MODES, REST, Departure, Melody, Metre
from chromasonic.melody_generation.vocabulary import (
    CORPORA,
    DURATIONS,
    HIGHEST,
    LOWEST,
    METRES,
    MIDDLE_C,
    STARTS,
)

metres = st.sampled_from(METRES)


@st.composite
def starts(draw: st.DrawFn, metre: Metre) -> int:
    """A place within a bar of ``metre`` for which there is a token."""
    return draw(st.sampled_from([ticks for ticks in STARTS if ticks < metre.bar_ticks]))


@st.composite
def melodies(draw: st.DrawFn, min_notes: int = 0, max_notes: int = 30) -> Melody:
    """Any melody that the vocabulary holds: rests, upbeats, changes of metre, unforeseen bar lines."""
    n_notes = draw(st.integers(min_notes, max_notes))
    tonic = draw(st.integers(0, 11))
    heights = st.integers(LOWEST, HIGHEST).map(lambda height: MIDDLE_C + tonic + height)
    pitches = draw(st.lists(st.just(REST) | heights, min_size=n_notes, max_size=n_notes))
    durations = draw(st.lists(st.sampled_from(DURATIONS), min_size=n_notes, max_size=n_notes))
    metre = draw(metres)
    start = draw(starts(metre))
    return Melody(
        pitches,
        durations,
        metre,
        start,
        draw(_departures(durations, metre, start)),
        tonic,
        draw(st.sampled_from(MODES)),
        title=draw(st.text(max_size=5)),
        source=draw(st.text(max_size=5)),
        corpus=draw(st.sampled_from(CORPORA)),
    )


@st.composite
def _departures(draw: st.DrawFn, durations: list[int], metre: Metre, start: int) -> list[Departure]:
    """Departures at some notes, those that are none left out."""
    if len(durations) < 2:
        return []
    wanted = st.tuples(st.integers(1, len(durations) - 1), st.none() | metres)
    drawn = draw(st.lists(wanted, max_size=4, unique_by=lambda each: each[0]))
    found, previous, position = [], 0, start
    for note, new in sorted(drawn, key=lambda each: each[0]):
        counted = (position + sum(durations[previous:note])) % metre.bar_ticks == 0
        if new == metre or (new is None and counted):
            continue
        found.append(Departure(note, new))
        previous, position, metre = note, 0, new or metre
    return found
