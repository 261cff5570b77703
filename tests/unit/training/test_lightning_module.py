import contextlib
import math
from functools import partial
from typing import Any

import lightning as L
import pytest
import torch
from tests.small_networks import VOCABULARY, batch_of, small_lstm, user_network, walks
from torch import Tensor, nn
from torch.optim import SGD, AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader

from chromasonic.melody_generation.data_loader import DividedMelodies
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.training.lightning_module import (
    FittingModule,
    MelodyModule,
    fuse_on_cpu,
    module_for,
)
from chromasonic.melody_generation.training.schedules import (
    VALIDATION_LOSS,
    Constant,
    Cosine,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
)
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers.*", "ignore:.*smaller than the logging interval.*", "ignore:.*LeafSpec.*"
)


def loader_of(n: int, batch_size: int = 4, seed: int = 0) -> DataLoader[Tensor]:
    tunes = walks(n, seed)
    batches = [batch_of(tunes[begin : begin + batch_size]) for begin in range(0, n, batch_size)]
    return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]


def trainer_for(n_epochs: int, *callbacks: L.Callback) -> L.Trainer:
    return L.Trainer(
        max_epochs=n_epochs,
        callbacks=list(callbacks),
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def by_hand(network: nn.Module, batches: DataLoader[Tensor]) -> dict[str, float]:
    """Loss and bits per note over all batches, tune by tune."""
    nats = n_tokens = n_notes = 0.0
    for batch in batches:
        for row in batch:
            tokens = row[row != VOCABULARY.pad]
            nll = -network(tokens[None])[0].log_softmax(dim=-1)[range(len(tokens) - 1), tokens[1:]]
            nats += float(nll[PREFIX_LENGTH - 1 :].sum().detach())
            n_tokens += len(tokens) - PREFIX_LENGTH
            n_notes += int(VOCABULARY.is_note(tokens.numpy()).sum())
    return {"loss": nats / n_tokens, "bits_per_note": nats / math.log(2) / n_notes}


class RateRecorder(L.Callback):
    """The learning rate after each epoch, and the losses that it may depend on."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.losses: list[float] = []

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.losses.append(float(trainer.callback_metrics[VALIDATION_LOSS]))


def test_the_training_loss_is_the_mean_over_scored_tokens() -> None:
    module, batches = MelodyModule(user_network()), loader_of(4)
    module.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    [batch] = batches
    loss = float(module.training_step(batch, 0).detach())
    assert loss == pytest.approx(by_hand(module.network, batches)["loss"], rel=1e-5)


def test_a_batch_of_padding_alone_has_no_loss_and_no_gradient() -> None:
    module = MelodyModule(user_network())
    module.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    loss = module.training_step(torch.full((1, 1), VOCABULARY.pad), 0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0
    assert not any(parameter.grad.any() for parameter in module.parameters() if parameter.grad is not None)


def test_measures_of_an_epoch_are_exact_over_batches_of_unequal_size() -> None:
    module, batches = MelodyModule(user_network()), loader_of(7, batch_size=3)
    expected = by_hand(module.network, batches)
    trainer = trainer_for(1)
    [measured] = trainer.validate(module, batches, verbose=False)
    assert measured["validation/loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert measured["validation/bits_per_note"] == pytest.approx(expected["bits_per_note"], rel=1e-5)
    [measured] = trainer.test(module, batches, verbose=False)
    assert measured["test/bits_per_note"] == pytest.approx(expected["bits_per_note"], rel=1e-5)


@pytest.mark.slow
def test_a_short_training_lowers_the_loss_on_other_tunes() -> None:
    module, held_out = MelodyModule(small_lstm(), partial(AdamW, lr=0.01)), loader_of(6, seed=1)
    recorder = RateRecorder()
    trainer_for(3, recorder).fit(module, loader_of(24), held_out)
    assert recorder.losses == sorted(recorder.losses, reverse=True)
    assert recorder.losses[-1] < 0.8 * math.log(len(VOCABULARY))


@pytest.mark.parametrize("patience", [0, 2])
def test_reduce_on_plateau_is_stepped_once_an_epoch_with_the_validation_loss(
    monkeypatch: pytest.MonkeyPatch, patience: int
) -> None:
    seen: list[float] = []
    step = torch.optim.lr_scheduler.ReduceLROnPlateau.step

    def recorded(self: Any, metrics: Any, epoch: int | None = None) -> None:
        seen.append(float(metrics))
        step(self, metrics, epoch)

    monkeypatch.setattr(torch.optim.lr_scheduler.ReduceLROnPlateau, "step", recorded)
    recorder = RateRecorder()
    # Without steps in any direction the loss never falls after the first epoch.
    module = MelodyModule(user_network(), partial(SGD, lr=1e-12), ReduceOnPlateau(0.5, patience, 0.0))
    trainer_for(4, recorder).fit(module, loader_of(4), loader_of(4, seed=1))
    assert seen == recorder.losses
    assert len(seen) == 4
    waits = patience + 2  # the first epoch sets the mark
    assert recorder.rates == pytest.approx([1e-12 if epoch < waits else 5e-13 for epoch in range(4)], rel=0.6)


def test_other_schedules_are_stepped_by_lightning() -> None:
    recorder = RateRecorder()
    module = MelodyModule(user_network(), partial(AdamW, lr=0.1), Cosine())
    trainer_for(4, recorder).fit(module, loader_of(4), loader_of(4, seed=1))
    assert recorder.rates == pytest.approx([0.05 * (1 + math.cos(math.pi * epoch / 4)) for epoch in range(4)])


def test_one_cycle_ends_with_the_last_batch() -> None:
    module = MelodyModule(user_network(), partial(AdamW, lr=0.1), OneCycle())
    trainer = trainer_for(3)
    trainer.fit(module, loader_of(16, batch_size=2), loader_of(2, seed=1))
    [config] = trainer.lr_scheduler_configs
    assert config.interval == "step"
    assert isinstance(config.scheduler, OneCycleLR)
    assert config.scheduler.total_steps == 24
    assert config.scheduler.last_epoch == 24


def test_a_schedule_over_the_whole_run_needs_a_number_of_epochs() -> None:
    module = MelodyModule(user_network(), AdamW, OneCycle())
    with pytest.raises(ValueError, match="depends on the number of epochs"):
        trainer_for(-1).fit(module, loader_of(4), loader_of(4, seed=1))


@pytest.mark.parametrize("schedule", [None, Constant()])
def test_without_a_schedule_the_rate_falls_on_a_plateau_and_a_constant_one_stays(schedule: Schedule | None) -> None:
    module = MelodyModule(user_network(), AdamW, schedule)
    trainer = trainer_for(1)
    trainer.fit(module, loader_of(4), loader_of(4, seed=1))
    schedulers = [type(config.scheduler).__name__ for config in trainer.lr_scheduler_configs]
    assert schedulers == ([] if schedule else ["ReduceLROnPlateau"])


def test_logits_of_the_wrong_shape_are_refused_with_the_expected_shape() -> None:
    module = MelodyModule(nn.Embedding(len(VOCABULARY), 5))
    with pytest.raises(ValueError, match=rf"\(2, (\d+)\) should give \(2, \1, {len(VOCABULARY)}\), got \(2, \1, 5\)"):
        module.check_contract(batch_of(walks(2)))
    MelodyModule(user_network()).check_contract(batch_of(walks(2)))


def test_an_embedding_with_too_few_rows_is_refused() -> None:
    module = MelodyModule(nn.Embedding(100, len(VOCABULARY)))
    with pytest.raises(ValueError, match=r"does not take all token ids .* len\(NoteVocabulary\(\)\) rows"):
        module.check_contract(torch.full((2, 9), 100))


def test_wrong_settings_of_the_optimizer_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="Invalid learning rate"):
        MelodyModule(user_network(), partial(AdamW, lr=-1.0))


def test_a_module_scores_as_its_network_does() -> None:
    module, tokens = MelodyModule(user_network()), batch_of(walks(1))
    torch.testing.assert_close(module(tokens), module.network(tokens))


def test_a_fitted_network_is_fitted_once_on_all_training_tunes() -> None:
    tunes = walks(30)
    module = module_for(MarkovNetwork(order=1))
    assert isinstance(module, FittingModule)
    trainer = trainer_for(5)
    trainer.fit(module, datamodule=DividedMelodies(tunes[:20], tunes[20:], 4, seed=0))
    assert trainer.current_epoch == 1
    expected = MarkovNetwork(order=1)
    expected.count(batch_of(tunes[:20]))
    assert torch.equal(module.network.successors.keys, expected.successors.keys)  # type: ignore[union-attr, arg-type]
    assert torch.equal(module.network.successors.counts, expected.successors.counts)  # type: ignore[union-attr, arg-type]
    measured = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert measured["validation/loss"] == pytest.approx(
        by_hand(expected, loader_of_tunes(tunes[20:]))["loss"], rel=1e-5
    )


def test_lightning_saves_a_checkpoint_after_fitting() -> None:
    tunes = walks(12)
    trainer = trainer_for(1)
    trainer.fit(FittingModule(MarkovNetwork()), datamodule=DividedMelodies(tunes[:8], tunes[8:], 4, seed=0))
    assert trainer.global_step > 0


def test_limited_training_batches_limit_the_fit() -> None:
    tunes = walks(30)
    module = FittingModule(MarkovNetwork(order=0))
    trainer = trainer_for(1)
    trainer.limit_train_batches = 2
    trainer.fit(module, datamodule=DividedMelodies(tunes[:24], tunes[24:], 4, seed=0))
    counts = module.network.successors.counts  # type: ignore[union-attr]
    whole = MarkovNetwork(order=0)
    whole.count(batch_of(tunes[:24]))
    assert 0 < int(counts.sum()) < int(whole.successors.counts.sum()) / 2  # type: ignore[operator]


def test_a_fitted_network_is_refused_on_several_devices() -> None:
    class Spread:
        world_size = 2

    module = FittingModule(MarkovNetwork())
    module._trainer = Spread()  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"trainer.devices=1"):
        module.on_train_start()


def test_a_network_trained_by_gradient_gets_its_optimizer() -> None:
    module = module_for(small_lstm(), partial(AdamW, lr=0.01))
    assert type(module) is MelodyModule


def test_ppm_chooses_the_weight_of_its_short_term_model_on_validation() -> None:
    """Where every tune repeats itself and none resembles another, the short-term model is to be trusted."""
    draw = torch.Generator().manual_seed(0)
    own = [torch.randint(0, 20, (8,), generator=draw) + VOCABULARY.first_note + 32 * 20 for _ in range(24)]
    prefix = torch.from_numpy(VOCABULARY.encode(walks(1)[0]))[:PREFIX_LENGTH]
    tunes = [torch.cat([prefix, each.repeat(6)])[None] for each in own]
    repeating, strange = PPMNetwork(), PPMNetwork()
    repeating.fit(tunes[:12], tunes[12:])
    # Tunes that are counted and come again note by note need no short-term model.
    single = [torch.cat([prefix, each])[None] for each in own]
    strange.fit(single, single)
    chosen = [float(str(each.hyperparameters["short_weight"])) for each in (repeating, strange)]
    assert chosen[0] > chosen[1]


def loader_of_tunes(tunes: list[Melody]) -> DataLoader[Tensor]:
    return DataLoader([batch_of(tunes)], batch_size=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("build", "is_fused"),
    [(AdamW, True), (partial(AdamW, foreach=False), False), (partial(AdamW, fused=False), False), (SGD, False)],
)
def test_adam_updates_all_weights_of_the_cpu_at_once_unless_told_otherwise(build: Any, is_fused: bool) -> None:
    module = MelodyModule(user_network(), build, Constant())
    trainer = trainer_for(1)
    with torch.profiler.profile() as profile:
        trainer.fit(module, loader_of(4), loader_of(2))
    assert any("_fused_adam" in event.key for event in profile.key_averages()) is is_fused
    assert trainer.optimizers[0].param_groups[0]["fused"] is build([torch.zeros(1)]).param_groups[0]["fused"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exp_avg", torch.zeros(3, 5, 7)),
        ("exp_avg", torch.zeros(())),
        ("exp_avg_sq", torch.zeros(1).expand(4)),
        ("exp_avg_sq", torch.zeros(4, dtype=torch.float64)),
        ("exp_avg_sq", None),
        ("step", torch.zeros(4)),
        ("step", 3),
        ("more", torch.zeros(2)),
    ],
)
def test_a_state_that_is_not_that_of_its_weight_is_never_fused(name: str, value: object) -> None:
    weight = nn.Parameter(torch.ones(4))
    optimizer = AdamW([weight])
    fuse_on_cpu(optimizer)
    weight.grad = torch.ones(4)
    with torch.profiler.profile() as profile:
        optimizer.step()
    assert any("_fused_adam" in event.key for event in profile.key_averages())
    optimizer.state[weight][name] = value
    with torch.profiler.profile() as profile, contextlib.suppress(RuntimeError, AttributeError, TypeError):
        optimizer.step()
    assert not any("_fused_adam" in event.key for event in profile.key_averages())
