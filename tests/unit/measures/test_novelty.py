import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.measures.melodic_intervals import intervals
from chromasonic.melody_generation.measures.novelty import (
    Copying,
    NoveltyIndex,
    distinctness,
    most_copied,
    novelty_among_families,
)
from chromasonic.melody_generation.measures.shared_passages import SharedPassage
from chromasonic.melody_generation.melody import Melody

lines = st.lists(st.sampled_from([60, 62]), max_size=16).map(lambda p: Melody(p, [24] * len(p)))


def walk(seed: int, n_notes: int = 60, title: str = "") -> Melody:
    steps = np.random.default_rng(seed).integers(-5, 6, size=n_notes)
    return Melody(60 + np.cumsum(steps) % 24, np.full(n_notes, 12), title=title)


def grams(melody: Melody) -> list[tuple[int, ...]]:
    moves = intervals(melody).tolist()
    return [tuple(moves[i : i + 8]) for i in range(len(moves) - 7)]


@given(st.lists(lines, max_size=4), st.lists(lines, max_size=4))
def test_novelty_equals_a_count_of_unknown_8_grams(known: list[Melody], melodies: list[Melody]) -> None:
    seen = {gram for tune in known for gram in grams(tune)}
    expected = [
        np.mean([gram not in seen for gram in grams(melody)]) if grams(melody) else np.nan for melody in melodies
    ]
    assert NoveltyIndex(known).novelty(melodies) == pytest.approx(np.array(expected), nan_ok=True)


@given(st.lists(lines, min_size=2, max_size=4))
def test_distinctness_is_the_novelty_against_the_other_melodies(melodies: list[Melody]) -> None:
    expected = [
        float(NoveltyIndex(melodies[:index] + melodies[index + 1 :]).novelty([melody])[0])
        for index, melody in enumerate(melodies)
    ]
    assert distinctness(melodies) == pytest.approx(np.array(expected), nan_ok=True)


def test_distinctness_of_a_single_melody_is_nan() -> None:
    assert np.isnan(distinctness([walk(1)])).tolist() == [True]
    assert distinctness([]).shape == (0,)


def test_variants_do_not_lower_the_novelty_of_a_tune() -> None:
    tune = walk(1)
    assert novelty_among_families([tune, tune.transposed(3), walk(2)]).tolist() == [1, 1, 1]
    assert distinctness([tune, tune.transposed(3), walk(2)]).tolist() == [0, 0, 1]


def test_a_copy_has_novelty_0_and_its_source_is_found() -> None:
    known = [walk(seed) for seed in range(10)]
    index = NoveltyIndex(known)
    copied, new = index.copying([known[6].transposed(5), walk(99)])
    assert copied == Copying(novelty=0, passage=SharedPassage(n_notes=60, share=1, source=6, begin=0, source_begin=0))
    assert new.novelty == 1
    assert new.passage.n_notes < 10
    assert index.melodies[copied.passage.source] is known[6]
    assert most_copied([new, copied, new]) == 1


def test_the_most_copied_melody_has_the_longest_passage_then_the_lowest_novelty() -> None:
    def copying(n_notes: int, novelty: float) -> Copying:
        return Copying(novelty, SharedPassage(n_notes, 0.5, 0, 0, 0))

    assert most_copied([copying(5, 0.1), copying(9, 0.9), copying(9, 0.4)]) == 2
    assert most_copied([copying(9, np.nan), copying(9, 1)]) == 1
    with pytest.raises(ValueError, match="at least one melody"):
        most_copied([])


def test_the_novelty_of_melodies_without_8_grams_is_nan() -> None:
    result = NoveltyIndex([walk(1)]).copying([walk(1, n_notes=8), Melody([], [])])
    assert np.isnan([copying.novelty for copying in result]).all()
    assert [copying.passage.n_notes for copying in result] == [8, 0]
    assert np.isnan(result[1].passage.share)
