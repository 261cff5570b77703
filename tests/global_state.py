"""State of the process that a caller of the library should find unchanged."""

from __future__ import annotations

import locale
import logging
import os
import random
import signal
import sys
import threading
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import torch


def global_state() -> dict[str, object]:
    """Return the state that all threads of this process share, by name."""
    return {
        "random state of Python": random.getstate(),
        "random state of numpy": str(np.random.get_state()),  # noqa: NPY002
        "random state of torch": torch.get_rng_state().tolist(),
        "type of numbers": (torch.get_default_dtype(), torch.get_default_device()),
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "precision of products": torch.get_float32_matmul_precision(),
        "threads of torch": torch.get_num_threads(),
        "benchmarks of cuDNN": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
        "filters of warnings": list(warnings.filters),
        "handlers of signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "environment": dict(os.environ),
        "working directory": Path.cwd(),
        "locale": locale.setlocale(locale.LC_ALL),
        "streams": (sys.stdout, sys.stderr),
        "hooks": (sys.excepthook, threading.excepthook),
        "limit of recursion": sys.getrecursionlimit(),
        "timer": signal.getitimer(signal.ITIMER_REAL) if hasattr(signal, "getitimer") else None,
        "levels of logs": {name: level for name, level in _log_levels().items() if level != logging.NOTSET},
        "settings of matplotlib": dict(matplotlib.rcParams),
    }


def _log_levels() -> dict[str, int]:
    loggers = {"": logging.root, **logging.root.manager.loggerDict}
    return {name: logger.level for name, logger in loggers.items() if isinstance(logger, logging.Logger)}


def changes(before: dict[str, object]) -> list[str]:
    """Return the names of the parts of the state that are not as before."""
    return [name for name, value in global_state().items() if value != before[name]]
