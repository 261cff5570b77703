import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import melodies

from chromasonic.melody_generation.measures.reference_model.counting_model import CountingModel
from chromasonic.melody_generation.measures.reference_model.note_arrays import NoteArrays
from chromasonic.melody_generation.measures.reference_model.packed_numbers import packed_counts
from chromasonic.melody_generation.melody import Melody

SCALE = Melody([60, 62, 64, 65, 67, 69, 71, 72] * 2, [24] * 16)
MODEL = CountingModel.fit([NoteArrays.of(SCALE)] * 50)


def total_bits(model: CountingModel, melody: Melody) -> float:
    bits = model.bits(NoteArrays.of(melody))
    return float(bits.pitch.sum() + bits.rhythm.sum())


def test_without_tunes_all_intervals_are_as_likely() -> None:
    bits = CountingModel.fit([]).bits(NoteArrays.of(SCALE))
    assert bits.pitch == pytest.approx(np.full((1, 15), np.log2(27)), abs=1e-4)


def test_counted_tunes_are_likely_and_others_are_not() -> None:
    assert total_bits(MODEL, SCALE) < 0.1 * total_bits(CountingModel.fit([]), SCALE)
    other = Melody(SCALE.pitches[::-1], SCALE.durations)
    assert total_bits(MODEL, other) > 5 * total_bits(MODEL, SCALE)


@given(st.lists(melodies(max_notes=12), max_size=4), st.integers(48, 72), st.integers(48, 84))
def test_the_probabilities_of_the_next_interval_sum_to_1(tunes: list[Melody], first: int, second: int) -> None:
    model = CountingModel.fit([NoteArrays.of(tune) for tune in tunes])
    # Intervals of an octave or less have a symbol each, and those beyond share one for each direction.
    nexts = [*range(second - 13, second + 14)]
    bits = [model.bits(NoteArrays.of(Melody([first, second, pitch], [24] * 3))).pitch[0, 1] for pitch in nexts]
    assert np.exp2(-np.array(bits)).sum() == pytest.approx(1, abs=1e-4)


@given(melodies(min_notes=2, max_notes=12), st.integers(-12, 12))
def test_bits_do_not_change_under_transposition(melody: Melody, semitones: int) -> None:
    assert total_bits(MODEL, melody.transposed(semitones)) == pytest.approx(total_bits(MODEL, melody))


def test_the_model_is_read_back_from_plain_values() -> None:
    read = CountingModel.from_dict(MODEL.to_dict())
    assert total_bits(read, SCALE) == total_bits(MODEL, SCALE)


@pytest.mark.parametrize(
    "damaged",
    [
        ["", ""],
        ["no base 85 \n", packed_counts(np.array([1]))],
        [packed_counts(np.array([5, 0])), packed_counts(np.array([1, 1]))],
        [packed_counts(np.array([1 << 31])), packed_counts(np.array([1]))],
        [packed_counts(np.array([1])), packed_counts(np.array([0]))],
        [packed_counts(np.array([1])), packed_counts(np.array([1, 1]))],
        [packed_counts(np.array([1]))[:-3], packed_counts(np.array([1]))],
    ],
)
def test_damaged_counts_are_refused(damaged: list[str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        CountingModel.from_dict(MODEL.to_dict() | {"melody": damaged})
