"""What all tests share: one thread, one seed, a cache directory of their own, and the tunes if at hand."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pytest
import torch
from hypothesis import settings

from chromasonic.melody_generation.corpora.cache import source_directory

torch.set_num_threads(1)
# Whoever starts the tests in the background may have Ctrl-C ignored, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# A test tells right from wrong, not fast from slow: machines differ, and are shared.
settings.register_profile("shared_machine", deadline=None, max_examples=50)
settings.load_profile("shared_machine")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  third-party code draws from the global generator


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing that tests parse or write lands in the user's cache directory."""
    directory = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(directory))
        yield directory


@pytest.fixture(scope="session")
def nottingham_directory() -> Path:
    """Where the Nottingham tunes lie; tests that need them are skipped where there are none."""
    directory = source_directory("nottingham")
    if not (directory / "jigs.abc").exists():
        pytest.skip("the Nottingham tunes are not at hand: set CHROMASONIC_DATA_DIR")
    return directory
