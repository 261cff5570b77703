"""Fixtures and settings of all tests: one thread, one seed, one cache of parsed corpora, runs that are trained once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pytest
import torch
from hydra._internal.hydra import Hydra
from hypothesis import settings

from chromasonic.melody_generation.corpora.cache import source_directory
from chromasonic.melody_generation.evaluation.record_parts import SampleSettings
from tests.running import ROOT, drawn_figures, train_once, undrawn_figures

if TYPE_CHECKING:
    from playwright.sync_api import Browser

torch.set_num_threads(1)
# A shell that starts the tests in the background makes them ignore Ctrl-C, and every program that a test starts too.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Tests check results, not speed: machines differ, and other programs share them.
settings.register_profile("shared_machine", deadline=None, max_examples=30)
settings.load_profile("shared_machine")

# `make test` gives every worker whole files, in this order. A slow file that started last would run alone at the end.
SLOWEST_FIRST = (
    "tests/browser/test_listening.py",
    "tests/breaking/test_command_kills.py",
    "tests/test_configs.py",
    "tests/breaking/test_interrupts.py",
    "tests/test_sweeps.py",
    "tests/test_judging_scripts.py",
    "tests/breaking/test_kills.py",
    "tests/test_wheel.py",
    "tests/browser/test_reports.py",
    "tests/browser/test_listening_test.py",
    "tests/test_reproducibility.py",
    "tests/test_train_script.py",
    "tests/unit/corpora/test_folk.py",
    "tests/docs/test_tutorial.py",
    "tests/test_pretraining.py",
    "tests/acceptance/test_written_files.py",
    "tests/test_repeating.py",
    "tests/test_results_script.py",
    "tests/breaking/test_fuzz.py",
    "tests/breaking/test_repeated.py",
    "tests/unit/networks/neural/test_sequence.py",
    "tests/pipeline/test_entropy.py",
    "tests/test_typed_folders.py",
    "tests/docs/test_commands.py",
    "tests/unit/training/test_restored_states.py",
    "tests/test_training_faults.py",
    "tests/test_older_runs.py",
    "tests/unit/generation/test_generate.py",
    "tests/unit/test_testing.py",
    "tests/unit/app/test_cli.py",
    "tests/test_hostile_titles.py",
    "tests/unit/data/test_splits.py",
    "tests/docs/test_site.py",
    "tests/breaking/test_links.py",
    "tests/docs/test_examples.py",
    "tests/unit/networks/neural/test_memory.py",
    "tests/unit/corpora/test_files.py",
    "tests/acceptance/test_written_form.py",
    "tests/breaking/test_hostile_configurations.py",
    "tests/acceptance/test_played_repeats.py",
    "tests/unit/plots/test_learning_curves.py",
    "tests/unit/io/bounded/test_reader_process.py",
    "tests/breaking/test_threads.py",
    "tests/breaking/test_full_disk.py",
    "tests/unit/training/test_sample_logger.py",
    "tests/unit/networks/test_ppm.py",
    "tests/unit/training/test_model_trainer.py",
    "tests/unit/runs/test_pickled_values.py",
    "tests/unit/evaluation/test_evaluate.py",
    "tests/unit/training/test_isolation.py",
    "tests/unit/measures/test_families.py",
    "tests/test_architecture.py",
    "tests/unit/config/test_saved_configuration.py",
    "tests/unit/io/test_write_musicxml.py",
    "tests/unit/reporting/test_experiment_report.py",
    "tests/breaking/test_damaged_runs.py",
    "tests/test_mixing.py",
    "tests/unit/networks/test_causality.py",
    "tests/unit/training/test_run_mixture.py",
    "tests/unit/measures/variants/test_tune_variants.py",
    "tests/unit/io/test_engraving.py",
    "tests/unit/test_hostile_files.py",
    "tests/unit/networks/test_mixture.py",
    "tests/unit/training/test_callbacks.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the slowest files to the front.

    Raises:
        pytest.UsageError: If one of them does not exist.
    """
    if missing := [name for name in SLOWEST_FIRST if not (ROOT / name).is_file()]:
        raise pytest.UsageError(f"SLOWEST_FIRST in tests/conftest.py names files that do not exist: {missing}")
    rank = {name: number for number, name in enumerate(SLOWEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.nodeid.split("::")[0], len(rank)))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  third-party code draws from the global generator


@pytest.fixture(scope="session")
def shared_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary directory that all workers of one test session share."""
    own = tmp_path_factory.getbasetemp()
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    directory = (own.parent if is_worker else own) / "shared"
    directory.mkdir(exist_ok=True)
    return directory


@pytest.fixture(scope="session", autouse=True)
def _own_cache(shared_directory: Path) -> Iterator[None]:
    """Keep what tests parse or write out of the user's own directories; parse every corpus once for all workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(shared_directory / "cache"))
        patch.setenv("XDG_STATE_HOME", str(shared_directory / "state"))
        yield


@pytest.fixture(scope="session")
def trained_run(shared_directory: Path) -> Callable[..., Path]:
    """Return a function that trains a run with given overrides, once for all workers.

    A test must not change the run that it gets: copy it first.
    """
    return lambda *overrides: train_once(*overrides, directory=shared_directory / "runs")


@pytest.fixture(scope="session", autouse=True)
def _undrawn() -> Iterator[None]:
    with undrawn_figures():
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_mode_in_configurations() -> Iterator[None]:
    """Let Hydra compose once: the first time, it only looks for ``hydra.mode``, which no configuration here sets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hydra, "get_mode", lambda *_, **__: None)
        yield


@pytest.fixture
def drawn() -> Iterator[None]:
    """Draw figures: for tests that look at them. All others save them empty."""
    with drawn_figures():
        yield


@pytest.fixture
def short_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let melodies sampled by ``ModelTester`` and ``ModelComparison`` end soon, which an untrained model does not."""
    short = partial(SampleSettings, max_notes=32)
    monkeypatch.setattr("chromasonic.melody_generation.testing.SampleSettings", short)


@pytest.fixture(scope="session")
def nottingham_directory() -> Path:
    """Return the directory of the Nottingham tunes, or skip the test if there are none."""
    directory = source_directory("nottingham")
    if not (directory / "jigs.abc").exists():
        pytest.skip("the Nottingham tunes are missing: set CHROMASONIC_DATA_DIR")
    return directory


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium once for each process of tests: Playwright allows one event loop."""
    from tests.browsing import chromium

    with chromium() as running:
        yield running
