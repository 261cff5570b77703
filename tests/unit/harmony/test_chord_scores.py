"""Agreement of chords, counted tick by tick."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import formed_melodies

from chromasonic.melody_generation.form import Chord
from chromasonic.melody_generation.harmony.chord_features import QUALITY_LABELS
from chromasonic.melody_generation.harmony.chord_scores import ChordAgreement, chord_agreement
from chromasonic.melody_generation.melody import Melody


def by_tick(melody: Melody) -> list[Chord | None]:
    chords: list[Chord | None] = [None] * melody.ticks
    for chord in melody.chords:
        chords[chord.onset :] = [chord] * (melody.ticks - chord.onset)
    return chords


@given(formed_melodies(), st.data())
def test_agreement_is_counted_tick_by_tick(melody: Melody, data: st.DataObject) -> None:
    onsets = sorted(data.draw(st.sets(st.integers(0, melody.ticks - 1), max_size=4)))
    pool = [*melody.chords, Chord(0, 0, "major", 0)]
    other = replace(melody, chords=tuple(replace(data.draw(st.sampled_from(pool)), onset=onset) for onset in onsets))
    pairs = [(one, two) for one, two in zip(by_tick(melody), by_tick(other), strict=True) if one]
    roots = [two for one, two in pairs if two and one.root == two.root]
    same = [one for one, two in pairs if two and one.root == two.root]
    qualities = [QUALITY_LABELS[a.quality] == QUALITY_LABELS[b.quality] for a, b in zip(same, roots, strict=True)]
    assert chord_agreement(melody, other.chords) == ChordAgreement(len(pairs), len(roots), sum(qualities))
    whole = chord_agreement(melody, melody.chords)
    assert whole.ticks == whole.same_root == whole.same_chord
