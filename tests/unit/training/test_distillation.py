"""A student learns what its teacher predicts, as much of it as it is told to, and leaves the teacher as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.small_networks import VOCABULARY, batch_of, small_lstm, small_transformer, walks
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.runs.checkpoint import describe
from chromasonic.melody_generation.runs.trained_model import TrainedModel
from chromasonic.melody_generation.training.distillation import LIKELIEST, Teacher
from chromasonic.melody_generation.training.lightning_module import MelodyModule, module_for
from chromasonic.melody_generation.training.metrics import TokenScorer
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

TOKENS = batch_of([melody.window(0, 8 + 4 * place) for place, melody in enumerate(walks(3))])


class Says(nn.Module):
    """Predicts the same for every place."""

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
        (row, place)
        for row, tune in enumerate(TOKENS.tolist())
        for place in range(PREFIX_LENGTH - 1, len(tune) - 1)
        if tune[place + 1] != VOCABULARY.pad
    ]


def told(teacher: nn.Module, place: tuple[int, int]) -> Tensor:
    """What a teacher says at a place: its predictions, but for the tokens that are not among the likeliest."""
    probabilities: Tensor = teacher(TOKENS)[place].softmax(-1)
    bound = probabilities.sort(descending=True).values[LIKELIEST - 1]
    kept = probabilities.where(probabilities >= bound, 0)
    return kept / kept.sum()


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_the_loss_is_the_weighted_mean_of_both_place_by_place(share: float) -> None:
    teacher, logits = small_lstm().eval(), small_transformer().eval()(TOKENS)
    each = [-(told(teacher, place) * logits[place].log_softmax(-1)).sum() for place in scored()]
    own = own_loss(logits)
    expected = (1 - share) * own + share * torch.stack(each).mean()
    torch.testing.assert_close(Teacher(TrainedModel(teacher), share).loss(own, logits, TOKENS), expected)


def test_nothing_is_better_than_to_predict_what_the_teacher_says() -> None:
    torch.manual_seed(1)
    probabilities = torch.zeros(len(VOCABULARY))
    probabilities[torch.randperm(len(VOCABULARY))[:LIKELIEST]] = torch.rand(LIKELIEST)
    teacher = Teacher(TrainedModel(Says(probabilities.log())), 1.0)
    logits = probabilities.clamp(min=1e-12).log().expand(*TOKENS.shape, -1).clone().requires_grad_()
    loss = teacher.loss(torch.tensor(0.0), logits, TOKENS)
    loss.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-6
    for other in (0.5 * logits.detach(), 2 * logits.detach()):
        assert teacher.loss(torch.tensor(0.0), other, TOKENS) > loss


def test_a_tune_is_read_once_and_the_same_in_every_batch() -> None:
    network = small_lstm()
    teacher, n_read = Teacher(TrainedModel(network), 0.5), []
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
    whole = Teacher(TrainedModel(network), 0.5).predictions(TOKENS)
    with torch.autocast("cpu", torch.bfloat16):
        half = Teacher(TrainedModel(network), 0.5).predictions(TOKENS)
    assert all(torch.equal(one, other) for one, other in zip(whole, half, strict=True))


def test_what_both_rule_out_does_not_count() -> None:
    logits = torch.zeros(len(VOCABULARY))
    logits[: len(VOCABULARY) - 20] = -torch.inf
    student = Says(logits)(TOKENS).clone().requires_grad_()
    loss = Teacher(TrainedModel(Says(logits)), 1.0).loss(torch.tensor(0.0), student, TOKENS)
    torch.testing.assert_close(loss, torch.tensor(20.0).log())
    loss.backward()  # type: ignore[no-untyped-call]
    assert student.grad is not None
    assert not student.grad.isnan().any()


def test_a_student_comes_nearer_and_the_teacher_stays() -> None:
    torch.manual_seed(3)
    network = small_lstm(dropout=0.5).train()
    teacher = Teacher(TrainedModel(network), 1.0)
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


def test_a_teacher_is_a_run_or_a_checkpoint(tmp_path: Path) -> None:
    network = small_lstm()
    path = tmp_path / "a.pt"
    torch.save({**describe(network), "model_state_dict": network.state_dict(), "epoch": 1, "hash": "own"}, path)
    teacher = Teacher.of(path, 0.5)
    assert teacher.model.metadata.split_hash == "own"
    assert torch.equal(teacher.model(TOKENS), network.eval()(TOKENS))
    with pytest.raises(InputError, match="nowhere"):
        Teacher.of(tmp_path / "nowhere", 0.5)


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan")])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        Teacher(TrainedModel(small_lstm()), share)


def test_a_fitted_network_has_no_teacher() -> None:
    with pytest.raises(InputError, match="leave teacher out"):
        module_for(MarkovNetwork(1), teacher=Teacher(TrainedModel(small_lstm()), 0.5))
