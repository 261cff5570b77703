from itertools import pairwise

import numpy as np
import pytest

from chromasonic.melody_generation.measures.families import near_copies, normalised_title, tune_families
from chromasonic.melody_generation.melody import REST, Melody


def walk(seed: int, n_notes: int = 60, title: str = "") -> Melody:
    steps = np.random.default_rng(seed).integers(-5, 6, size=n_notes)
    return Melody(60 + np.cumsum(steps) % 24, np.full(n_notes, 12), title=title, source=f"walks:{seed}")


def pairs_by_hand(melodies: list[Melody], others: list[Melody], n_intervals: int, share: float) -> set[tuple[int, int]]:
    def ngrams(melody: Melody) -> set[tuple[int, ...]]:
        pitches = [int(pitch) for pitch in melody.pitches if pitch != REST]
        intervals = [second - first for first, second in pairwise(pitches)]
        return {tuple(intervals[i : i + n_intervals]) for i in range(len(intervals) - n_intervals + 1)}

    pairs = set()
    for i, first in enumerate(map(ngrams, melodies)):
        for j, second in enumerate(map(ngrams, others)):
            if first and second and len(first & second) > share * min(len(first), len(second)):
                pairs.add((i, j))
    return pairs


def as_set(blocks: object) -> set[tuple[int, int]]:
    return {(int(i), int(j)) for block in blocks for i, j in block}  # type: ignore[attr-defined]


@pytest.mark.parametrize(("n_intervals", "share"), [(12, 0.5), (3, 0.5), (2, 0.0), (4, 0.2)])
def test_near_copies_equal_those_of_a_comparison_of_sets(n_intervals: int, share: float) -> None:
    rng = np.random.default_rng(3)
    melodies = []
    for _ in range(25):
        n = int(rng.integers(0, 40))
        pitches = 60 + np.cumsum(rng.choice([-2, 0, 2], size=n))
        pitches = np.where(rng.random(n) < 0.1, REST, pitches)
        melodies.append(Melody(pitches, np.full(n, 12)))
    melodies += [melodies[0].transposed(3), melodies[1]]
    ours, others = melodies[:15], melodies[10:]
    expected = pairs_by_hand(ours, others, n_intervals, share)
    assert expected
    assert as_set(near_copies(ours, others, n_intervals=n_intervals, share=share)) == expected
    among = pairs_by_hand(melodies, melodies, n_intervals, share)
    assert as_set(near_copies(melodies, n_intervals=n_intervals, share=share)) == among


def test_near_copies_do_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    melodies = [walk(seed % 4) for seed in range(12)]
    at_once = as_set(near_copies(melodies))
    monkeypatch.setattr("chromasonic.melody_generation.measures.families._PAIRS_AT_ONCE", 1)
    blocks = list(near_copies(melodies))
    assert len(blocks) == len(melodies)
    assert as_set(blocks) == at_once
    assert len(at_once) == 4 * 3 * 3


def test_transposed_shortened_and_edited_tunes_are_of_one_family() -> None:
    tune = walk(1)
    edited = tune.pitches.copy()
    edited[30] += 1
    edited[3] = REST
    slower = Melody(edited, tune.durations * 2)
    assert tune_families([walk(2), tune, tune.transposed(5), tune.window(10, 40), slower]).tolist() == [
        0,
        1,
        1,
        1,
        1,
    ]


def test_families_are_transitive() -> None:
    tune = walk(1, n_notes=120)
    first, middle, last = tune.window(0, 60), tune.window(20, 100), tune.window(60, 120)
    assert as_set(near_copies([first, last])) == {(0, 0), (1, 1)}
    assert tune_families([first, last, middle]).tolist() == [0, 0, 0]


def test_tunes_of_fewer_than_13_notes_are_compared_by_title_only() -> None:
    short, named = walk(1, n_notes=12), walk(1, n_notes=12, title="Keel Row")
    assert tune_families([short, short, named, walk(9, title="The Keel Row")]).tolist() == [0, 1, 2, 2]
    longer = walk(1, n_notes=13)
    assert tune_families([longer, longer]).tolist() == [0, 0]


def test_no_tunes_have_no_families() -> None:
    assert tune_families([]).tolist() == []
    assert tune_families([Melody([], []), Melody([], [])]).tolist() == [0, 1]


@pytest.mark.parametrize(
    "title",
    [
        "The Keel Row",
        "Keel Row, The",
        "KEEL ROW",
        "keel-row (2)",
        "Keel Row [as played in Durham] (2)",
        "Keel Row 3",
        "Keel Row No. 3",
        "Keel Row No.3",
        "Keel Row, v 2",
        "Keel Row, version 2",
        "Keel Row (second version).",
        "Keel Row - 2nd setting",
        "Keel Row II",
        "Kéel  Röw",
        "The Keel Row, version 2 (1)",
    ],
)
def test_titles_of_variants_are_normalised_alike(title: str) -> None:
    assert normalised_title(title) == "keel row"


@pytest.mark.parametrize(
    "title", ["", "  ", "Untitled", "The", "Jig", "Jig 2", "A Reel", "12", "No. 5", "(2)", "March in D"]
)
def test_generic_titles_are_not_compared(title: str) -> None:
    assert normalised_title(title) == ""
    tunes = [walk(1, title=title), walk(2, title=title)]
    assert tune_families(tunes).tolist() == [0, 1]


def test_apostrophes_do_not_separate_words_but_other_marks_do() -> None:
    assert normalised_title("O'Neill\N{RIGHT SINGLE QUOTATION MARK}s-March") == "oneills march"


def test_numbers_within_a_title_are_kept() -> None:
    assert normalised_title("The 29th of May") == "29th of may"
