"""Drafts follow the distribution of the network given what was asked for, and keep to what was asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare
from tests.unit.generation.test_generate import AfterLast, token_of

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import FormMark, FormSign
from chromasonic.melody_generation.generation.conditions import RANGES, parse_range
from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.generation.melody_plan import parse_form
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH, NoteVocabulary

VOCABULARY = NoteVocabulary()
A, B = token_of(0, 24), token_of(4, 24)
END = VOCABULARY.end
# A melody wants to end after B, and B likes to follow A.
AFTER = {A: {A: 0.3, B: 0.6, END: 0.1}, B: {A: 0.25, B: 0.25, END: 0.5}}
QUARTERS = Melody([60, 62, 64, 65, 67, 65, 64, 62] * 4, [24] * 32)
NETWORK = AfterLast({A: 0.6, B: 0.4}, AFTER)


def pairs_of(melodies: list[Melody]) -> Counter[tuple[int, int]]:
    return Counter(
        (int(tokens[PREFIX_LENGTH]), int(tokens[PREFIX_LENGTH + 1])) for tokens in map(VOCABULARY.encode, melodies)
    )


@pytest.mark.parametrize("length", [{"notes": 2}, {"bars": 2, "metre": "1/4"}])
def test_a_melody_of_a_given_length_ends_where_the_network_wants_to_end(length: dict[str, Any]) -> None:
    pairs = pairs_of(generate(NETWORK, count=300, drafts=32, seed=2, **length))
    first = {A: 0.6, B: 0.4}
    shares = {(x, y): first[x] * AFTER[x][y] * AFTER[y][END] for x in first for y in first}
    expected = {pair: 300 * share / sum(shares.values()) for pair, share in shares.items()}
    assert chisquare([pairs[pair] for pair in expected], list(expected.values())).pvalue > 0.01
    with_one = pairs_of(generate(NETWORK, count=300, drafts=1, seed=2, **length))
    masked = {(x, y): 300 * first[x] * AFTER[x][y] / (1 - AFTER[x][END]) for x in first for y in first}
    assert chisquare([with_one[pair] for pair in masked], list(masked.values())).pvalue > 0.01
    assert sum(pair[1] == B for pair in pairs.elements()) > sum(pair[1] == B for pair in with_one.elements()) + 25


def test_bars_composed_anew_fit_what_follows_them() -> None:
    tune = VOCABULARY.decode([*VOCABULARY.encode(Melody([], [], metre=metre_of("1/4")))[:-1], A, A, A, END])
    melodies = generate(NETWORK, primer=tune, fill="2", count=300, drafts=32, seed=4)
    middle = Counter(int(VOCABULARY.encode(melody)[PREFIX_LENGTH + 1]) for melody in melodies)
    shares = {x: AFTER[A][x] * AFTER[x][A] for x in (A, B)}
    expected = {x: 300 * share / sum(shares.values()) for x, share in shares.items()}
    assert chisquare([middle[x] for x in expected], list(expected.values())).pvalue > 0.01


def test_forms_with_copies_are_as_likely_as_the_network_says() -> None:
    section = VOCABULARY.sign_token(FormSign.SECTION)
    after = {
        A: {A: 0.2, B: 0.2, section: 0.5, END: 0.1},
        B: {A: 0.3, B: 0.2, section: 0.2, END: 0.3},
        section: {A: 0.3, B: 0.7},
    }
    first = {A: 0.6, B: 0.4}
    network = AfterLast(first, after)
    pairs: Counter[tuple[int, int]] = Counter()
    for melody in generate(network, count=400, metre="1/4", form="ABA", bars=3, drafts=32, seed=3):
        x, _, y, _, again, _ = VOCABULARY.encode(melody)[PREFIX_LENGTH:].tolist()
        assert again == x
        pairs[x, y] += 1
    shares = {
        (x, y): first[x] * after[x][section] * after[section][y] * after[y][section] * after[section][x] * after[x][END]
        for x in first
        for y in first
    }
    expected = {pair: 400 * share / sum(shares.values()) for pair, share in shares.items()}
    assert chisquare([pairs[pair] for pair in expected], list(expected.values())).pvalue > 0.01


def metre_of(text: str) -> Any:
    return Melody([], [], generate(NETWORK, metre=text, notes=1)[0].metre).metre


@pytest.mark.parametrize("options", [{}, {"upbeat": "1/8"}, {"metre": "6/8", "upbeat": "1/8", "key": "D"}], ids=str)
def test_parts_have_equal_lengths_and_return_as_they_were(options: dict[str, Any]) -> None:
    network = MarkovNetwork(0)  # every allowed token is equally likely
    for melody in generate(network, count=3, form="AABA", bars=9, drafts=2, **options):
        part = 3 * melody.metre.bar_ticks
        assert (melody.n_bars, melody.ticks) == (9, 3 * part)
        signs = [(mark.sign, int(melody.onsets[mark.note])) for mark in melody.form]
        assert signs == [(FormSign.REPEAT_END, part), (FormSign.SECTION, 2 * part)]
        first, last = (
            [
                (onset - begin, pitch, ticks)
                for onset, pitch, ticks in zip(
                    melody.onsets.tolist(), melody.pitches.tolist(), melody.durations.tolist(), strict=True
                )
                if begin <= onset < begin + part
            ]
            for begin in (0, 2 * part)
        )
        assert first == last


def test_parts_have_eight_bars_unless_bars_are_given() -> None:
    assert generate(MarkovNetwork(0), form="AABB", drafts=1)[0].n_bars == 16


def test_a_form_continues_a_primer() -> None:
    primer = Melody([60, 62, 64], [24, 24, 24], metre_of("2/4"))
    for melody in generate(MarkovNetwork(0), primer=primer, form="ABA", bars=6, count=3, drafts=2):
        assert melody.pitches[:3].tolist() == [60, 62, 64]
        begin = int(np.searchsorted(melody.onsets, 4 * 48))
        assert melody.pitches[begin : begin + 3].tolist() == [60, 62, 64]


@pytest.mark.parametrize("form", ["AABB", "ABA", "AAB"])
def test_a_primer_may_be_the_whole_first_part(form: str) -> None:
    for melody in generate(MarkovNetwork(0), primer=QUARTERS, form=form, count=3, drafts=2, key="D"):
        assert melody.n_bars == 8 * len(parse_form(form))
        assert melody.pitches[: len(QUARTERS)].tolist() == [pitch + 2 for pitch in QUARTERS.pitches.tolist()]
        sign, sign_at = melody.form[0].sign, int(melody.onsets[melody.form[0].note])
        assert (sign, sign_at) == (FormSign.REPEAT_END if form[:2] == "AA" else FormSign.SECTION, QUARTERS.ticks)
        if form == "ABA":
            assert melody.pitches[-len(QUARTERS) :].tolist() == melody.pitches[: len(QUARTERS)].tolist()


@pytest.mark.parametrize("instrument", RANGES)
def test_all_notes_are_in_the_range_of_an_instrument(instrument: str) -> None:
    lowest, highest = parse_range(instrument)
    melodies = generate(MarkovNetwork(0), count=4, notes=30, key="G", range=instrument)
    pitches = np.concatenate([melody.pitches[melody.pitches != REST] for melody in melodies])
    assert lowest <= pitches.min() < pitches.max() <= highest


@pytest.mark.parametrize(
    "length",
    [
        {"bars": 2},
        {"notes": 5},
        {"max_notes": 6},
        {"form": "AA", "bars": 2},
        {"form": "AABA", "bars": 6},
        {"form": "ABAB", "bars": 4},
    ],
    ids=str,
)
def test_a_melody_ends_on_the_tonic_if_asked(length: dict[str, Any]) -> None:
    for melody in generate(MarkovNetwork(0), count=12, key="D", ends_on="tonic", seed=3, **length):
        assert melody.pitches[melody.pitches != REST][-1] % 12 == 2


def test_the_seed_and_not_the_number_of_melodies_decides() -> None:
    network = MarkovNetwork(0)  # melodies of the same length in bars have different numbers of notes
    for options in ({"bars": 3}, {"form": "ABA", "bars": 3}, {"range": "fiddle", "max_notes": 9}):
        asked: dict[str, Any] = {**options, "drafts": 4, "seed": 7}
        six = generate(network, count=6, **asked)
        assert len({len(melody) for melody in six}) > 1
        assert generate(network, count=2, **asked) == six[:2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"form": "AABB", "bars": 9}, "form=AABB has 2 written parts of equal length, so bars is a multiple of 2"),
        ({"form": "AABB", "notes": 9}, "leave notes out"),
        ({"form": "A", "metre": "free"}, "bars cannot be counted in free metre"),
        ({"range": "G3"}, "a range is written like G3:B5"),
        ({"range": "fidle"}, "did you mean fiddle"),
        ({"range": "C4:D4"}, "a range spans an octave at least"),
        ({"range": "C8:C9"}, "none of the notes that can be written in this key, A2 to D6"),
        (
            {"range": "C#6:C#7", "ends_on": "tonic"},
            "has no tonic among the notes .* A2 to D6, so no melody can end on it",
        ),
        ({"bars": 2.0}, "bars is a whole number, got 2.0"),
        ({"bars": 10**30}, "bars is at most 1000000, got 1000"),
        ({"max_notes": 10**30}, "max_notes is at most 1000000, got 1000"),
        ({"bars": "2"}, "bars is a whole number, got '2'"),
        ({"count": None}, "count is a whole number, got None"),
        ({"fill": 2}, "fill is a text, got 2"),
        ({"temperature": "hot"}, "temperature is a number, got 'hot'"),
        ({"ends_on": "fifth"}, "ends_on is tonic, or left out"),
        ({"kind": "jigg"}, "no kind of tune is called 'jigg', did you mean jig"),
        ({"drafts": 0}, "drafts is a whole number of 1 to 256"),
        ({"fill": "2"}, "fill is about a primer, but no primer was given"),
        ({"without_primer": True}, "without_primer is about a primer"),
        ({"fill": "2", "vary": 0.5}, "give one of them"),
        ({"vary": 0.5, "bars": 2}, "vary keeps the rest of the tune as it is: leave bars out"),
        ({"vary": 0.0}, "vary is the share of the bars that change"),
        ({"primer_bars": 1, "primer_notes": 1}, "give one of them"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_for_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        generate(NETWORK, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"form": "AABB", "bars": 12}, "no room in the first part of form=AABB, which has 6 bars"),
        ({"form": "AA", "bars": 8}, "no room in the first part of form=AA"),
        ({"primer_bars": 9}, "the primer has 8 bars, so primer_bars=9 is not possible"),
        ({"fill": "9"}, "the tune has bars 1 to 8"),
        ({"vary": 0.5, "corpus": "bach"}, "no corpus is called 'bach'"),
        ({"vary": 0.5, "top_k": 5000}, "top_k is at most"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_of_a_primer_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        generate(NETWORK, primer=QUARTERS, **arguments)


@pytest.mark.parametrize("asked", [{"fill": "1"}, {"vary": 0.5}])
def test_an_upbeat_alone_has_no_bar_to_compose_anew(asked: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="the tune has no bar"):
        generate(NETWORK, primer=Melody([60], [24], metre_of("3/4"), start=48), **asked)


def test_the_signs_of_a_form_replace_those_of_a_primer() -> None:
    form = (FormMark(4, FormSign.REPEAT_END), FormMark(4, FormSign.REPEAT_BEGIN), FormMark(8, FormSign.SECTION))
    primer = replace(QUARTERS, form=form)
    for melody in generate(MarkovNetwork(0), primer=primer, primer_bars=3, form="ABA", bars=12, count=3, drafts=2):
        assert [(mark.sign, int(melody.onsets[mark.note])) for mark in melody.form] == [
            (FormSign.SECTION, 4 * 96),
            (FormSign.SECTION, 8 * 96),
        ]


@pytest.mark.parametrize("departure", [Departure(3), Departure(4, Metre(3, 4))], ids=str)
def test_parts_of_equal_length_need_bars_of_equal_length(departure: Departure) -> None:
    with pytest.raises(InputError, match="the primer has other bars"):
        generate(NETWORK, primer=replace(QUARTERS, departures=(departure,)), form="AA", bars=12)


def test_an_upbeat_is_counted_in_the_metre_in_which_it_is() -> None:
    primer = Melody([60] * 7, [12] * 7, Metre(6, 8), start=60, departures=[Departure(6, Metre(4, 4))])
    for melody in generate(MarkovNetwork(0), primer=primer, bars=4, count=3, drafts=1):
        # An eighth before the first bar line, five in a bar that is cut off, and three bars, the last shorter.
        assert (melody.n_bars, melody.ticks) == (4, 12 + 60 + 3 * 96 - 12)


def test_a_primer_is_continued_by_a_sounding_note_though_the_network_wants_to_end() -> None:
    network = AfterLast({A: 1e-6, END: 1 - 1e-6})
    tune = replace(QUARTERS, form=(FormMark(16, FormSign.REPEAT_END), FormMark(16, FormSign.REPEAT_BEGIN)))
    for asked in ({}, {"notes": 33}, {"drafts": 1, "range": "voice"}):
        [melody] = generate(network, primer=tune, **asked)
        assert len(melody) == 33
        [rest] = generate(network, primer=tune, without_primer=True, **asked)
        assert rest.pitches.tolist() == melody.pitches[32:].tolist()


def test_what_follows_a_primer_begins_without_the_sign_that_ends_it() -> None:
    repeat = VOCABULARY.sign_token(FormSign.REPEAT_END)
    network = AfterLast({A: 1.0}, {A: {repeat: 0.999, A: 0.001}, repeat: {A: 1.0}})
    primer = Melody([60] * 4, [24] * 4)
    [melody] = generate(network, primer=primer, notes=8)
    assert FormMark(4, FormSign.REPEAT_END) in melody.form
    [rest] = generate(network, primer=primer, notes=8, without_primer=True)
    assert (len(rest), rest.form) == (4, ())
