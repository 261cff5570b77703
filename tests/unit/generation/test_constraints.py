"""Any sequence of allowed tokens is the encoding of a melody, and the limits on its length hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from tests.strategies import formed_melodies, starts

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import FormMark, FormSign
from chromasonic.melody_generation.generation.constraints import DecodingConstraints
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_plan import PlanProgress, Stretch
from chromasonic.melody_generation.generation.melody_sampling import plan_of
from chromasonic.melody_generation.melody import MODES, REST, IntArray, Melody, Metre
from chromasonic.melody_generation.vocabulary import METRES, PREFIX_LENGTH, NoteVocabulary

VOCABULARY = NoteVocabulary()
OPEN = [PlanProgress([Stretch(has_signs=True)])]  # the model ends the melody
METRE_TOKENS = [VOCABULARY.metre_token(metre) for metre in METRES]


def plan_after(constraints: DecodingConstraints, tokens: ArrayLike) -> PlanProgress:
    """Return the plan of a melody of which prefix and first notes are there."""
    ids = np.asarray(tokens)
    return plan_of(VOCABULARY.decode(ids), ids, constraints.config.asked_outline, constraints.config)


def chosen(
    constraints: DecodingConstraints, beginning: IntArray, seed: int, *, favoured_tokens: tuple[int, ...] = ()
) -> IntArray:
    """Return tokens chosen at random from those allowed, with a preference for ``favoured_tokens``."""
    generator = np.random.default_rng(seed)
    tokens = beginning.tolist()
    state, plan = constraints.begin(torch.tensor([tokens])), plan_after(constraints, tokens)
    while tokens[-1] != VOCABULARY.end:
        allowed = constraints.allowed(state, [plan])[0].numpy().nonzero()[0]
        favoured = np.intersect1d(allowed, favoured_tokens)
        pool = favoured if len(favoured) and generator.random() < 0.3 else allowed
        tokens.append(int(generator.choice(pool)))
        state = constraints.after(state, torch.tensor(tokens[-1:]))
        plan.after(tokens[-1], int(state.elapsed))
    return np.array(tokens)


def allowed_after(constraints: DecodingConstraints, tokens: ArrayLike) -> set[str]:
    """Return the names of the tokens that may follow prefix and music."""
    state = constraints.begin(torch.tensor(np.asarray(tokens)[None]))
    allowed = constraints.allowed(state, [plan_after(constraints, tokens)])[0]
    return {VOCABULARY.name(int(token)) for token in allowed.nonzero()[:, 0]}


def without_open_ending(tokens: IntArray) -> list[int]:
    """Return tokens without a first ending that nothing closes, as a melody has that is cut at its length."""
    signs = [VOCABULARY.sign_of(token) for token in tokens.tolist()]
    firsts = [index for index, sign in enumerate(signs) if sign and sign[0] is FormSign.ENDING and 1 in sign[1]]
    is_open = bool(firsts) and (FormSign.REPEAT_END, ()) not in signs[firsts[-1] :]
    return np.delete(tokens, firsts[-1:] if is_open else []).tolist()


@st.composite
def beginnings(draw: st.DrawFn) -> Melody:
    metre = draw(st.sampled_from(METRES))
    return Melody([], [], metre, draw(starts(metre)), mode=draw(st.sampled_from(MODES)), corpus="unknown")


@pytest.mark.slow
@given(
    beginnings(), st.integers(0, 1 << 30), st.sampled_from([GenerationConfig(max_notes=12), GenerationConfig(notes=9)])
)
def test_allowed_tokens_are_the_encoding_of_a_melody(beginning: Melody, seed: int, config: GenerationConfig) -> None:
    tokens = chosen(
        DecodingConstraints(config),
        VOCABULARY.encode(beginning)[:-1],
        seed,
        favoured_tokens=(VOCABULARY.bar, *METRE_TOKENS, *VOCABULARY.signs),
    )
    melody = VOCABULARY.decode(tokens)
    assert VOCABULARY.encode(melody).tolist() == without_open_ending(tokens)
    assert (melody.pitches != REST).any()


@pytest.mark.slow
@given(formed_melodies())
def test_the_encoding_of_any_melody_is_allowed(melody: Melody) -> None:
    constraints, tokens = DecodingConstraints(GenerationConfig()), VOCABULARY.encode(melody)
    state = constraints.begin(torch.from_numpy(tokens[None, :PREFIX_LENGTH]))
    for token in torch.from_numpy(tokens[PREFIX_LENGTH:]):
        if token != VOCABULARY.end or (melody.pitches != REST).any():
            assert constraints.allowed(state, OPEN)[0, token], VOCABULARY.name(int(token))
        state = constraints.after(state, token[None])


@pytest.mark.slow
@given(beginnings().filter(lambda melody: melody.metre.beats > 0), st.integers(0, 1 << 30), st.integers(1, 3))
def test_a_melody_of_given_bars_consists_of_complete_bars(beginning: Melody, seed: int, bars: int) -> None:
    tokens = chosen(DecodingConstraints(GenerationConfig(bars=bars)), VOCABULARY.encode(beginning)[:-1], seed)
    melody = VOCABULARY.decode(tokens)
    assert melody.ticks == bars * beginning.metre.bar_ticks
    assert (melody.n_bars, melody.departures) == (bars, ())
    assert (melody.pitches != REST).any()


@pytest.mark.slow
@given(beginnings(), st.integers(0, 1 << 30), st.integers(1, 6))
def test_a_melody_of_max_notes_ends_at_the_next_bar_line(beginning: Melody, seed: int, max_notes: int) -> None:
    constraints = DecodingConstraints(GenerationConfig(max_notes=max_notes))
    tokens = chosen(constraints, VOCABULARY.encode(beginning)[:-1], seed)
    melody = VOCABULARY.decode(tokens)
    if melody.metre.beats == 0 and not melody.departures:
        assert len(melody) <= max_notes
    is_ended_by_length = bool(constraints.is_complete(constraints.begin(torch.from_numpy(tokens[None, :-1])), OPEN))
    assert len(melody) >= max_notes or not is_ended_by_length
    if is_ended_by_length and len(melody) > max_notes:
        longer = Melody([*melody.pitches, 60], [*melody.durations, 12], melody.metre, melody.start, melody.departures)
        bar = longer.segments[-1][2].bar_ticks
        # No note fills the last tick before a bar line.
        assert longer.positions[-1] in (0, bar - 1)
        ends = np.cumsum(melody.durations)[max_notes - 1 :]
        assert not np.isin(melody.bar_lines, ends[ends < melody.ticks]).any()


def test_only_notes_signs_bar_lines_metres_and_the_end_are_allowed() -> None:
    names = {VOCABULARY.name(token) for token in range(len(VOCABULARY))}
    playable = {name for name in names if "/" in name and not name.startswith("<")}
    playable |= {f"<metre:{metre}>" for metre in METRES} | {"<bar>", "<end>"}
    constraints = DecodingConstraints(GenerationConfig())
    assert constraints.n_playable == len(playable) + len(VOCABULARY.signs)
    # In the body of a section a first ending may begin, and no later one.
    signs = {"<||>", "<|:>", "<:|>", "<[1>", "<[1,2>", "<[1,3>", "<[1,2,3>"}
    tokens = VOCABULARY.encode(Melody([60], [12], Metre(6, 8)))[:-1]
    assert allowed_after(constraints, tokens) == playable - {"<metre:6/8>"} | signs


def test_signs_are_allowed_in_the_order_of_their_grammar() -> None:
    constraints = DecodingConstraints(GenerationConfig())
    melody = Melody([60, 62, 64, 65], [24] * 4, form=[FormMark(1, FormSign.ENDING, (1,))])
    marks = {"|:": FormSign.REPEAT_BEGIN, ":|": FormSign.REPEAT_END, "||": FormSign.SECTION}
    note = VOCABULARY.encode(melody)[PREFIX_LENGTH]
    first = VOCABULARY.sign_token(FormSign.ENDING, (1,))
    signs = {name: VOCABULARY.sign_token(sign) for name, sign in marks.items()}

    def allowed_signs(*music: int) -> set[str]:
        tokens = [*VOCABULARY.prefix(melody).tolist(), *music]
        return {name for name in allowed_after(constraints, tokens) if name[1] in "|:[" or name == "<end>"}

    later = {"<[2>", "<[3>", "<[4>", "<[2,4>"}
    assert allowed_signs() == allowed_signs(note, signs["||"]) == allowed_signs(note, signs["|:"]) == set()
    assert allowed_signs(note, signs[":|"]) == {"<|:>", "<end>"}
    assert allowed_signs(note, signs[":|"], note) == {"<||>", "<|:>", "<end>"}
    assert allowed_signs(note, first) == set()
    assert allowed_signs(note, first, note) == {"<:|>"}
    assert allowed_signs(note, first, note, signs[":|"]) == later
    second = VOCABULARY.sign_token(FormSign.ENDING, (2,))
    assert allowed_signs(note, first, note, signs[":|"], second) == set()
    assert allowed_signs(note, first, note, signs[":|"], second, note) == {"<||>", "<|:>", "<:|>", "<end>"}


@pytest.mark.parametrize("config", [GenerationConfig(bars=1), GenerationConfig(notes=4), GenerationConfig(max_notes=4)])
@pytest.mark.parametrize(
    ("signs", "closing"),
    [
        ([], {"<end>", "<:|>"}),
        ([FormMark(2, FormSign.SECTION)], {"<end>", "<:|>"}),
        ([FormMark(2, FormSign.REPEAT_END)], {"<end>"}),  # what follows is opened by no repeat sign
        ([FormMark(2, FormSign.REPEAT_END), FormMark(2, FormSign.REPEAT_BEGIN)], {"<end>", "<:|>"}),
        (
            [
                *(FormMark(1, FormSign.ENDING, (1,)), FormMark(2, FormSign.REPEAT_END)),
                FormMark(2, FormSign.ENDING, (2,)),
            ],
            {"<end>"},
        ),
    ],
)
def test_a_melody_of_the_length_asked_for_ends_after_a_repeat_at_most(
    config: GenerationConfig, signs: list[FormMark], closing: set[str]
) -> None:
    constraints = DecodingConstraints(config)
    tokens = VOCABULARY.encode(Melody([60, 62, 64, 65], [24] * 4, form=signs))[:-1]
    plan = PlanProgress([Stretch(72, has_signs=True)])
    assert constraints.is_complete(constraints.begin(torch.from_numpy(tokens[None])), [plan])
    assert allowed_after(constraints, tokens) == closing
    if "<:|>" in closing:
        assert allowed_after(constraints, [*tokens, VOCABULARY.sign_token(FormSign.REPEAT_END)]) == {"<end>"}


def test_only_a_note_follows_the_prefix_a_bar_line_or_a_metre() -> None:
    constraints = DecodingConstraints(GenerationConfig())
    notes = VOCABULARY.is_note(np.arange(len(VOCABULARY)))
    prefix = VOCABULARY.encode(Melody([], [], Metre(6, 8), start=60))[:-1]
    note = VOCABULARY.encode(Melody([60], [24], Metre(6, 8)))[PREFIX_LENGTH]
    for tokens in (prefix, [*prefix, note, VOCABULARY.bar], [*prefix, note, METRE_TOKENS[2]]):
        state = constraints.begin(torch.tensor([list(tokens)]))
        assert np.array_equal(constraints.allowed(state, OPEN)[0].numpy(), notes)


def test_a_bar_line_is_allowed_only_if_it_departs_from_the_count() -> None:
    constraints = DecodingConstraints(GenerationConfig())
    for ticks, departs in ((72, False), (60, True)):
        tokens = VOCABULARY.encode(Melody([60], [ticks], Metre(6, 8)))[:-1]
        assert (
            constraints.allowed(constraints.begin(torch.from_numpy(tokens[None])), OPEN)[0, VOCABULARY.bar] == departs
        )


@pytest.mark.parametrize("config", [GenerationConfig(bars=1), GenerationConfig(notes=2), GenerationConfig(max_notes=2)])
def test_a_primer_as_long_as_the_limit_is_refused(config: GenerationConfig) -> None:
    constraints = DecodingConstraints(config)
    tokens = VOCABULARY.encode(Melody([60, 62], [36, 36], Metre(6, 8)))[:-1]
    with pytest.raises(InputError, match=r"already has [12] (bars?|notes?) or more: shorten it"):
        constraints.check_length(constraints.begin(torch.from_numpy(tokens[None])), [plan_after(constraints, tokens)])


def test_bars_in_free_metre_are_refused() -> None:
    constraints = DecodingConstraints(GenerationConfig(bars=4))
    tokens = VOCABULARY.encode(Melody([], [], Metre(0, 4)))[:-1]
    with pytest.raises(InputError, match="bars cannot be counted in free metre"):
        constraints.check_length(constraints.begin(torch.from_numpy(tokens[None])), [plan_after(constraints, tokens)])
