import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.strategies import formed_melodies, melodies

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.form import FormMark, FormSign
from chromasonic.melody_generation.melody import REST, Departure, Melody, Metre
from chromasonic.melody_generation.vocabulary import (
    BARS_INDEX,
    CORPORA,
    DURATIONS,
    HIGHEST,
    LOWEST,
    MAX_BARS,
    METRES,
    MIDDLE_C,
    N_CORPORA,
    PREFIX_LENGTH,
    STARTS,
    NoteVocabulary,
)

VOCABULARY = NoteVocabulary()
IDS = {VOCABULARY.name(token): token for token in range(len(VOCABULARY))}

# A sampled prefix may have a start beyond its first bar.
prefixes = st.tuples(
    *(
        st.sampled_from([token for name, token in IDS.items() if name.startswith(f"<{group}:")])
        for group in ("corpus", "kind", "bars", "metre", "mode", "start")
    )
)
# Half of them are notes, so that signs, bar and metre tokens are often adjacent.
music = st.integers(VOCABULARY.first_note, len(VOCABULARY) - 1) | st.sampled_from(
    [VOCABULARY.bar, *VOCABULARY.signs, *map(VOCABULARY.metre_token, METRES)]
)


@st.composite
def any_melodies(draw: st.DrawFn) -> Melody:
    """Draw a melody with values that may have no token."""
    n_notes = draw(st.integers(0, 12))
    metre = draw(st.sampled_from((*METRES, Metre(13, 8), Metre(1, 32), Metre(11, 4))))
    durations = draw(st.lists(st.integers(1, 500), min_size=n_notes, max_size=n_notes))
    start = draw(st.integers(0, min(metre.bar_ticks, 300) - 1))
    departures = []
    if n_notes > 1:
        note = draw(st.integers(1, n_notes - 1))
        new = draw(st.sampled_from((None, Metre(7, 8), Metre(13, 8))))
        if new or (start + sum(durations[:note])) % metre.bar_ticks:
            departures.append(Departure(note, None if new == metre else new))
    assume(not departures or departures[0].metre or (start + sum(durations[:note])) % metre.bar_ticks)
    return Melody(
        draw(st.lists(st.integers(REST, 127), min_size=n_notes, max_size=n_notes)),
        durations,
        metre,
        start,
        departures,
        draw(st.integers(0, 11)),
        corpus=draw(st.sampled_from((*CORPORA, "elsewhere"))),
    )


@given(melodies())
def test_decoding_inverts_encoding(melody: Melody) -> None:
    tokens = VOCABULARY.encode(melody)
    assert VOCABULARY.decode(tokens, tonic=melody.tonic) == replace(melody, title="", source="")
    assert tokens.dtype == np.int64
    assert len(tokens) == PREFIX_LENGTH + len(melody) + len(melody.departures) + 1


@given(formed_melodies(), st.none() | st.integers(0, 100))
def test_decoding_returns_what_is_encoded_of_any_melody(melody: Melody, bars: int | None) -> None:
    part = VOCABULARY.encoded_part(melody)
    tokens = VOCABULARY.encode(melody, bars)
    assert VOCABULARY.decode(tokens, tonic=melody.tonic) == part
    assert VOCABULARY.encode(part, bars).tolist() == tokens.tolist()
    assert len(tokens) == PREFIX_LENGTH + len(melody) + len(part.form) + len(melody.departures) + 1
    assert VOCABULARY.token_bars[tokens[BARS_INDEX]] == (bars if bars and bars <= MAX_BARS else 0)


@given(formed_melodies())
def test_scored_tokens_tell_neither_the_kind_nor_the_length(melody: Melody) -> None:
    tokens = VOCABULARY.encode_for_scoring(melody)
    assert VOCABULARY.unknown_kind in tokens[:PREFIX_LENGTH]
    assert VOCABULARY.unknown_bars in tokens[:PREFIX_LENGTH]
    assert tokens[PREFIX_LENGTH:].tolist() == VOCABULARY.encode(melody, melody.n_bars)[PREFIX_LENGTH:].tolist()


