import numpy as np

from chromasonic.melody_generation.measures.structure.lines import (
    foreign_notes,
    large_leaps,
    last_bar_notes,
    leaps_on_beats,
    motif_rhythm,
    part_end_notes,
    stable_time,
)
from chromasonic.melody_generation.melody import Melody


def test_both_sixths_and_sevenths_belong_to_minor() -> None:
    assert foreign_notes(Melody([57, 65, 66, 67, 68], [24] * 5, tonic=9, mode="minor")) == 0
    assert foreign_notes(Melody([57, 61], [24] * 2, tonic=9, mode="minor")) == 0.5


def test_long_notes_of_the_triad_are_heard() -> None:
    assert stable_time(Melody([60, 62, 64, 65], [48, 12, 48, 12])) == 0.8 - 0.5
    assert stable_time(Melody([60, 62, 64, 65], [12, 48, 12, 48])) < 0


def test_leaps_are_measured_by_size_and_place() -> None:
    melody = Melody([60, 62, 72, 71], [48, 24, 24, 48], start=0)
    assert large_leaps(melody) == 1 / 3
    assert leaps_on_beats(melody) == (2 + 1) / 2 - 10


def test_motifs_on_another_rhythm_come_back_in_none_of_theirs() -> None:
    pitches = [60, 62, 64, 65, 67, 60, 62, 64, 65, 67]
    assert motif_rhythm(Melody(pitches, [24] * 10)) == 1
    assert motif_rhythm(Melody(pitches, [24, 24, 12, 12, 24, 12, 12, 24, 24, 24])) == 0
    assert np.isnan(motif_rhythm(Melody([60, 62, 64, 65, 67], [24] * 5)))


def test_a_long_note_at_the_end_of_a_part_is_heard() -> None:
    melody = Melody([60, 62, 64, 65] * 7 + [67], [24] * 28 + [96])
    assert part_end_notes(melody) == last_bar_notes(melody) == 1 - 29 / 8
