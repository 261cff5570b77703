import numpy as np
from hypothesis import given
from tests.strategies import melodies

from chromasonic.melody_generation.measures.reference_model.note_arrays import ALTERATIONS, NoteArrays, altered
from chromasonic.melody_generation.melody import REST, Melody, Metre

TUNE = Melody([62, 60, 62, REST, 64, 65, 67], [24, 24, 12, 12, 24, 24, 96], Metre(4, 4), start=72)


def version(notes: NoteArrays, name: str) -> tuple[list[int], ...]:
    index = ALTERATIONS.index(name)
    return tuple(array[index].tolist() for array in (notes.heights, notes.positions, notes.durations, notes.bars))


def test_rests_belong_to_the_note_before() -> None:
    notes = NoteArrays.of(TUNE)
    assert notes.heights.tolist() == [[2, 0, 2, 4, 5, 7]]
    assert notes.durations.tolist() == [[24, 24, 24, 24, 24, 96]]
    assert notes.positions.tolist() == [[72, 0, 24, 48, 72, 0]]
    assert notes.bars.tolist() == [[-1, 0, 0, 0, 0, 1]]
    assert (notes.n_bars, notes.bar_ticks, notes.beat_ticks) == (2, 96, 24)


def test_a_compound_metre_has_dotted_beats() -> None:
    assert NoteArrays.of(Melody([60], [24], Metre(6, 8))).beat_ticks == 36
    assert NoteArrays.of(Melody([60], [24], Metre(3, 8))).beat_ticks == 12


def test_reversed_in_time_the_last_beat_is_the_first() -> None:
    heights, positions, durations, bars = version(altered(NoteArrays.of(TUNE)), "reversed")
    assert heights == [7, 5, 4, 2, 0, 2]
    assert durations == [96, 24, 24, 24, 24, 24]
    assert positions == [0, 0, 24, 48, 72, 0]
    assert bars == [0, 1, 1, 1, 1, 2]


def test_moved_by_a_step_the_notes_stay_in_the_scale() -> None:
    heights, *_ = version(altered(NoteArrays.of(TUNE)), "moved_by_1")
    assert heights == [4, 2, 4, 5, 7, 9]


@given(melodies(min_notes=2))
def test_versions_keep_what_they_do_not_alter(melody: Melody) -> None:
    own = NoteArrays.of(melody)
    versions = altered(own)
    assert versions.heights.shape == (len(ALTERATIONS), own.n_notes)
    for name in ("heights", "positions", "durations", "bars"):
        assert np.array_equal(getattr(versions, name)[:1], getattr(own, name))
    # No version but those that move or mirror pitches has other pitches, and none has other durations.
    durations, heights = np.sort(versions.durations, axis=1), np.sort(versions.heights, axis=1)
    assert (durations == durations[0]).all()
    same = [index for index, name in enumerate(ALTERATIONS) if not name.startswith(("moved", "inverted"))]
    assert (heights[same] == heights[0]).all()