def test_a_corpus_has_a_slot_if_the_vocabulary_names_it() -> None:
    other = VOCABULARY.with_corpora(["mine", "nottingham"])
    assert other.corpora == (*CORPORA, "mine")
    melody = Melody([60], [24], corpus="mine")
    assert other.decode(other.encode(melody)) == melody
    assert VOCABULARY.decode(VOCABULARY.encode(melody)).corpus == "unknown"
    assert (other.fingerprint, len(other)) == (VOCABULARY.fingerprint, len(VOCABULARY))


def test_names_beyond_the_slots_are_left_out() -> None:
    assert len(VOCABULARY.with_corpora(map(str, range(50))).corpora) == N_CORPORA
    for names in ([], ["a", "a"], [str(number) for number in range(N_CORPORA + 1)]):
        with pytest.raises(ValueError, match=f"1 to {N_CORPORA} different names"):
            NoteVocabulary(names)


@given(melodies(), st.integers(-11, 11))
def test_a_transposed_tune_has_the_same_tokens(melody: Melody, semitones: int) -> None:
    transposed = melody.transposed(semitones)
    octaves = (melody.tonic + semitones) // 12  # pitches are relative to the tonic above middle C
    same = replace(transposed, pitches=np.where(transposed.pitches == REST, REST, transposed.pitches - 12 * octaves))
    assert VOCABULARY.encode(same).tolist() == VOCABULARY.encode(melody).tolist()


@given(melodies())
def test_padding_and_tokens_after_the_end_are_ignored(melody: Melody) -> None:
    tokens = VOCABULARY.encode(melody)
    padded = np.concatenate([tokens, [VOCABULARY.pad] * 3])
    decoded = VOCABULARY.decode(tokens)
    assert VOCABULARY.decode(padded) == decoded
    assert VOCABULARY.decode(np.concatenate([tokens[:-1], [VOCABULARY.pad] * 3])) == decoded
    assert VOCABULARY.decode(np.concatenate([tokens, [VOCABULARY.first_note, VOCABULARY.end]])) == decoded


@given(prefixes, st.lists(music, max_size=25), st.integers(0, 11))
def test_any_music_after_a_valid_prefix_decodes_to_an_encodable_melody(
    prefix: tuple[int, ...], ids: list[int], tonic: int
) -> None:
    melody = VOCABULARY.decode([*prefix, *ids], tonic=tonic)
    notes = [token for token in ids if VOCABULARY.is_note(token)]
    assert melody.durations.tolist() == VOCABULARY.token_ticks[notes].tolist()
    assert melody.tonic == tonic
    again = VOCABULARY.decode(VOCABULARY.encode(melody), tonic=tonic)
    assert again == melody


@given(prefixes, st.lists(music, max_size=25))
def test_positions_of_a_decoded_melody_agree_with_its_tokens(prefix: tuple[int, ...], ids: list[int]) -> None:
    bar_ticks = int(VOCABULARY.token_bar_ticks[prefix[3]])
    position = int(VOCABULARY.token_start[prefix[5]])
    assume(position < bar_ticks)
    positions = []
    for token in ids:
        if VOCABULARY.is_note(token):
            positions.append(position)
            position = (position + int(VOCABULARY.token_ticks[token])) % bar_ticks
        elif token not in VOCABULARY.signs:
            position = 0
            if token != VOCABULARY.bar:
                bar_ticks = int(VOCABULARY.token_bar_ticks[token])
    assert VOCABULARY.decode([*prefix, *ids]).positions.tolist() == positions


@given(any_melodies())
def test_fitted_melodies_can_be_encoded_and_dropped_ones_have_a_reason(melody: Melody) -> None:
    fitted = VOCABULARY.fit(melody)
    if fitted.melody is None:
        assert fitted.drop_reason
        return
    assert fitted.drop_reason == ""
    decoded = VOCABULARY.decode(VOCABULARY.encode(fitted.melody), tonic=melody.tonic)
    assert decoded == VOCABULARY.encoded_part(fitted.melody)
    assert VOCABULARY.fit(fitted.melody) == type(fitted)(fitted.melody)


