"""The beginnings from which melodies are generated."""

from __future__ import annotations

import pytest

from chromasonic.melody_generation.form import Chord, FormMark, FormSign
from chromasonic.melody_generation.generation.beginnings import beginning_of
from chromasonic.melody_generation.melody import Departure, Melody, Metre


@pytest.mark.parametrize("n_notes", [0, 2, 4])
def test_a_beginning_has_the_signs_between_its_notes_and_no_chords_or_spelling(n_notes: int) -> None:
    marks = (FormMark(0, FormSign.PART, name="A"), FormMark(3, FormSign.REPEAT_END), FormMark(4, FormSign.SECTION))
    jig = Melody(
        [62, 66, 69, 62],
        [12, 24, 12, 24],
        Metre(6, 8),
        departures=[Departure(3)],
        tonic=2,
        title="A jig",
        form=marks,
        part_order="AA",
        chords=[Chord(0, 2, "major", 2), Chord(48, 9, "major", 9)],
        kind="jig",
        spelling=[2, 6, 3, 2],
    )
    found = beginning_of(jig, n_notes)
    departures = [Departure(3)] if n_notes > 3 else []
    pitches, durations = jig.pitches[:n_notes], jig.durations[:n_notes]
    form = [FormMark(3, FormSign.REPEAT_END)] if n_notes > 3 else []
    assert found == Melody(pitches, durations, Metre(6, 8), departures=departures, tonic=2, kind="jig", form=form)
