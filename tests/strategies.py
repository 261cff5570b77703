"""Hypothesis strategies for melodies that the vocabulary can encode."""

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
    """Draw a position in a bar of ``metre`` that has a token."""
    return draw(st.sampled_from([ticks for ticks in STARTS if ticks < metre.bar_ticks]))


@st.composite
def melodies(draw: st.DrawFn, min_notes: int = 0, max_notes: int = 30) -> Melody:
    """Draw a melody that the vocabulary can encode, with rests, upbeats, changes of metre and departures."""
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
    """Draw departures at up to four notes, without those that agree with the count."""
    if len(durations) < 2:
        return []
    candidates = st.tuples(st.integers(1, len(durations) - 1), st.none() | metres)
    drawn = draw(st.lists(candidates, max_size=4, unique_by=lambda candidate: candidate[0]))
    departures, previous, position = [], 0, start
    for note, new in sorted(drawn, key=lambda candidate: candidate[0]):
        counted = (position + sum(durations[previous:note])) % metre.bar_ticks == 0
        if new == metre or (new is None and counted):
            continue
        departures.append(Departure(note, new))
        previous, position, metre = note, 0, new or metre
    return departures