@given(any_melodies())
def test_fitting_changes_as_little_as_possible(melody: Melody) -> None:
    fitted = VOCABULARY.fit(melody)
    assume(fitted.melody is not None)
    assert fitted.melody is not None
    n_rounded = int(fitted.melody.start != melody.start)
    for before, after in zip(melody.durations.tolist(), fitted.melody.durations.tolist(), strict=True):
        assert abs(before - after) == min(abs(before - duration) for duration in DURATIONS)
        n_rounded += before != after
    n_moved = 0
    for before, after in zip(melody.pitches.tolist(), fitted.melody.pitches.tolist(), strict=True):
        assert (before - after) % 12 == 0
        if before == REST or LOWEST <= before - MIDDLE_C - melody.tonic <= HIGHEST:
            assert after == before
        n_moved += before != after
    assert fitted.n_durations_rounded == n_rounded
    assert fitted.n_pitches_moved == n_moved


@given(melodies())
def test_fitting_does_not_change_an_encodable_melody(melody: Melody) -> None:
    fitted = VOCABULARY.fit(melody)
    assert fitted.melody is melody
    assert (fitted.n_durations_rounded, fitted.n_pitches_moved) == (0, 0)


def test_a_drop_reason_names_the_metre() -> None:
    assert "13/8 has no token" in VOCABULARY.fit(Melody([60], [12], Metre(13, 8))).drop_reason


def test_a_departure_that_rounding_removes_is_omitted() -> None:
    # 94 ticks become 96, so that the written bar line agrees with the count.
    fitted = VOCABULARY.fit(Melody([60, 60], [94, 12], departures=[Departure(1)])).melody
    assert fitted == Melody([60, 60], [96, 12])


def test_a_start_without_a_token_stays_within_its_bar() -> None:
    fitted = VOCABULARY.fit(Melody([60], [12], Metre(4, 4), start=95)).melody
    assert fitted is not None
    assert fitted.start == 93


