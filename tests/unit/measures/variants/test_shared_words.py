"""Alignments by words in common, compared with those of all pairs of beats."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.made_tunes import JIG, REEL, joined, slower, walking_tune

from chromasonic.melody_generation.measures.variants import shared_words
from chromasonic.melody_generation.measures.variants.beat_lines import BeatLines, beat_lines
from chromasonic.melody_generation.measures.variants.shared_words import SharedWords
from chromasonic.melody_generation.melody import Melody


def words_by_hand(lines: BeatLines) -> dict[tuple[int, ...], dict[int, int]]:
    """Return for each word the first sample of it in each line."""
    words: dict[tuple[int, ...], dict[int, int]] = {}
    for line, (begin, end) in enumerate(zip(lines.begins.tolist(), lines.ends.tolist(), strict=True)):
        for sample in range(begin, end - 7):
            degrees = lines.degrees[sample : sample + 8, 0].tolist()
            word = tuple((b - a) % 7 for a, b in pairwise(degrees))
            if degrees[0] >= 0 and sum(step != 0 for step in word) >= 5:
                words.setdefault(word, {}).setdefault(line, sample)
    return words


def alignments_by_hand(lines: BeatLines, group: list[int]) -> set[tuple[int, int, int, int]]:
    """Return the lines, distance and shift of all alignments of words in common."""
    found = set()
    for samples in words_by_hand(lines).values():
        for (ours, first), (theirs, second) in product(samples.items(), repeat=2):
            ratio = lines.ticks[ours] / lines.ticks[theirs]
            comparable = ratio in (0.5, 1, 2) and lines.is_compound[ours] == lines.is_compound[theirs]
            a_beat = lines.is_beat[ours] or lines.is_beat[theirs]
            if comparable and a_beat and ours < theirs and group[lines.tunes[ours]] != group[lines.tunes[theirs]]:
                shift = int(lines.degrees[first, 0] - lines.degrees[second, 0]) % 7
                found.add((ours, theirs, first - second, shift))
    return found


def collection(seed: int) -> list[Melody]:
    """Return tunes of a few strains in common, some slower."""
    rng = np.random.default_rng(seed)
    tunes = []
    for _ in range(7):
        metre = (JIG, REEL)[rng.integers(2)]
        strains = [walking_tune(int(rng.integers(4)), metre, n_bars=int(rng.integers(3, 8))) for _ in range(2)]
        tunes.append(slower(joined(*strains)) if rng.random() < 0.3 else joined(*strains))
    return tunes


@settings(max_examples=25)
@given(st.integers(0, 1000), st.lists(st.integers(0, 2), min_size=7, max_size=7), st.integers(1, 40))
def test_alignments_are_those_of_all_pairs_of_words(seed: int, group: list[int], block: int) -> None:
    lines = beat_lines(collection(seed))
    groups = np.array(group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_words, "_ENTRIES_AT_ONCE", block)
        patch.setattr(shared_words, "_PAIRS_AT_ONCE", block)
        words = SharedWords.of(lines)
        found = set()
        for candidates in [*words.pairs(lambda: groups), *words.neighbours(groups)]:
            for first, second in zip(candidates.first.tolist(), candidates.second.tolist(), strict=True):
                lower, upper = sorted((first, second))  # samples are numbered line by line
                shift = int(lines.degrees[lower, 0] - lines.degrees[upper, 0]) % 7
                found.add((int(lines.line[lower]), int(lines.line[upper]), lower - upper, shift))
    assert found == alignments_by_hand(lines, group)


def test_tunes_of_one_group_have_no_pairs() -> None:
    words = SharedWords.of(beat_lines([walking_tune(1)] * 50))
    assert not list(words.pairs(lambda: np.zeros(50, dtype=np.int64)))
    assert words.tunes.tolist() == list(range(50))


def test_held_and_repeated_notes_are_no_words() -> None:
    moving = Melody([60, 62, 64, 65] * 10, [24] * 40)
    assert len(SharedWords.of(beat_lines([moving])).samples) > 0
    for drone in (Melody([60, 60, 60, 62] * 10, [24] * 40), Melody([60, 62], [960, 960]), Melody([60] * 90, [24] * 90)):
        assert len(SharedWords.of(beat_lines([drone])).samples) == 0
