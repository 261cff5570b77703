"""Lightning modules that train any network of the contract on the likelihood of the next token."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchmetrics import Metric

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.generation.decoding import evaluating
from chromasonic.melody_generation.networks.causality import check_causality, check_future_unused, generators_kept
from chromasonic.melody_generation.networks.checked_logits import logits_of, scores_of
from chromasonic.melody_generation.networks.contract import is_fitted, is_scoring
from chromasonic.melody_generation.training.distillation import Teacher
from chromasonic.melody_generation.training.metrics import MEASURE_NAMES, ScoreSums, TokenScorer
from chromasonic.melody_generation.training.schedules import VALIDATION_LOSS, Constant, ReduceOnPlateau, Schedule
from chromasonic.melody_generation.vocabulary import NoteVocabulary

# Logged after every epoch; early stopping may monitor any of them.
LOGGED_MEASURES = tuple(f"{side}/{name}" for side in ("train", "validation") for name in MEASURE_NAMES)

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]


class RatioOfSums(Metric):
    """A ratio of two sums, exact over batches and processes.

    The value is NaN before anything is counted.

    Example:
        >>> accuracy = RatioOfSums()
        >>> accuracy.update(torch.tensor(3), torch.tensor(4))
        >>> accuracy.update(torch.tensor(0), torch.tensor(2))
        >>> accuracy.compute()
        tensor(0.5000)
    """

    full_state_update = False
    numerator: Tensor
    denominator: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("numerator", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("denominator", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, numerator: Tensor, denominator: Tensor) -> None:
        """Add to both sums, each of shape ()."""
        self.numerator += numerator.detach()
        self.denominator += denominator

    def compute(self) -> Tensor:
        """Return the ratio, shape ()."""
        return self.numerator / self.denominator


class MelodyMetrics(nn.Module):
    """All measures of a pass over tunes, by name.

    ``loss`` is in nats per scored token; ``bits_per_note`` and ``note_bits`` (the notes' own part) in bits per
    note; ``accuracy``, ``pitch_accuracy`` and ``duration_accuracy`` are shares of notes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ratios = nn.ModuleDict({name: RatioOfSums() for name in MEASURE_NAMES})

    def by_name(self) -> dict[str, RatioOfSums]:
        """Return the measures."""
        return {name: ratio for name, ratio in self._ratios.items() if isinstance(ratio, RatioOfSums)}

    def update(self, sums: ScoreSums) -> None:
        """Add the sums of a batch."""
        measures = self.by_name()
        for name, (numerator, denominator) in sums.ratios().items():
            measures[name].update(numerator, denominator)


class MelodyModule(L.LightningModule):
    """A network that maps tokens (B, T) to logits (B, T, V), trained by gradient descent.

    The loss is the mean negative log-likelihood of a batch's scored tokens, in nats, mixed with the distillation loss
    if there is a teacher.

    Args:
        network: Any module of the contract.
        optimizer: Builds the optimizer from the parameters.
        schedule: Schedule of the learning rate.
        teacher: The model to distil from.

    Raises:
        Exception: Of any type that the optimizer raises for its settings.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerFactory = AdamW,
        schedule: Schedule | None = None,
        teacher: Teacher | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.teacher = teacher  # not a submodule: its weights and its mode do not change
        self.schedule = schedule or ReduceOnPlateau()
        _try_step(optimizer)
        self._build_optimizer = optimizer
        self._scorer = TokenScorer(NoteVocabulary())
        self.train_metrics = MelodyMetrics()
        self.validation_metrics = MelodyMetrics()
        self.test_metrics = MelodyMetrics()

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (B, T, V) for tokens (B, T)."""
        return logits_of(self.network, tokens)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Return the training loss of a batch (B, T) in nats per scored token."""
        del batch_idx
        # A teacher needs the logits.
        logits = logits_of(self.network, batch) if self.teacher or not is_scoring(self.network) else None
        loss = self._score(batch, "train", self.train_metrics, logits)
        if torch.is_grad_enabled() and not loss.requires_grad:
            raise InputError(
                f"the network {type(self.network).__name__} cannot be trained by gradient descent: its logits have no "
                "gradient; remove detach() and no_grad() from its forward, or give it a method fit"
            )
        return loss if self.teacher is None or logits is None else self.teacher.loss(loss, logits, batch)

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Score a batch of tokens (B, T)."""
        del batch_idx
        self._score(batch, "validation", self.validation_metrics)

    def test_step(self, batch: Tensor, batch_idx: int) -> None:
        """Score a batch of tokens (B, T)."""
        del batch_idx
        self._score(batch, "test", self.test_metrics)

    def _score(self, tokens: Tensor, side: str, metrics: MelodyMetrics, logits: Tensor | None = None) -> Tensor:
        """Score tokens (B, T), from their logits (B, T, V) where there are any, and return the nats per token."""
        if logits is None and is_scoring(self.network):
            sums = self._scorer.from_scores(scores_of(self.network, tokens), tokens).sums()
        else:
            sums = self._scorer(logits_of(self.network, tokens) if logits is None else logits, tokens)
        metrics.update(sums)
        for name, metric in metrics.by_name().items():
            self.log(f"{side}/{name}", metric, on_step=False, on_epoch=True, batch_size=len(tokens))
        loss: Tensor = sums.nats / sums.n_tokens.clamp(min=1)
        return loss

    def configure_optimizers(self) -> Any:
        """Return the optimizer, with the schedule's entry for Lightning."""
        optimizer = self._build_optimizer(self.network.parameters())
        fuse_on_cpu(optimizer)
        n_epochs, n_steps = self.trainer.max_epochs, self.trainer.estimated_stepping_batches
        if self.schedule.spans_run and (n_epochs in (None, -1) or math.isinf(n_steps)):
            raise InputError("the schedule depends on the number of epochs: set epochs, not -1")
        entry = self.schedule.lightning(optimizer, n_epochs or 0, int(n_steps) if n_steps < math.inf else 0)
        return {"optimizer": optimizer, "lr_scheduler": entry} if entry else optimizer

    def lr_scheduler_step(self, scheduler: Any, metric: Any | None) -> None:
        """Step a scheduler; ReduceLROnPlateau is stepped by ``on_train_epoch_end``."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            super().lr_scheduler_step(scheduler, metric)

    def on_train_epoch_end(self) -> None:
        """Step ReduceLROnPlateau before the checkpoint is written: a resumed run would lose a later step."""
        schedulers = self.lr_schedulers()
        if isinstance(schedulers, ReduceLROnPlateau):
            schedulers.step(self.trainer.callback_metrics[VALIDATION_LOSS])

    def check_contract(self, tokens: Tensor) -> None:
        """Check that the network keeps its contract, and is causal, on a batch of tokens (B, T).

        Random generators, and what the network keeps beside its weights, are left as they were.

        Raises:
            InputError: If it does not; the message names what it did instead.
        """
        tokens = tokens.to(self.device)
        with evaluating(self.network), torch.no_grad():
            if any(is_lazy(parameter) for parameter in self.network.parameters()):
                logits_of(self.network, tokens)  # its weights come from the run's own random numbers
            with generators_kept(self.device):
                check_causality(self.network, tokens)

    def check_future(self, tokens: Tensor) -> None:
        """Check that the predictions of tokens (B, T) do not change when these are cut; quicker than all checks.

        Raises:
            InputError: If they do.
        """
        tokens = tokens.to(self.device)
        with evaluating(self.network), generators_kept(self.device):
            check_future_unused(self.network, tokens, logits_of(self.network, tokens))

    def check_trainable(self) -> None:
        """Check that there are parameters to train.

        Raises:
            InputError: If there are none, or all are frozen.
        """
        name = type(self.network).__name__
        if not any(True for _ in self.network.parameters()):
            raise InputError(
                f"the network {name} has no parameters to train: evaluate it as it is, or give it a method "
                "fit(training, validation)"
            )
        if not any(parameter.requires_grad for parameter in self.network.parameters()):
            raise InputError(
                f"all parameters of the network {name} are frozen, so nothing can be trained: set requires_grad of some"
            )


def fuse_on_cpu(optimizer: Optimizer) -> None:
    """Use the fused implementation of Adam for weights on the CPU, unless the user chose one.

    By default torch fuses nothing there, and a step takes four times as long. Elsewhere its own choice stays: with
    16-bit precision on a GPU, Lightning clips no gradients of a fused optimizer. The choice holds during a step alone,
    so that checkpoints are the same on every device.
    """
    if not isinstance(optimizer, Adam | AdamW):
        return
    fused: list[dict[str, Any]] = []

    def choose(*_: object) -> None:
        for group in optimizer.param_groups:
            is_open = group["fused"] is None and group["foreach"] is None and not group["differentiable"]
            if is_open and all(_can_be_fused(each, optimizer.state.get(each, {})) for each in group["params"]):
                group["fused"] = True
                fused.append(group)

    def forget(*_: object) -> None:
        while fused:
            fused.pop()["fused"] = None

    optimizer.register_step_pre_hook(choose)
    optimizer.register_step_post_hook(forget)


def _can_be_fused(weight: Tensor, state: Mapping[str, object]) -> bool:
    """Return whether the fused step may write to a weight and its state.

    It checks no shapes, and a state from a checkpoint may have any: with another shape it would write beyond the
    tensor. The ordinary step raises an error then.
    """

    def is_like_weight(tensor: object) -> bool:
        return (
            isinstance(tensor, Tensor)
            and tensor.shape == weight.shape
            and tensor.stride() == weight.stride()
            and (tensor.dtype, tensor.device) == (weight.dtype, weight.device)
        )

    is_like_state = all(
        value.shape == () and value.dtype == torch.float32 and value.device.type == "cpu"
        if name == "step" and isinstance(value, Tensor)
        else is_like_weight(value)
        for name, value in state.items()
    )
    has_gradient = weight.grad is None or is_like_weight(weight.grad)
    return weight.device.type == "cpu" and weight.is_floating_point() and has_gradient and is_like_state


def _try_step(build_optimizer: OptimizerFactory) -> None:
    """Take a step with one parameter, so that an optimizer refuses its settings before the data is read."""
    parameter = nn.Parameter(torch.zeros(1))
    parameter.grad = torch.zeros(1)
    build_optimizer([parameter]).step(lambda: 0.0)


class FittingModule(MelodyModule):
    """A network fitted in one pass over the data, then scored in a single epoch like any other.

    Lightning saves a checkpoint only after a step of an optimizer: the optimizer has one scalar, which is not part of
    the network, and a learning rate of 0.

    Args:
        network: Any module of the contract with ``fit``.

    Raises:
        InputError: From the start of training on several devices, since each would see its own share of the data only.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network, partial(SGD, lr=0.0), Constant())
        self.unused = nn.Parameter(torch.zeros(()))

    def on_train_start(self) -> None:
        """Fit the network, unless it was restored from a checkpoint."""
        if self.trainer.world_size > 1:
            raise InputError("this model is fitted in one pass, on one device: set trainer.devices=1")
        if self.current_epoch == 0:
            data = self.trainer.datamodule  # type: ignore[attr-defined]
            n_batches = int(self.trainer.num_training_batches)
            training, validation = islice(data.train_dataloader(), n_batches), data.val_dataloader()
            self.network.fit(*((tokens.to(self.device) for tokens in batches) for batches in (training, validation)))  # type: ignore[operator]

    def check_trainable(self) -> None:
        """Check that ``fit`` can be called with training and validation batches.

        Raises:
            InputError: If it takes other arguments.
        """
        try:
            inspect.signature(self.network.fit).bind([], [])  # type: ignore[arg-type]
        except TypeError as problem:
            raise InputError(
                f"the method fit of the network {type(self.network).__name__} should take two arguments, training and "
                f"validation batches ({problem}): change it, or give it another name to train by gradient descent"
            ) from problem
        except ValueError:  # a function without a signature, such as one in C
            pass

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Score a batch of tokens (B, T), and return a loss without a gradient."""
        with torch.no_grad():
            loss = super().training_step(batch, batch_idx)
        return loss + 0 * self.unused

    def configure_optimizers(self) -> Any:
        """Return an optimizer of the unused scalar."""
        return SGD([self.unused], lr=0.0)

    def on_train_epoch_end(self) -> None:
        """Stop after the first epoch."""
        self.trainer.should_stop = True


def module_for(
    network: nn.Module,
    optimizer: OptimizerFactory = AdamW,
    schedule: Schedule | None = None,
    teacher: Teacher | None = None,
) -> MelodyModule:
    """Return the module that trains a network: a ``FittingModule`` if it has ``fit``, else a ``MelodyModule``.

    Raises:
        InputError: If there is a teacher for a network that is not trained by gradient descent.
        Exception: Of any type that the optimizer raises for its settings.
    """
    if not is_fitted(network):
        return MelodyModule(network, optimizer, schedule, teacher)
    if teacher:
        raise InputError(
            "teacher is for models trained by gradient descent: this model is fitted in one pass, leave teacher out"
        )
    return FittingModule(network)
