"""Steps of a training run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from omegaconf import OmegaConf
from tests.small_networks import small_lstm

from chromasonic.app.training_run import start_weights


def test_only_a_mixture_has_runs_that_it_consists_of() -> None:
    """A model of the user's own may have an argument of this name for something else."""
    job: Any = SimpleNamespace(resume_from=None, config=OmegaConf.create({"init_from": None, "model": {"runs": 3}}))
    data: Any = SimpleNamespace(split_hash="own", guarded=None, seen=None, report=None)
    module: Any = SimpleNamespace(network=small_lstm())
    assert start_weights(job, module, data, None).sources == ()
