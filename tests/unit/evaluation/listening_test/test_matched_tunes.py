"""Made tunes have the key, metre and length of the real ones, end by themselves, and carry nothing that tells them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.made_tunes import JIG, REEL, walking_tune
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.listening_test.answer_key import TuneSource
from chromasonic.melody_generation.evaluation.listening_test.listening_set import ListeningTest
from chromasonic.melody_generation.evaluation.listening_test.matched_tunes import (
    TOLERANCE,
    MatchedSet,
    is_suitable,
    match_tunes,
)
from chromasonic.melody_generation.form import Chord, FormMark, FormSign
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.melody import REST, Metre
from chromasonic.melody_generation.vocabulary import NoteVocabulary

CONFIG = GenerationConfig(seed=3)
TUNES = [
    replace(walking_tune(seed, (JIG, REEL)[seed % 2], 8 + seed % 3, f"<b>Title {seed}"), tonic=seed % 5)
    for seed in range(12)
]


class NotesAtRandom(nn.Module):
    """A network of even probabilities that ends a tune after about sixty notes."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (B, T, V) that are the same everywhere."""
        vocabulary = NoteVocabulary()
        logits = torch.zeros(len(vocabulary))
        logits[vocabulary.end] = math.log(len(vocabulary) / 60)
        return logits.expand(*tokens.shape, -1)


class EighthsAtRandom(NotesAtRandom):
    """The same, of eighth notes alone."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (B, T, V) that allow eighth notes and the end."""
        vocabulary = NoteVocabulary()
        tokens_of_notes = vocabulary.is_note(np.arange(len(vocabulary)))
        is_eighth = torch.from_numpy(tokens_of_notes & (np.asarray(vocabulary.token_ticks) == 12))
        logits = torch.where(is_eighth, 0.0, -torch.inf)
        logits[vocabulary.end] = math.log(int(is_eighth.sum()) / 60)
        return logits.expand(*tokens.shape, -1)


SOURCES = [TuneSource("real", is_real=True), TuneSource("random", is_real=False)]


@pytest.fixture(scope="module")
def sets() -> list[MatchedSet]:
    """Match five tunes with those of a network."""
    return match_tunes([NotesAtRandom()], TUNES, 5, CONFIG)


def test_made_tunes_have_key_mode_and_metre_of_the_real_ones(sets: list[MatchedSet]) -> None:
    assert len(sets) == 5
    assert len({each.real.source for each in sets}) == 5
    for each in sets:
        [made] = each.made
        for name in ("tonic", "mode", "metre", "start"):
            assert getattr(made, name) == getattr(each.real, name)
        assert not np.array_equal(made.pitches, each.real.pitches)


def test_lengths_are_equal_or_said_not_to_be(sets: list[MatchedSet]) -> None:
    for each in sets:
        ratio = each.made[0].ticks / each.real.ticks
        assert each.is_equal == (len(each.made[0].bar_lines) == len(each.real.bar_lines))
        if each.mismatch < 1:  # else the model had not ended it
            assert each.is_close == (abs(ratio - 1) <= TOLERANCE)
    assert [each.is_equal for each in sets] == sorted((each.is_equal for each in sets), reverse=True)


def test_a_model_that_reaches_the_lengths_gets_them_exactly() -> None:
    """Eighth notes alone, and ends of about the right length: every set is of one length."""
    tunes = [replace(tune, durations=np.full(len(tune), 12), metre=JIG) for tune in TUNES]
    sets = match_tunes([EighthsAtRandom()], tunes, 4, CONFIG)
    assert all(each.mismatch == 0 and each.made[0].ticks == each.real.ticks for each in sets)
    assert len({each.made[0].pitches.tobytes() for each in sets}) == 4


def test_a_sample_moved_into_another_key_is_what_the_model_makes_there() -> None:
    vocabulary = NoteVocabulary()
    tokens = vocabulary.encode(TUNES[0])
    for tonic in range(12):
        assert vocabulary.decode(tokens, 0).transposed(tonic) == vocabulary.decode(tokens, tonic)


def test_the_same_seed_gives_the_same_tunes_and_another_seed_others() -> None:
    first, second, other = (match_tunes([NotesAtRandom()], TUNES, 2, GenerationConfig(seed=seed)) for seed in (3, 3, 4))
    assert first == second != other


def test_short_long_and_silent_tunes_are_not_suitable() -> None:
    tune = walking_tune(0, n_bars=8)
    assert is_suitable(tune)
    assert not is_suitable(walking_tune(0, n_bars=7))
    assert not is_suitable(walking_tune(0, n_bars=65))
    assert not is_suitable(replace(tune, pitches=np.full(len(tune), REST)))
    assert not is_suitable(replace(tune, metre=Metre(0, 4)))


def test_too_few_tunes_are_refused_with_the_number_that_there_are() -> None:
    with pytest.raises(InputError, match="n_tunes=12 or less"):
        match_tunes([NotesAtRandom()], TUNES, 13, CONFIG)


def test_real_and_made_tunes_look_alike(sets: list[MatchedSet]) -> None:
    """Nothing but notes, bars and key is left: no title, source, chord, sign of form, kind or spelling."""
    real = replace(
        sets[0].real,
        chords=(Chord(0, 0, "major", 0),),
        form=(FormMark(4, FormSign.REPEAT_END),),
        kind="reel",
    )
    test = ListeningTest.of([replace(sets[0], real=real), *sets[1:]], SOURCES, seed=3)
    for number, tune in enumerate(test.tunes, 1):
        assert (tune.title, tune.source, tune.corpus, tune.kind) == (f"Tune {number}", "", "unknown", "unknown")
        assert (tune.form, tune.chords, tune.part_order, len(tune.spelling)) == ((), (), "", 0)
    assert "Title" not in test.to_abc()


def test_the_key_names_the_source_of_every_tune(sets: list[MatchedSet]) -> None:
    test = ListeningTest.of(sets, SOURCES, seed=3)
    assert sorted((tune.matched_set, tune.source) for tune in test.key.tunes) == [
        (m, s) for m in range(5) for s in (0, 1)
    ]
    for tune, entry in zip(test.tunes, test.key.tunes, strict=True):
        each = sets[entry.matched_set]
        assert np.array_equal(tune.pitches, (each.real, *each.made)[entry.source].pitches)
        assert (entry.title, entry.origin) == (each.real.title, each.real.source)
    assert [tune.source for tune in test.key.tunes] != sorted(tune.source for tune in test.key.tunes)


def test_a_test_without_real_tunes_has_the_made_ones(sets: list[MatchedSet]) -> None:
    test = ListeningTest.of(sets, SOURCES[1:], seed=3)
    made = [each.made[0].pitches.tolist() for each in sets]
    assert sorted(tune.pitches.tolist() for tune in test.tunes) == sorted(made)
    assert test.key.real_source is None


def test_the_same_seed_gives_the_same_test(sets: list[MatchedSet]) -> None:
    first, second, other = (ListeningTest.of(sets, SOURCES, seed) for seed in (3, 3, 4))
    assert first == second
    assert first.key.test_id != other.key.test_id
    assert not set(first.ids) & set(other.ids)


def test_the_abc_file_holds_every_tune_under_its_number(sets: list[MatchedSet]) -> None:
    test = ListeningTest.of(sets, SOURCES, seed=3)
    numbers = [line for line in test.to_abc().splitlines() if line.startswith(("X:", "T:"))]
    assert numbers == [line for number in range(1, 11) for line in (f"X:{number}", f"T:Tune {number}")]
