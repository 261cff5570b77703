import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.small_networks import VOCABULARY, batch_of
from tests.strategies import melodies
from torch import Tensor

from chromasonic.melody_generation.form import FormMark, FormSign
from chromasonic.melody_generation.melody import Departure, Melody, Metre
from chromasonic.melody_generation.training.lightning_module import MelodyMetrics, RatioOfSums
from chromasonic.melody_generation.training.metrics import ScoreSums, TokenScorer, next_token_nll
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

V = len(VOCABULARY)
SCORER = TokenScorer(VOCABULARY)

batches = st.lists(melodies(max_notes=8), min_size=1, max_size=3)


def scored_by_hand(logits: Tensor, tunes: list[Melody]) -> dict[str, float]:
    """The sums, token by token."""
    sums = dict.fromkeys(ScoreSums._fields, 0.0)
    for row, melody in enumerate(tunes):
        tokens = VOCABULARY.encode(melody).tolist()
        for place in range(PREFIX_LENGTH, len(tokens)):
            token, scores = tokens[place], logits[row, place - 1].double()
            guess = int(scores.argmax())
            nats = -float(scores.log_softmax(dim=0)[token])
            sums["nats"] += nats
            sums["n_tokens"] += 1
            if VOCABULARY.is_note(token):
                sums["note_nats"] += nats
                sums["n_notes"] += 1
                sums["notes_right"] += guess == token
                sums["pitches_right"] += VOCABULARY.token_pitch[guess] == VOCABULARY.token_pitch[token]
                sums["durations_right"] += VOCABULARY.token_duration[guess] == VOCABULARY.token_duration[token]
    return sums


