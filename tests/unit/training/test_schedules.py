import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from chromasonic.melody_generation.training.schedules import (
    VALIDATION_LOSS,
    Constant,
    Cosine,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    Step,
)

RATE = 0.1


def optimizer_of(rate: float = RATE) -> Optimizer:
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)


def rates_of(schedule: Schedule, n: int, n_steps: int = 1) -> list[float]:
    """The rate at the beginning of each of ``n`` epochs or steps, whichever the schedule goes by."""
    optimizer = optimizer_of()
    entry = schedule.lightning(optimizer, n, n_steps)
    found = []
    for _ in range(n):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if entry is not None:
            entry["scheduler"].step()
    return found


def test_constant_does_not_change_the_rate() -> None:
    assert rates_of(Constant(), 5) == [RATE] * 5
    assert Constant().lightning(optimizer_of(), 5, 5) is None


@given(st.integers(1, 5), st.floats(0.1, 1), st.integers(1, 12))
def test_step_multiplies_every_so_many_epochs(step_size: int, gamma: float, n_epochs: int) -> None:
    expected = [RATE * gamma ** (epoch // step_size) for epoch in range(n_epochs)]
    assert rates_of(Step(step_size, gamma), n_epochs) == pytest.approx(expected)


@given(st.floats(0, RATE), st.integers(1, 12))
def test_cosine_falls_by_half_a_cosine_over_the_run(min_lr: float, n_epochs: int) -> None:
    expected = [min_lr + (RATE - min_lr) * (1 + math.cos(math.pi * epoch / n_epochs)) / 2 for epoch in range(n_epochs)]
    assert rates_of(Cosine(min_lr), n_epochs) == pytest.approx(expected)


@pytest.mark.parametrize(("patience", "factor", "min_lr"), [(0, 0.5, 0.0), (1, 0.1, 0.0), (0, 0.1, 0.005)])
def test_reduce_on_plateau_waits_for_its_patience(patience: int, factor: float, min_lr: float) -> None:
    losses = [3.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.5, 1.5, 1.5]
    optimizer = optimizer_of()
    scheduler = ReduceOnPlateau(factor, patience, min_lr).lightning(optimizer, 9, 9)["scheduler"]
    assert isinstance(scheduler, ReduceLROnPlateau)
    expected, rate, best, n_bad = [], RATE, math.inf, 0
    found = []
    for loss in losses:
        scheduler.step(loss)
        found.append(optimizer.param_groups[0]["lr"])
        best, n_bad = (loss, 0) if loss < best else (best, n_bad + 1)
        if n_bad > patience:
            rate, n_bad = max(rate * factor, min_lr), 0
        expected.append(rate)
    assert found == pytest.approx(expected)


@given(st.integers(20, 60), st.floats(0.1, 0.5))
def test_one_cycle_rises_to_the_rate_and_falls_to_almost_nothing_at_the_last_step(n_steps: int, warm_up: float) -> None:
    rates = rates_of(OneCycle(warm_up), n_steps, n_steps)
    peak = rates.index(max(rates))
    assert peak == pytest.approx(warm_up * n_steps - 1, abs=1)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0.9 * RATE < max(rates) <= RATE
    assert rates[-1] < RATE / 10_000


@given(st.integers(1, 40), st.sampled_from([0.05, 0.1, 0.25, 0.5, 0.9]))
def test_one_cycle_spans_runs_of_any_length(n_steps: int, warm_up: float) -> None:
    rates = rates_of(OneCycle(warm_up), n_steps, n_steps)
    assert len(rates) == n_steps
    assert all(0 < rate <= RATE * (1 + 1e-9) for rate in rates)


def test_one_cycle_does_not_change_momentum() -> None:
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=RATE, momentum=0.3)
    scheduler = OneCycle().lightning(optimizer, 1, 20)["scheduler"]
    for _ in range(5):
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["momentum"] == 0.3


@pytest.mark.parametrize(
    ("schedule", "interval"),
    [(ReduceOnPlateau(), "epoch"), (Step(), "epoch"), (Cosine(), "epoch"), (OneCycle(), "step")],
)
def test_the_entry_names_the_interval_and_the_monitored_measure(schedule: Schedule, interval: str) -> None:
    entry = schedule.lightning(optimizer_of(), 10, 100)
    assert entry is not None
    assert (entry["interval"], entry["monitor"]) == (interval, VALIDATION_LOSS)
    assert isinstance(entry["scheduler"], ReduceLROnPlateau) == isinstance(schedule, ReduceOnPlateau)


def test_cosine_and_one_cycle_span_the_run_and_one_cycle_needs_all_epochs() -> None:
    kinds = (Constant, ReduceOnPlateau, Step, Cosine, OneCycle)
    assert [kind for kind in kinds if kind.spans_run] == [Cosine, OneCycle]
    assert [kind for kind in kinds if kind.needs_all_epochs] == [OneCycle]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ReduceOnPlateau(factor=1.0), "factor is between 0 and 1, got 1.0"),
        (lambda: ReduceOnPlateau(factor=0.0), "factor is between 0 and 1, got 0.0"),
        (lambda: ReduceOnPlateau(patience=-1), "patience is 0 or more, got -1"),
        (lambda: ReduceOnPlateau(min_lr=-0.1), "min_lr is 0 or more, got -0.1"),
        (lambda: Step(step_size=0), "step_size is 1 or more, got 0"),
        (lambda: Step(gamma=0), "gamma is more than 0 and at most 1, got 0"),
        (lambda: Step(gamma=1.5), "gamma is more than 0 and at most 1, got 1.5"),
        (lambda: Cosine(min_lr=-1), "min_lr is 0 or more, got -1"),
        (lambda: OneCycle(warm_up=0), "warm_up is between 0 and 1, got 0"),
        (lambda: OneCycle(warm_up=1), "warm_up is between 0 and 1, got 1"),
        (lambda: OneCycle(warm_up=math.nan), "warm_up is between 0 and 1, got nan"),
    ],
)
def test_a_value_out_of_range_is_named(make: Callable[[], Schedule], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
