"""Bars that are composed anew change, and all others stay."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.strategies import formed_melodies

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import FormMark, FormSign
from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.generation.rewriting import parse_bars
from chromasonic.melody_generation.melody import REST, Melody, Metre
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.vocabulary import NoteVocabulary

NETWORK = MarkovNetwork(0)  # every allowed token is equally likely
TUNE = Melody(
    [67, *[69, 71, 72, 74] * 8],
    [24, *[24] * 32],
    Metre(4, 4),
    start=72,
    form=[FormMark(17, FormSign.REPEAT_END), FormMark(17, FormSign.REPEAT_BEGIN), FormMark(33, FormSign.REPEAT_END)],
)


def notes_outside(melody: Melody, begin: int, end: int) -> list[tuple[int, int, int]]:
    notes = zip(melody.onsets.tolist(), melody.durations.tolist(), melody.pitches.tolist(), strict=True)
    return [note for note in notes if note[0] + note[1] <= begin or note[0] >= end]


def test_the_bars_named_change_and_the_others_stay() -> None:
    begin, end = int(TUNE.bar_lines[2]), int(TUNE.bar_lines[5])
    changed = generate(NETWORK, primer=TUNE, fill="3-5", count=4, drafts=3)
    for melody in changed:
        assert notes_outside(melody, begin, end) == notes_outside(TUNE, begin, end)
        assert melody.ticks == TUNE.ticks
        signs = [(mark.sign, int([*melody.onsets, melody.ticks][mark.note])) for mark in melody.form]
        assert signs == [(mark.sign, int([*TUNE.onsets, TUNE.ticks][mark.note])) for mark in TUNE.form]
    assert len(set(changed)) == 4


@settings(max_examples=20)
@given(formed_melodies(min_notes=4), st.floats(0.05, 1), st.integers(0, 5))
def test_a_varied_tune_has_the_length_bars_and_signs_of_the_tune(tune: Melody, share: float, seed: int) -> None:
    if not tune.n_bars or not (tune.pitches != REST).any():
        return
    vocabulary = NoteVocabulary()
    [melody] = generate(NETWORK, primer=tune, vary=share, seed=seed, drafts=1)
    assert melody.ticks == tune.ticks
    assert melody.n_bars == tune.n_bars
    assert [mark.sign for mark in melody.form] == [mark.sign for mark in vocabulary.encoded_part(tune).form]


@settings(max_examples=20)
@given(formed_melodies(min_notes=4), st.data())
def test_notes_outside_the_bars_named_stay(tune: Melody, data: st.DataObject) -> None:
    if not tune.n_bars or not (tune.pitches != REST).any():
        return
    first = data.draw(st.integers(1, tune.n_bars))
    last = data.draw(st.integers(first, tune.n_bars))
    [melody] = generate(NETWORK, primer=tune, fill=f"{first}-{last}", drafts=1)
    bounds = [0, *tune.bar_lines.tolist()[1:], tune.ticks]
    ends = tune.onsets + tune.durations
    is_within = (ends > bounds[first - 1]) & (tune.onsets < bounds[last])  # notes held into the bars, or out of them
    begin, end = int(tune.onsets[is_within].min()), int(ends[is_within].max())
    assert notes_outside(melody, begin, end) == notes_outside(tune, begin, end)


def test_a_share_of_the_bars_changes() -> None:
    for share, n_bars in ((0.25, 2), (0.5, 4), (0.01, 1)):
        for melody in generate(NETWORK, primer=TUNE, vary=share, count=5, drafts=1, seed=1):
            bounds = [0, *TUNE.bar_lines.tolist()[1:], TUNE.ticks]
            is_changed = [
                notes_inside(melody, begin, end) != notes_inside(TUNE, begin, end) for begin, end in pairwise(bounds)
            ]
            assert 1 <= np.sum(is_changed) <= n_bars


def notes_inside(melody: Melody, begin: int, end: int) -> list[tuple[int, int, int]]:
    notes = zip(melody.onsets.tolist(), melody.durations.tolist(), melody.pitches.tolist(), strict=True)
    return [note for note in notes if begin <= note[0] < end]


def test_a_rewritten_tune_is_moved_into_a_key() -> None:
    [melody] = generate(NETWORK, primer=TUNE, fill="8", key="D", drafts=1)
    assert (melody.pitches[:20] - TUNE.pitches[:20]).tolist() == [2] * 20


@pytest.mark.parametrize(("text", "bars"), [("5-8", (5, 6, 7, 8)), ("bars 5-6", (5, 6)), ("8, 1-2", (1, 2, 8))])
def test_bars_are_written_as_people_write_them(text: str, bars: tuple[int, ...]) -> None:
    assert parse_bars(text, 8) == bars


@pytest.mark.parametrize("text", ["", "x", "3-", "0-2", "5-9", "6-5"])
def test_bars_that_the_tune_does_not_have_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="bars"):
        parse_bars(text, 8)


def test_a_primer_is_taken_by_bars_and_left_out() -> None:
    whole = generate(NETWORK, primer=TUNE, primer_bars=2, bars=4, count=2, drafts=1)
    without = generate(NETWORK, primer=TUNE, primer_bars=2, bars=4, count=2, drafts=1, without_primer=True)
    for melody, rest in zip(whole, without, strict=True):
        assert melody.pitches[:9].tolist() == TUNE.pitches[:9].tolist()
        assert rest.pitches.tolist() == melody.pitches[9:].tolist()