def logits_that_are_often_right(tokens: Tensor, seed: int) -> Tensor:
    """Random logits in which the next token, or its neighbour, is often the most probable."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(*tokens.shape, V, generator=generator)
    likely = tokens.roll(-1, dims=1) + torch.randint(0, 3, tokens.shape, generator=generator)
    return logits.scatter_add(2, likely.clamp(max=V - 1)[..., None], torch.full((*tokens.shape, 1), 8.0))


@given(batches, st.integers(0, 9))
def test_sums_are_those_counted_by_hand(tunes: list[Melody], seed: int) -> None:
    tokens = batch_of(tunes)
    logits = logits_that_are_often_right(tokens, seed)
    sums = {name: float(value) for name, value in SCORER(logits, tokens)._asdict().items()}
    assert sums == pytest.approx(scored_by_hand(logits, tunes), rel=1e-5)


def test_end_bar_and_metre_tokens_and_signs_cost_bits_but_are_no_notes() -> None:
    departures, signs = [Departure(1), Departure(3, Metre(3, 4))], [FormMark(2, FormSign.REPEAT_END)]
    melody = Melody([60, 62, 64, 65], [24] * 4, departures=departures, form=signs)
    tokens = batch_of([melody])
    sums = SCORER(torch.zeros(*tokens.shape, V), tokens)
    assert int(sums.n_notes) == 4
    assert int(sums.n_tokens) == 4 + 4
    assert float(sums.nats) == pytest.approx(8 * math.log(V))
    assert float(sums.note_nats) == pytest.approx(4 * math.log(V))


def test_bits_per_note_by_hand() -> None:
    tokens = batch_of([Melody([60, 62], [24, 24])])
    logits = torch.full((*tokens.shape, V), -torch.inf)
    # A half for the first note, a quarter for the second, an eighth for the end: 1 + 2 + 3 bits over 2 notes.
    for place, share in zip(range(PREFIX_LENGTH - 1, PREFIX_LENGTH + 2), (1 / 2, 1 / 4, 1 / 8), strict=True):
        logits[0, place, tokens[0, place + 1]] = math.log(share)
        logits[0, place, VOCABULARY.bar] = math.log(1 - share)
    logits[0, [*range(PREFIX_LENGTH - 1), -1], VOCABULARY.unknown_kind] = 0.0  # what is not scored may be impossible
    metrics = MelodyMetrics()
    metrics.update(SCORER(logits, tokens))
    values = {name: float(ratio.compute()) for name, ratio in metrics.by_name().items()}
    assert values["bits_per_note"] == pytest.approx(6 / 2)
    assert values["note_bits"] == pytest.approx(3 / 2)
    assert values["loss"] == pytest.approx(6 * math.log(2) / 3)


def test_pitch_and_duration_are_scored_independently() -> None:
    tokens = batch_of([Melody([60, 62, 64], [24, 24, 24])])
    guesses = [Melody([60, 62, 65], [24, 48, 24]), Melody([60, 60, 60], [12, 12, 12])]
    expected = [(1, 2, 2), (0, 1, 0)]
    for guess, counts in zip(guesses, expected, strict=True):
        logits = torch.nn.functional.one_hot(batch_of([guess]).roll(-1, dims=1), V).float()
        sums = SCORER(logits, tokens)
        assert (int(sums.notes_right), int(sums.pitches_right), int(sums.durations_right)) == counts


def test_a_most_probable_token_that_is_no_note_has_nothing_right() -> None:
    tokens = batch_of([Melody([60, 62, 64], [24, 24, 24])])
    logits = torch.zeros(*tokens.shape, V)
    logits[..., VOCABULARY.bar] = 1
    sums = SCORER(logits, tokens)
    assert int(sums.notes_right) == int(sums.pitches_right) == int(sums.durations_right) == 0


def test_a_batch_of_padding_alone_scores_nothing() -> None:
    tokens = torch.full((2, 5), VOCABULARY.pad)
    assert [float(each) for each in SCORER(torch.randn(2, 5, V), tokens)] == [0] * len(ScoreSums._fields)


def test_a_network_that_rules_out_padding_has_a_finite_loss_and_gradient() -> None:
    tokens = batch_of([Melody([60], [24]), Melody([60, 62], [24, 24])])
    logits = torch.zeros(*tokens.shape, V, requires_grad=True)
    ruled_out = logits.index_fill(2, torch.tensor([VOCABULARY.pad]), -torch.inf)
    sums = SCORER(ruled_out, tokens)
    sums.nats.backward()
    assert float(sums.nats.detach()) == pytest.approx(5 * math.log(V - 1))
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@given(st.integers(1, 4), st.integers(1, 6), st.integers(2, 9))
def test_nll_is_the_negative_log_of_the_softmax(n_rows: int, n_steps: int, n_tokens: int) -> None:
    logits = 10 * torch.randn(n_rows, n_steps, n_tokens)
    targets = torch.randint(0, n_tokens, (n_rows, n_steps))
    expected = -logits.log_softmax(dim=-1).gather(2, targets[..., None])[..., 0]
    torch.testing.assert_close(next_token_nll(logits, targets), expected)


@pytest.mark.parametrize(
    ("logits", "said"),
    [
        (torch.zeros(2, 7, V - 1), rf"\(2, 7\) should give \(2, 7, {V}\), got \(2, 7, {V - 1}\)"),
        (torch.zeros(2, 6, V), rf"\(2, 7\) should give \(2, 7, {V}\), got \(2, 6, {V}\)"),
        (torch.zeros(2, V), rf"\(2, 7\) should give \(2, 7, {V}\), got \(2, {V}\)"),
        ((torch.zeros(2, 7, V), None), rf"should give \(2, 7, {V}\), got a tuple"),  # as nn.LSTM does
    ],
)
def test_logits_that_break_the_contract_are_refused_with_both_shapes(logits: Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SCORER(logits, torch.zeros(2, 7, dtype=torch.long))


def test_targets_of_another_shape_are_refused_with_both_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3, 5\) .* \(2, 4\)"):
        next_token_nll(torch.zeros(2, 3, 5), torch.zeros(2, 4, dtype=torch.long))


counts = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=2, max_size=12)


@given(counts, st.data())
def test_a_ratio_of_sums_is_the_same_however_batches_are_cut(pairs: list[tuple[int, int]], data: st.DataObject) -> None:
    bounds = data.draw(st.lists(st.integers(1, len(pairs) - 1), max_size=4, unique=True).map(sorted))
    ratio = RatioOfSums()
    for begin, end in pairwise([0, *bounds, len(pairs)]):
        numerator, denominator = (sum(each) for each in zip(*pairs[begin:end], strict=True))
        ratio.update(torch.tensor(numerator), torch.tensor(denominator))
    numerator, denominator = (sum(each) for each in zip(*pairs, strict=True))
    assert int(ratio.denominator) == denominator
    assert int(ratio.numerator) == numerator
    if denominator:
        assert float(ratio.compute()) == pytest.approx(numerator / denominator)
    else:
        assert not math.isfinite(ratio.compute())


def test_nothing_counted_has_no_ratio() -> None:
    ratio = RatioOfSums()
    ratio.update(torch.tensor(0), torch.tensor(0))
    assert math.isnan(ratio.compute())


@given(counts, st.integers(1, 3))
def test_processes_are_summed_not_averaged(pairs: list[tuple[int, int]], n_processes: int) -> None:
    ratios = [RatioOfSums() for _ in range(n_processes)]
    for index, (numerator, denominator) in enumerate(pairs):
        ratios[index % n_processes].update(torch.tensor(numerator), torch.tensor(denominator))
    # What torchmetrics does with the states that it has gathered from all processes.
    gathered = {
        name: reduce(torch.stack([getattr(ratio, name) for ratio in ratios]))  # type: ignore[misc, operator]
        for name, reduce in RatioOfSums()._reductions.items()
    }
    numerator, denominator = (sum(each) for each in zip(*pairs, strict=True))
    assert (int(gathered["numerator"]), int(gathered["denominator"])) == (numerator, denominator)


def test_the_measures_of_a_pass_are_named() -> None:
    assert list(MelodyMetrics().by_name()) == [
        "loss",
        "bits_per_note",
        "note_bits",
        "accuracy",
        "pitch_accuracy",
        "duration_accuracy",
    ]