@pytest.mark.parametrize(
    ("melody", "message"),
    [
        (
            Melody([60, 60 + HIGHEST + 1], [24, 24]),
            rf"note 1 \(MIDI pitch {61 + HIGHEST}, 24 ticks, tonic 0\)",
        ),
        (Melody([60 + LOWEST - 1], [24]), rf"note 0 \(MIDI pitch {59 + LOWEST}"),
        (Melody([60, 60, 60], [24, 24, 5]), r"note 2 \(MIDI pitch 60, 5 ticks.*NoteVocabulary\.fit"),
        (Melody([60], [500]), r"note 0 \(MIDI pitch 60, 500 ticks"),
        (Melody([60], [24], Metre(13, 8)), "no token for metre 13/8; there are free, 1/4"),
        (Melody([60], [24], start=1), "no token for start position 1; there are 0, 3, 4"),
        (Melody([60] * 2, [24] * 2, departures=[Departure(1, Metre(13, 8))]), "no token for metre 13/8"),
    ],
)
def test_values_without_a_token_raise_an_error_with_the_value(melody: Melody, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VOCABULARY.encode(melody)


@pytest.mark.parametrize("n_tokens", range(PREFIX_LENGTH))
def test_an_incomplete_prefix_raises_an_error(n_tokens: int) -> None:
    tokens = VOCABULARY.encode(Melody([60], [24]))
    with pytest.raises(ValueError, match="begins with corpus, kind, bars, metre, mode and start"):
        VOCABULARY.decode(tokens[:n_tokens])
    with pytest.raises(ValueError, match="begins with corpus, kind, bars, metre, mode and start"):
        VOCABULARY.decode(np.delete(tokens, n_tokens))


@pytest.mark.parametrize("name", ["<corpus:1>", "<kind:jig>", "<bars:16>", "<mode:minor>", "<start:12>"])
def test_control_tokens_in_the_music_raise_an_error(name: str) -> None:
    tokens = VOCABULARY.encode(Melody([60, 62], [24, 24])).tolist()
    with pytest.raises(ValueError, match=f"{name} is not allowed in the music"):
        VOCABULARY.decode([*tokens[:-1], IDS[name], VOCABULARY.end])


def test_every_token_has_a_distinct_name() -> None:
    assert len(IDS) == len(VOCABULARY)
    assert [VOCABULARY.name(token) for token in range(4)] == ["<pad>", "<end>", "<bar>", "<||>"]


def test_token_tables_agree_with_the_names() -> None:
    for name, token in IDS.items():
        is_note = not name.startswith("<")
        assert bool(VOCABULARY.is_note(token)) == is_note
        pitch, duration = VOCABULARY.token_pitch[token], VOCABULARY.token_duration[token]
        assert VOCABULARY.token_bars[token] == (int(name[6:-1]) if re.fullmatch(r"<bars:\d+>", name) else 0)
        start, bar_ticks = VOCABULARY.token_start[token], VOCABULARY.token_bar_ticks[token]
        assert start == (int(name[7:-1]) if name.startswith("<start:") else -1)
        assert bar_ticks == (Metre.parse(name[7:-1]).bar_ticks if name.startswith("<metre:") else -1)
        if is_note:
            height, ticks = name.split("/")
            assert VOCABULARY.token_ticks[token] == int(ticks) == VOCABULARY.duration_classes[duration]
            rest = pitch == VOCABULARY.rest_class
            assert height == ("rest" if rest else f"{VOCABULARY.pitch_classes[pitch]:+d}")
        else:
            assert (pitch, duration, VOCABULARY.token_ticks[token]) == (-1, -1, 0)


def test_notes_are_the_product_of_pitches_and_durations() -> None:
    notes = VOCABULARY.is_note(np.arange(len(VOCABULARY)))
    assert notes.sum() == (len(VOCABULARY.pitch_classes) + 1) * len(DURATIONS)
    assert notes[VOCABULARY.first_note :].all()


def test_durations_and_starts_are_sorted_and_metres_are_distinct() -> None:
    assert list(DURATIONS) == sorted(set(DURATIONS))
    assert list(STARTS) == sorted(set(STARTS))
    assert len(set(METRES)) == len(METRES)
    assert max(STARTS) < VOCABULARY.longest_bar


def test_all_vocabularies_are_equal() -> None:
    other = NoteVocabulary()
    assert other.fingerprint == VOCABULARY.fingerprint
    assert len(other) == len(VOCABULARY)
    for table in ("token_pitch", "token_duration", "token_ticks", "token_start", "token_bar_ticks"):
        assert np.array_equal(getattr(other, table), getattr(VOCABULARY, table))


def test_a_vocabulary_with_another_token_has_another_fingerprint() -> None:
    other = NoteVocabulary()
    other._names.append("<new>")
    assert other.fingerprint != VOCABULARY.fingerprint


def test_tokens_of_a_tune_written_by_hand() -> None:
    tune = Melody(
        [74, 78, 81, REST, 74],
        [12, 12, 48, 24, 12],
        Metre(6, 8),
        start=60,
        departures=[Departure(3), Departure(4, Metre(3, 4))],
        tonic=2,
        mode="dorian",
        corpus="nottingham",
        kind="jig",
        form=[FormMark(3, FormSign.REPEAT_END), FormMark(5, FormSign.REPEAT_END)],
    )
    assert [VOCABULARY.name(int(token)) for token in VOCABULARY.encode(tune, bars=4)] == [
        *("<corpus:2>", "<kind:jig>", "<bars:4>", "<metre:6/8>", "<mode:dorian>", "<start:60>"),
        *("+12/12", "+16/12", "+19/48", "<:|>", "<|:>", "<bar>", "rest/24", "<metre:3/4>", "+12/12", "<:|>", "<end>"),
    ]


@pytest.mark.usefixtures("nottingham_directory")
def test_all_nottingham_tunes_round_trip() -> None:
    for melody in NottinghamCorpus().load():
        tokens = VOCABULARY.encode(melody)
        assert VOCABULARY.decode(tokens, tonic=melody.tonic) == VOCABULARY.encoded_part(melody)
