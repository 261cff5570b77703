"""Training that leaves the process as it found it, one training at a time.

Dropout and initialisation draw from generators that all threads of a process share. In a process of one thread these
are seeded for the training and restored afterwards. If there are others, they may draw or seed at any moment, so the
training has a generator of its own: it gives the same numbers, and takes up to a quarter longer.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.threads.own_generator import OwnGenerator
from chromasonic.melody_generation.threads.process_lock import ProcessLock

# Lightning, its log level, and the random generators are shared by all threads. A training lasts too long to wait for
# it with a fork.
TRAINING = ProcessLock(delays_forks=False)
MAX_SEED = 2**32 - 1  # numpy's


def check_seed(seed: int) -> None:
    """Raise an error for a seed that a random generator refuses.

    Raises:
        InputError: If it is no whole number from 0 to ``MAX_SEED``.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise InputError(f"seed must be a whole number from 0 to {MAX_SEED}, got {seed!r}")


@contextmanager
def seeded_generators(seed: int) -> Iterator[None]:
    """Seed the random generators of Python, numpy and torch for a block, and restore them afterwards.

    Args:
        seed: 0 to ``MAX_SEED``.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002  a user's module may use it
    try:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        with _seeded_torch(seed):
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


@contextmanager
def _seeded_torch(seed: int) -> Iterator[None]:
    if threading.active_count() > 1 and not torch.accelerator.is_available():  # a GPU's dropout takes no generator
        with OwnGenerator(torch.Generator().manual_seed(seed)):
            yield
        return
    state, restore_device = torch.get_rng_state(), _restorer_of_device()
    try:
        torch.manual_seed(seed)
        yield
    finally:
        torch.set_rng_state(state)
        restore_device()


def _restorer_of_device() -> Callable[[], None]:
    """Return a function that restores the present states of the generators of CUDA devices, or of Apple's GPU."""
    if torch.cuda.is_available():
        states = torch.cuda.get_rng_state_all()
        return lambda: torch.cuda.set_rng_state_all(states)
    if torch.backends.mps.is_available():
        state = torch.mps.get_rng_state()
        return lambda: torch.mps.set_rng_state(state)
    return lambda: None


@contextmanager
def modes_and_gradients_kept(module: nn.Module) -> Iterator[None]:
    """Restore the modes of all modules, training or evaluation, and the gradients of all parameters after a block."""
    modes = [(part, part.training) for part in module.modules()]
    gradients = [(parameter, parameter.grad) for parameter in module.parameters()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
        for parameter, gradient in gradients:
            parameter.grad = gradient if gradient is None or _fits(gradient, parameter) else None


def _fits(gradient: Tensor, parameter: nn.Parameter) -> bool:
    """Return whether a parameter still has the shape and device of its former gradient."""
    return gradient.shape == parameter.shape and gradient.device == parameter.device
