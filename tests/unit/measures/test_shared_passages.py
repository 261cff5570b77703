import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromasonic.melody_generation.measures.shared_passages import PassageIndex, SharedPassage
from chromasonic.melody_generation.melody import REST, Melody

Notes = list[tuple[int, int]]

# Few pitches and durations, so that melodies share passages.
tunes = st.lists(
    st.tuples(st.sampled_from([REST, 60, 62, 64]), st.sampled_from([12, 24])),
    max_size=14,
).map(lambda notes: Melody([p for p, _ in notes], [d for _, d in notes]))


def notes_of(melody: Melody) -> Notes:
    return [(int(p), int(d)) for p, d in zip(melody.pitches, melody.durations, strict=True) if p != REST]


def same(first: Notes, second: Notes) -> bool:
    """Return whether two passages have the same durations and intervals."""
    return [(p - first[0][0], d) for p, d in first] == [(p - second[0][0], d) for p, d in second]


def longest_by_hand(melody: Notes, known: list[Notes]) -> int:
    for length in range(len(melody), 0, -1):
        for begin in range(len(melody) - length + 1):
            run = melody[begin : begin + length]
            for tune in known:
                if any(same(run, tune[i : i + length]) for i in range(len(tune) - length + 1)):
                    return length
    return 0


@given(st.lists(tunes, max_size=4), st.lists(tunes, max_size=4))
def test_the_longest_passage_equals_that_of_an_exhaustive_search(known: list[Melody], melodies: list[Melody]) -> None:
    runs = PassageIndex(known).longest(melodies)
    assert len(runs) == len(melodies)
    for melody, run in zip(melodies, runs, strict=True):
        notes = notes_of(melody)
        assert run.n_notes == longest_by_hand(notes, [notes_of(tune) for tune in known])
        if run.n_notes:
            source = notes_of(known[run.source])[run.source_begin :][: run.n_notes]
            assert same(notes[run.begin :][: run.n_notes], source)
            assert run.share == run.n_notes / len(notes)
        else:
            assert (run.source, run.begin, run.source_begin) == (-1, -1, -1)
            assert run.share == pytest.approx(0 if notes else np.nan, nan_ok=True)


def walk(seed: int, n_notes: int = 80) -> Melody:
    rng = np.random.default_rng(seed)
    return Melody(60 + np.cumsum(rng.integers(-5, 6, n_notes)) % 24, rng.choice([6, 12, 24], n_notes))


def test_a_transposed_copy_is_found_in_its_source() -> None:
    known = [walk(seed) for seed in range(20)]
    middle = known[7].window(30, 70).transposed(4)
    assert PassageIndex(known).longest([known[3].transposed(-2), middle]) == [
        SharedPassage(80, 1.0, 3, 0, 0),
        SharedPassage(40, 1.0, 7, 0, 30),
    ]


def test_another_rhythm_is_not_a_shared_passage() -> None:
    tune = walk(1)
    slower = Melody(tune.pitches, tune.durations * 5)
    assert PassageIndex([tune]).longest([slower])[0].n_notes == 0


def test_passages_do_not_depend_on_the_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    index = PassageIndex([walk(seed) for seed in range(5)])
    melodies = [walk(seed, 50) for seed in range(3, 9)]
    at_once = index.longest(melodies)
    monkeypatch.setattr("chromasonic.melody_generation.measures.shared_passages._MELODIES_AT_ONCE", 4)
    assert index.longest(melodies) == at_once
