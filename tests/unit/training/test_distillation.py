"""A student learns its teacher's predictions with the given weight, and the teacher does not change."""

from __future__ import annotations

import pytest
import torch
from tests.small_networks import VOCABULARY, batch_of, small_lstm, small_transformer, walks
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.training.distillation import N_TOP_TOKENS, Teacher
from chromasonic.melody_generation.training.lightning_module import MelodyModule, module_for
from chromasonic.melody_generation.training.metrics import TokenScorer
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

TOKENS = batch_of([melody.window(0, 8 + 4 * index) for index, melody in enumerate(walks(3))])


class Constantly(nn.Module):
    """A network with the same logits at every position."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, tokens: Tensor) -> Tensor:
        return self.logits.expand(*tokens.shape, len(VOCABULARY))


def own_loss(logits: Tensor) -> Tensor:
    sums = TokenScorer(VOCABULARY)(logits, TOKENS)
    loss: Tensor = sums.nats / sums.n_tokens
    return loss


def scored() -> list[tuple[int, int]]:
    return [
        (row, position)
        for row, tune in enumerate(TOKENS.tolist())
        for position in range(PREFIX_LENGTH - 1, len(tune) - 1)
        if tune[position + 1] != VOCABULARY.pad
    ]


def top_probabilities(teacher: nn.Module, position: tuple[int, int]) -> Tensor:
    """Return a teacher's predictions at a position, restricted to the top tokens."""
    probabilities: Tensor = teacher(TOKENS)[position].softmax(-1)
    bound = probabilities.sort(descending=True).values[N_TOP_TOKENS - 1]
    kept = probabilities.where(probabilities >= bound, 0)
    return kept / kept.sum()


@pytest.mark.parametrize("weight", [0.25, 1.0])
def test_the_loss_is_the_weighted_mean_of_both_at_every_position(weight: float) -> None:
    teacher, logits = small_lstm().eval(), small_transformer().eval()(TOKENS)
    each = [-(top_probabilities(teacher, position) * logits[position].log_softmax(-1)).sum() for position in scored()]
    own = own_loss(logits)
    expected = (1 - weight) * own + weight * torch.stack(each).mean()
    torch.testing.assert_close(Teacher(teacher, weight).loss(own, logits, TOKENS), expected)


def test_the_minimum_is_the_teachers_distribution() -> None:
    torch.manual_seed(1)
    probabilities = torch.zeros(len(VOCABULARY))
    probabilities[torch.randperm(len(VOCABULARY))[:N_TOP_TOKENS]] = torch.rand(N_TOP_TOKENS)
    teacher = Teacher(Constantly(probabilities.log()), 1.0)
    logits = probabilities.clamp(min=1e-12).log().expand(*TOKENS.shape, -1).clone().requires_grad_()
    loss = teacher.loss(torch.tensor(0.0), logits, TOKENS)
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-6
    for other in (0.5 * logits.detach(), 2 * logits.detach()):
        assert teacher.loss(torch.tensor(0.0), other, TOKENS) > loss


def test_a_tune_is_read_once_and_the_same_in_every_batch() -> None:
    network = small_lstm()
    teacher, n_read = Teacher(network, 0.5), []
    network.register_forward_hook(lambda *_: n_read.append(1))
    whole = teacher.predictions(TOKENS)
    for row, tune in enumerate(TOKENS):
        length = int((tune != VOCABULARY.pad).sum())
        for together, alone in zip(whole, teacher.predictions(tune[None, :length]), strict=True):
            assert torch.equal(together[row, :length], alone[0])
            assert not together[row, length:].any()
    assert len(n_read) == len(TOKENS)
    assert torch.allclose(whole[0].sum(-1)[-1], torch.ones(()))


def test_a_teacher_reads_in_full_precision() -> None:
    network = small_lstm()
    whole = Teacher(network, 0.5).predictions(TOKENS)
    with torch.autocast("cpu", torch.bfloat16):
        half = Teacher(network, 0.5).predictions(TOKENS)
    assert all(torch.equal(one, other) for one, other in zip(whole, half, strict=True))


def test_tokens_that_both_rule_out_do_not_count() -> None:
    logits = torch.zeros(len(VOCABULARY))
    logits[: len(VOCABULARY) - 20] = -torch.inf
    student = Constantly(logits)(TOKENS).clone().requires_grad_()
    loss = Teacher(Constantly(logits), 1.0).loss(torch.tensor(0.0), student, TOKENS)
    torch.testing.assert_close(loss, torch.tensor(20.0).log())
    loss.backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    assert not student.grad.isnan().any()


def test_a_student_approaches_its_teacher_which_does_not_change() -> None:
    torch.manual_seed(3)
    network = small_lstm(dropout=0.5).train()
    teacher = Teacher(network, 1.0)
    assert not network.training
    before = {name: value.clone() for name, value in network.state_dict().items()}
    student = MelodyModule(small_transformer(), teacher=teacher)
    student.log = lambda *_, **__: None  # type: ignore[method-assign]
    assert len(list(student.parameters())) == len(list(small_transformer().parameters()))
    assert not [name for name in student.state_dict() if "teacher" in name]
    optimizer = torch.optim.AdamW(student.parameters(), lr=0.01)
    losses = []
    for step in range(20):
        optimizer.zero_grad()
        loss = student.train().training_step(TOKENS, step)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.5
    assert not network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("weight", [0.0, 1.5, float("nan")])
def test_a_weight_out_of_range_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="distillation_weight"):
        Teacher(small_lstm(), weight)


def test_a_fitted_network_has_no_teacher() -> None:
    with pytest.raises(InputError, match="leave teacher out"):
        module_for(MarkovNetwork(1), teacher=Teacher(small_lstm(), 0.5))
