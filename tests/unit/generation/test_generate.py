"""Melodies follow the distribution of the network and the given conditions, and a seed repeats them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from tests.small_networks import SMALL_NETWORKS, batch_of, small_lstm, user_network, walks
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.form import FormMark, FormSign
from chromasonic.melody_generation.generation import melody_sampling
from chromasonic.melody_generation.generation.beginnings import beginning_of
from chromasonic.melody_generation.generation.conditions import pitch_name
from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_sampling import sample
from chromasonic.melody_generation.measures.outlines import TuneOutlines
from chromasonic.melody_generation.melody import MODES, REST, Departure, Melody, Metre
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.runs.model_metadata import ModelMetadata
from chromasonic.melody_generation.runs.trained_model import TrainedModel
from chromasonic.melody_generation.vocabulary import HIGHEST, MAX_BARS, METRES, PREFIX_LENGTH, STARTS, NoteVocabulary

VOCABULARY = NoteVocabulary()
JIG = Melody(
    [67, REST, 71, 74, 72, 71, 69], [12, 12, 24, 12, 36, 24, 12], Metre(6, 8), start=60, tonic=7, mode="dorian"
)


def token_of(height: int, ticks: int) -> int:
    """Return the token of a note by its semitones above the tonic."""
    return int(VOCABULARY.encode(Melody([60 + height], [ticks]))[PREFIX_LENGTH])


class AfterLast(nn.Module):
    """A network whose probabilities depend on the last token: those of ``table``, else ``otherwise``."""

    def __init__(self, otherwise: dict[int, float], table: dict[int, dict[int, float]] | None = None) -> None:
        super().__init__()
        logits = torch.full((len(VOCABULARY), len(VOCABULARY)), -torch.inf)
        for last in range(len(VOCABULARY)):
            for token, probability in (table or {}).get(last, otherwise).items():
                logits[last, token] = np.log(probability)
        self.logits = nn.Parameter(logits)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.logits[tokens]


class Whole(nn.Module):
    """A network without the state of the network in it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.network(tokens)
        return logits


class NotesOnly(Whole):
    """A network that rules out all but notes and rests."""

    def forward(self, tokens: Tensor) -> Tensor:
        logits = super().forward(tokens).clone()
        logits[..., : VOCABULARY.first_note] = -torch.inf
        return logits


