"""Hypothesis strategies for melodies that the vocabulary can encode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from chromasonic.melody_generation.form import KINDS, MAX_PASSES, QUALITIES, Chord, FormMark, FormSign
from chromasonic.melody_generation.melody import MODES, REST, Departure, Melody, Metre
from chromasonic.melody_generation.notation.spelling import Spelling, fifths_of
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
def formed_melodies(draw: st.DrawFn, min_notes: int = 1, max_notes: int = 20) -> Melody:
    """Draw a melody with signs of form in any order, chords, a kind and a spelling."""
    melody = draw(melodies(min_notes, max_notes))
    places = st.integers(0, len(melody))
    signs = st.sampled_from([FormSign.SECTION, FormSign.REPEAT_BEGIN, FormSign.REPEAT_END])
    passes = st.sets(st.integers(1, MAX_PASSES), min_size=1, max_size=3).map(lambda numbers: tuple(sorted(numbers)))
    marks = draw(
        st.lists(
            st.builds(FormMark, places, signs)
            | st.builds(FormMark, places, st.just(FormSign.ENDING), passes)
            | st.builds(FormMark, places, st.just(FormSign.PART), name=st.sampled_from(["", "A", "B"])),
            max_size=5,
        )
    )
    onsets = draw(st.sets(st.integers(0, melody.ticks - 1), max_size=4))
    pitch_classes = st.integers(0, 11)
    chords = [
        draw(st.builds(Chord, st.just(onset), pitch_classes, st.sampled_from(QUALITIES), pitch_classes))
        for onset in sorted(onsets)
    ]
    spelling = Spelling.for_melody(melody)
    fifths = [0 if pitch == REST else fifths_of(spelling.spell(pitch).step, pitch) for pitch in melody.pitches.tolist()]
    return replace(
        melody,
        form=tuple(sorted(marks, key=lambda mark: mark.note)),
        part_order=draw(st.sampled_from(["", "AAB", "AB"])),
        chords=tuple(chords),
        kind=draw(st.sampled_from(KINDS)),
        spelling=np.array(fifths if draw(st.booleans()) else []),
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
