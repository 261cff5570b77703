from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import CompactHydraException
from tests.running import CONFIGS

from chromasonic.config.hydra_errors import sentence_of


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("modl=lstm", "there is no modl to set, did you mean model?"),
        ("xyzzy=1", "there is no xyzzy to set: --help lists all values"),
        ("model.xyzzy=1", "there is no model.xyzzy to set: --help lists all values, and +model.xyzzy=... adds"),
        ("model.width=1", "there is no model.width to set, did you mean hidden_size?"),
        (
            "model=lstmm",
            "model=lstmm: choose one of countmix, lstm, markov, mixture, ppm, transformer, did you mean lstm?",
        ),
        ("dataset=zzz", "dataset=zzz: choose one of ceolrince, files, folk, folkwiki, nottingham, synthetic"),
        ("teacher_share=0.5", "teacher_share is now called distillation_weight: write distillation_weight=..."),
        ("callbacks.audition.seed=1", "callbacks.audition.seed is now called callbacks.sample_logger.seed: write"),
        ("model.hidden_size=ü", "model.hidden_size=ü cannot be read: put a value that is a text in quotes"),
        ("seed=[1", "[1 cannot be read: put a value"),
        ("epochs", "Error parsing override 'epochs': write name=value"),
    ],
)
def test_an_error_of_hydra_is_one_sentence(override: str, sentence: str) -> None:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"), pytest.raises(CompactHydraException) as found:
        compose("train", [override])
    said = sentence_of(found.value)
    assert said.startswith(sentence)
    assert "\n" not in said


def test_a_value_of_another_choice_is_not_called_unknown() -> None:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"), pytest.raises(CompactHydraException) as found:
        compose("train", ["dataset=folk", "num_sequences=3"])
    assert sentence_of(found.value).startswith("the chosen model or dataset has no num_sequences: leave it out")