def lively(network: nn.Module, sharpness: float = 3.0) -> nn.Module:
    """Sharpen the scores of an untrained network, so that a wrong state changes the melodies."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith("output."):
                parameter.mul_(sharpness)
    return network


def counted(network: MarkovNetwork | PPMNetwork) -> nn.Module:
    network.count(batch_of(walks(5, seed=3)))
    return network


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    **SMALL_NETWORKS,
    "markov": lambda: counted(MarkovNetwork(2)),
    "ppm": lambda: counted(PPMNetwork(1, 2)),
}
A, B, C, R = token_of(0, 24), token_of(4, 24), token_of(7, 48), token_of(REST - 60, 24)


@pytest.mark.slow
def test_token_frequencies_equal_the_networks_probabilities() -> None:
    first = {A: 0.5, B: 0.3, C: 0.2}
    after = {A: {A: 0.1, B: 0.6, C: 0.3}, B: {A: 0.25, B: 0.5, C: 0.25}, C: {A: 0.8, B: 0.1, C: 0.1}}
    pairs = Counter(
        (int(tokens[PREFIX_LENGTH]), int(tokens[PREFIX_LENGTH + 1]))
        for tokens in map(VOCABULARY.encode, generate(AfterLast(first, after), count=3000, notes=2, seed=5))
    )
    expected = {(x, y): 3000 * first[x] * after[x][y] for x in first for y in after[x]}
    assert pairs.keys() <= expected.keys()
    assert chisquare([pairs[pair] for pair in expected], list(expected.values())).pvalue > 0.01


@pytest.mark.slow
def test_lengths_follow_the_probability_of_the_end() -> None:
    lengths = np.array([len(melody) for melody in generate(AfterLast({A: 0.75, VOCABULARY.end: 0.25}), count=2000)])
    # The first token cannot be the end; every later one is with probability 1/4.
    counts = [(lengths == n).sum() for n in range(1, 9)]
    expected = [2000 * 0.25 * 0.75 ** (n - 1) for n in range(1, 9)]
    assert chisquare([*counts, 2000 - sum(counts)], [*expected, 2000 - sum(expected)]).pvalue > 0.01


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_greedy_takes_the_most_probable_token(name: str) -> None:
    network = NotesOnly(lively(NETWORKS[name]())).eval()
    tokens = torch.from_numpy(VOCABULARY.encode(Melody([], [], Metre(3, 4)))[None, :-1])
    for _ in range(12):
        tokens = torch.cat([tokens, network(tokens)[:, -1:].argmax(dim=-1)], dim=1)
    by_hand = VOCABULARY.decode(tokens)
    assert generate(network, count=2, temperature=0, metre="3/4", notes=12, seed=9) == [by_hand, by_hand]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_carried_state_gives_the_same_melodies_as_recomputing(name: str) -> None:
    network = lively(NETWORKS[name]())
    arguments: dict[str, Any] = {"count": 6, "metre": "6/8", "max_notes": 40, "top_p": 0.95, "seed": 3}
    carried = generate(network, **arguments)
    assert carried == generate(Whole(network), **arguments)
    assert len({len(melody) for melody in carried}) > 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lstm", "transformer", "markov"])
def test_melodies_do_not_depend_on_their_number_or_the_batch_size(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = lively(NETWORKS[name]())
    seven = generate(network, count=7, max_notes=30, seed=11)
    assert generate(network, count=2, max_notes=30, seed=11) == seven[:2]
    monkeypatch.setattr(melody_sampling, "CACHED_BATCH", 3)
    assert generate(network, count=7, max_notes=30, seed=11) == seven
    assert len(set(seven)) == 7


def test_a_seed_repeats_its_melodies_and_another_gives_others() -> None:
    network = small_lstm()
    first, again, other = (generate(network, count=3, notes=10, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert not set(first) & set(other)


def test_torchs_random_state_is_unchanged() -> None:
    network = small_lstm(dropout=0.5)
    before = torch.get_rng_state()
    generate(network, count=2, notes=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_is_off_and_modes_are_restored() -> None:
    network = small_lstm(dropout=0.5).train()
    network.embedding.eval()
    before = {name: module.training for name, module in network.named_modules()}
    assert len(set(before.values())) == 2
    melodies = generate(network, count=2, notes=8)
    assert {name: module.training for name, module in network.named_modules()} == before
    assert melodies == generate(network.eval(), count=2, notes=8)


def test_modes_are_restored_after_a_failure() -> None:
    network = user_network(8)[:1].train()  # type: ignore[index]
    with pytest.raises(InputError, match="breaks its contract"):
        generate(network)
    assert network.training


@pytest.mark.parametrize("metre", METRES, ids=str)
def test_conditions_hold_in_every_metre(metre: Metre) -> None:
    index = METRES.index(metre)
    key, tonic = [("C", 0), ("F#", 6), ("Bb", 10), ("Gb", 6), ("B#", 0), ("Cb", 11), ("eb", 3)][index % 7]
    mode = MODES[index % len(MODES)]
    upbeats = [0] if metre.beats == 0 else [t for t in range(metre.bar_ticks) if metre.bar_ticks - t in STARTS]
    ticks = upbeats[index % len(upbeats)]
    asked: dict[str, Any] = {"key": key, "mode": mode, "metre": str(metre), "upbeat": f"{ticks}/96"}
    network = MarkovNetwork(0)  # without counts every allowed token is equally likely
    by_notes = generate(network, count=5, **asked, notes=20, corpus="airds")
    by_bars = generate(network, count=5, **asked, bars=3) if metre.beats else []
    for melody in by_notes + by_bars:
        assert (melody.metre, melody.tonic, melody.mode) == (metre, tonic, mode)
        assert melody.start == (metre.bar_ticks - ticks) % metre.bar_ticks or metre.beats == 0
        assert VOCABULARY.decode(VOCABULARY.encode(melody), tonic) == melody
    assert {(len(melody), melody.corpus) for melody in by_notes} == {(20, "airds")}
    assert {(melody.ticks, melody.n_bars) for melody in by_bars} <= {(3 * metre.bar_ticks, 3)}


def test_a_melody_that_never_ends_is_ended_at_the_next_bar_line() -> None:
    melody = generate(AfterLast({token_of(0, 36): 0.7, token_of(0, 12): 0.3}), metre="3/4", max_notes=100)[0]
    assert len(melody) >= 100
    assert melody.ticks % 72 == 0
    ends = np.cumsum(melody.durations)
    assert (ends[99:-1] % 72 > 0).all()  # it does not end a bar later


@pytest.mark.parametrize("limit", [{"max_notes": 40}, {"bars": 1}, {"notes": 2}, {"max_notes": 1}], ids=str)
def test_every_melody_has_a_sounding_note(limit: dict[str, int]) -> None:
    network = AfterLast({VOCABULARY.end: 0.5, R: 0.4999, A: 0.0001})
    for melody in generate(network, count=20, **limit):  # type: ignore[arg-type]
        assert (melody.pitches != REST).any()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_melody_begins_with_the_primer_in_the_given_key(name: str) -> None:
    network = lively(NETWORKS[name]())
    for key, semitones in ((None, 0), ("D", -5), ("B", 4)):
        for melody in generate(network, count=2, primer=JIG, primer_notes=5, key=key, notes=9):
            assert beginning_of(melody, 5) == beginning_of(JIG.transposed(semitones), 5)
            assert len(melody) == 9


def test_the_continuation_depends_on_the_primer() -> None:
    after = {A: {A: 1.0}, B: {B: 1.0}}
    for height in (0, 4):
        melody = generate(AfterLast({C: 1.0}, after), primer=Melody([60 + height], [24]), notes=6)[0]
        assert set(melody.pitches) == {60 + height}


def test_bars_include_those_of_the_primer() -> None:
    for melody in generate(MarkovNetwork(0), count=10, primer=JIG, bars=4):
        assert melody.ticks == 4 * 72
        assert beginning_of(melody, len(JIG)) == JIG


def test_conditions_that_equal_the_primers_are_accepted() -> None:
    network = small_lstm()
    stated = generate(network, primer=JIG, mode="dorian", metre="6/8", upbeat="1/8", key="G", notes=9)
    assert stated == generate(network, primer=JIG, notes=9)


def test_beginnings_are_continued_in_the_given_order() -> None:
    tunes = [*walks(3), JIG, beginning_of(JIG, 2), Melody([], [], Metre(0, 4), tonic=5, corpus="essen")]
    beginnings = [beginning_of(tune, index % 3) for index, tune in enumerate(tunes)]
    melodies = sample(small_lstm(), beginnings, GenerationConfig(max_notes=12, seed=4))
    for melody, beginning in zip(melodies, beginnings, strict=True):
        assert beginning_of(melody, len(beginning)) == beginning
        assert len(melody) > len(beginning)


def test_the_prefix_asks_for_kind_and_bars() -> None:
    prefixes: list[list[str]] = []

    class Recording(AfterLast):
        def forward(self, tokens: Tensor) -> Tensor:
            prefixes.append([VOCABULARY.name(token) for token in tokens[0, :PREFIX_LENGTH].tolist()])
            return super().forward(tokens)

    network = Recording({token_of(0, 12): 1.0})
    jig = Melody([], [], Metre(6, 8), start=60, mode="dorian", kind="jig", corpus="essen")
    for bars, token in ((None, "<bars:unknown>"), (2, "<bars:2>"), (MAX_BARS + 1, "<bars:unknown>")):
        prefixes.clear()
        [melody] = sample(network, [jig], GenerationConfig(bars=bars, max_notes=3))
        corpus = f"<corpus:{VOCABULARY.corpora.index('essen')}>"
        expected = [corpus, "<kind:jig>", token, "<metre:6/8>", "<mode:dorian>", "<start:60>"]
        assert prefixes
        assert all(prefix == expected for prefix in prefixes)
        assert melody.kind == "jig"
        assert bars is None or melody.ticks == bars * 72


def test_a_complete_melody_ends_though_the_network_rules_the_end_out() -> None:
    repeat = VOCABULARY.sign_token(FormSign.REPEAT_END)
    for options, n_notes in (({"notes": 3}, 3), ({"bars": 2}, 8), ({"max_notes": 5}, 8)):
        [melody] = generate(AfterLast({A: 1.0}), **options)  # type: ignore[arg-type]
        assert (len(melody), melody.form) == (n_notes, ())
    # It may close its last section before.
    [melody] = generate(AfterLast({A: 1.0}, {A: {A: 1e-9, repeat: 1.0}}), notes=1)
    assert melody.form == (FormMark(1, FormSign.REPEAT_END),)


def test_no_beginnings_give_no_melodies() -> None:
    assert sample(small_lstm(), [], GenerationConfig()) == []


def test_a_beginning_keeps_the_departures_within_it() -> None:
    tune = Melody([60] * 6, [24] * 6, departures=[Departure(1), Departure(3, Metre(3, 4))], title="t", source="s")
    for n_notes, departures in ((0, 0), (1, 0), (2, 1), (3, 1), (4, 2)):
        beginning = beginning_of(tune, n_notes)
        assert (len(beginning), len(beginning.departures)) == (n_notes, departures)
        assert beginning.title == beginning.source == ""


def test_a_network_that_rules_out_every_token_is_refused() -> None:
    with pytest.raises(InputError, match="rules out every token"):
        generate(AfterLast({VOCABULARY.pad: 1.0}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count is how many melodies to generate, 1 or more, got 0"),
        ({"temperature": -1}, "temperature is a number of 0 or more"),
        ({"top_k": 5000}, "top_k is at most 1425, as many tokens as can be played, got 5000"),
        ({"top_p": 0.0}, "top_p is a share"),
        ({"min_p": 2.0}, "min_p is a share"),
        ({"seed": -1}, "seed is a whole number"),
        ({"key": "H"}, "a key is a letter A to G, perhaps with # or b, such as G, F# or Bb, got 'H'"),
        ({"key": ""}, "a key is a letter"),
        ({"mode": "aeolian"}, "no mode is called 'aeolian', did you mean minor.; there are major, minor, dorian"),
        ({"mode": "Major"}, "no mode is called 'Major', did you mean major.; there are"),
        ({"key": "Gm"}, "a key is the tonic alone: write key=G mode=minor, got 'Gm'"),
        ({"key": "f# dorian"}, "a key is the tonic alone: write key=F# mode=dorian"),
        ({"key": "Gx"}, "a key is the tonic alone, such as G, F# or Bb, got 'Gx'"),
        ({"metre": "13/8"}, "melodies cannot be written in metre 13/8; near it are 12/8, 11/8 and 15/8"),
        ({"metre": "7/2"}, "melodies cannot be written in metre 7/2.* near it are 6/2, 5/2 and 4/2"),
        ({"metre": "waltz"}, "a metre is written like 6/8, C, C. or free, got 'waltz'"),
        ({"metre": "4/5"}, "a metre is written like 6/8, C, C. or free, got '4/5'"),
        ({"corpus": "nottinghm"}, "no corpus is called 'nottinghm', did you mean nottingham."),
        ({"corpus": "bach"}, "no corpus is called 'bach'; there are unknown, synthetic, nottingham"),
        ({"upbeat": "1/1"}, "an upbeat is shorter than a bar of 4/4, and not below 0, got 1/1"),
        ({"upbeat": "-1/8"}, "an upbeat is shorter than a bar of 4/4, and not below 0, got -1/8"),
        (
            {"upbeat": "1/8", "metre": "free"},
            "free metre has no bar line that an upbeat could lead to: leave upbeat out",
        ),
        ({"upbeat": "1/96"}, "an upbeat of 1/96 is not in the vocabulary"),
        ({"upbeat": "1/7"}, "an upbeat of 1/7 is not in the vocabulary"),
        ({"upbeat": "quaver"}, "an upbeat is a note value such as 1/8 or 3/16, or 0, got 'quaver'"),
        ({"upbeat": "1/0"}, "an upbeat is a note value"),
        ({"bars": 8, "notes": 20}, "give one of them"),
        ({"bars": 0}, "bars is 1 or more, got 0"),
        ({"bars": 4, "metre": "free"}, "bars cannot be counted in free metre: give notes instead of bars"),
        ({"primer_notes": 3}, "no primer was given"),
        ({"primer": JIG, "primer_notes": 8}, "the primer has 7 notes and rests, so 8 of them cannot be taken"),
        ({"primer": JIG, "primer_notes": 0}, "so 0 of them cannot be taken"),
        ({"primer": Melody([], [])}, "the primer has 0 notes and rests"),
        ({"primer": JIG, "metre": "3/4"}, "the primer brings its own metre, which is not 3/4: leave metre out"),
        ({"primer": JIG, "mode": "minor"}, "the primer brings its own mode, which is not minor: leave mode out"),
        ({"primer": JIG, "upbeat": "1/4"}, "the primer brings its own upbeat, which is not 1/4"),
        ({"primer": JIG, "mode": "merry"}, "no mode is called 'merry'"),
        ({"primer": JIG, "corpus": "bach"}, "no corpus is called 'bach'"),
        ({"primer": JIG, "bars": 1}, "the primer already has 1 bar or more"),
        ({"primer": JIG, "notes": 7}, "the primer already has 7 notes or more"),
        ({"primer": Melody([127], [24])}, "the primer cannot be continued: 1 of its notes is too high"),
        ({"primer": Melody([127], [24]), "key": "B"}, "1 of its notes is too high .* move the tune four octaves down"),
        ({"primer": Melody([60], [25])}, "the vocabulary lacks the durations of 1 of its notes"),
        ({"primer": Melody([60], [24], Metre(13, 8))}, "melodies cannot be written in metre 13/8"),
    ],
    ids=str,
)
def test_impossible_options_are_refused_in_one_sentence(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        generate(MarkovNetwork(0), **arguments)
    assert "\n" not in str(refusal.value)


def test_top_k_may_be_the_number_of_playable_tokens() -> None:
    assert generate(MarkovNetwork(0), top_k=1425, notes=3) == generate(MarkovNetwork(0), notes=3)


def test_a_trained_model_generates_in_the_style_of_its_corpus() -> None:
    model = TrainedModel(small_lstm(), ModelMetadata(corpus="airds"))
    assert {melody.corpus for melody in generate(model, count=2, notes=3)} == {"airds"}
    assert {melody.corpus for melody in generate(model, count=2, notes=3, corpus="ryans")} == {"ryans"}
    assert {melody.corpus for melody in generate(model.network, count=2, notes=3)} == {"unknown"}


def test_changes_replace_options_of_the_config() -> None:
    network, config = small_lstm(), GenerationConfig(count=3, notes=6, seed=2)
    assert generate(network, config) == generate(network, count=3, notes=6, seed=2)
    assert [len(melody) for melody in generate(network, config, notes=4)] == [4, 4, 4]
    with pytest.raises(InputError, match="did you mean temperature"):
        generate(network, temprature=0.9)


def planned_model(network: nn.Module) -> TrainedModel:
    """Return a model whose training tunes are jigs of 4 bars that end on the fifth, and of 8 that end on the tonic."""
    tunes = [
        Melody([60] * (n_bars - 1) + [last], [72] * n_bars, Metre(6, 8), kind="jig")
        for n_bars, last in ((4, 67), (8, 60))
    ]
    return TrainedModel(network, ModelMetadata(outlines=TuneOutlines.of(tunes * 10)))


@pytest.mark.parametrize("drafts", [1, 4])
def test_melodies_have_the_outlines_of_training_tunes_unless_told_otherwise(drafts: int) -> None:
    model = planned_model(MarkovNetwork())
    melodies = generate(model, count=12, metre="6/8", key="D", drafts=drafts)
    outlines = Counter((m.kind, m.n_bars, int(m.pitches[m.pitches != REST][-1] - m.tonic) % 12) for m in melodies)
    assert set(outlines) == {("jig", 4, 7), ("jig", 8, 0)}
    assert generate(model, count=3, metre="6/8", key="D", drafts=drafts) == melodies[:3]
    asked = generate(model, count=12, metre="6/8", bars=4, ends_on="tonic", kind="reel", drafts=drafts)
    assert {(m.kind, m.n_bars, int(m.pitches[m.pitches != REST][-1]) % 12) for m in asked} == {("reel", 4, 0)}
    unplanned = generate(model, count=12, metre="6/8", outline=False, max_notes=40)
    assert {melody.kind for melody in unplanned} == {"unknown"}
    assert len({melody.n_bars for melody in unplanned}) > 2


@pytest.mark.parametrize("upbeat", [None, "1/8"])
@pytest.mark.parametrize("last", [72, 36, 60])
def test_melodies_end_in_the_last_bar_where_training_tunes_do(last: int, upbeat: str | None) -> None:
    tune = Melody([60] * 4, [72, 72, 72, last], Metre(6, 8))
    model = TrainedModel(MarkovNetwork(), ModelMetadata(outlines=TuneOutlines.of([tune] * 10)))
    for melody in generate(model, count=4, metre="6/8", upbeat=upbeat):
        upbeat_ticks = 12 if upbeat else 0
        end = 60 if upbeat and last == 72 else last  # an upbeat completes the last bar
        assert (melody.n_bars, melody.ticks) == (4, upbeat_ticks + 3 * 72 + end)


def test_a_length_that_was_drawn_goes_after_max_notes_and_one_that_was_asked_for_before_it() -> None:
    model = planned_model(NotesOnly(MarkovNetwork()))
    drawn = generate(model, count=8, metre="6/8", max_notes=5)
    assert all(melody.n_bars <= 8 and len(melody) < 20 for melody in drawn)
    assert any(melody.n_bars not in (4, 8) for melody in drawn)
    assert {melody.n_bars for melody in generate(model, count=8, metre="6/8", bars=4, max_notes=5)} == {4}


def test_a_last_note_that_the_range_has_not_is_left_to_the_model() -> None:
    highest = 60 + HIGHEST  # of what can be written in C
    span = f"{pitch_name(highest - 1)}:{pitch_name(highest + 12)}"
    assert not {(highest - 1) % 12, highest % 12} & {0, 7}
    melodies = generate(planned_model(MarkovNetwork()), count=4, metre="6/8", range=span)
    assert {int(pitch) for melody in melodies for pitch in melody.pitches} <= {REST, highest - 1, highest}
