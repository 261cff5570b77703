"""State-dict keys are part of the checkpoint format, and their order is that of a saved optimizer's state."""

from __future__ import annotations

from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.mixture import MixtureNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.networks.transformer import TransformerNetwork


def with_bias(*names: str) -> list[str]:
    return [f"{name}.{kind}" for name in names for kind in ("weight", "bias")]


EMBEDDINGS = [
    *(f"embedding.{name}.weight" for name in ("pitch_table", "duration_table", "control_table", "joint_table")),
    "embedding.from_joint.weight",
    *(f"bar_position.{name}_table.weight" for name in ("position", "remaining", "bar", "bars_left")),
    *(f"interval_embedding.{name}.weight" for name in ("from_before", "from_downbeat", "degree")),
]
MEMORY_AND_HEADS = [
    *with_bias("memory.query", "memory.key", "memory.value", "memory.output"),
    *(f"memory.repetition_bias.match_tables.{name}.weight" for name in ("token", "rhythm", "interval", "step")),
    "memory.repetition_bias.bars_table.weight",
    *with_bias("memory.token_pointer.copy_logits"),
    *with_bias(
        *(
            f"memory.viewpoint_pointer.{name}.{part}"
            for name in ("pitch", "duration", "interval", "step")
            for part in ("share", "gate")
        )
    ),
    *with_bias("interval_head.intervals", "interval_head.degrees", "output.pitch", "output.duration"),
    "output.to_joint.weight",
    *with_bias("output.joint", "output.control"),
]
LSTM = [f"backbone.layers.0.{name}" for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")]
TRANSFORMER = [
    *with_bias("backbone.join", "backbone.layers.0.attention_norm", "backbone.layers.0.qkv"),
    *with_bias(
        "backbone.layers.0.output", *(f"backbone.layers.0.feed_forward.{index}" for index in (0, 1, 3)), "backbone.norm"
    ),
]
COUNTS = ("successors.keys", "successors.counts")


def test_keys_of_the_lstm() -> None:
    assert list(LSTMNetwork(16, 1).state_dict()) == [*EMBEDDINGS, *LSTM, *MEMORY_AND_HEADS]


def test_keys_of_the_transformer() -> None:
    assert list(TransformerNetwork(16, 1, 2).state_dict()) == [*EMBEDDINGS, *TRANSFORMER, *MEMORY_AND_HEADS]


def test_keys_of_the_counting_networks_and_their_mixture() -> None:
    markov, ppm = MarkovNetwork(), PPMNetwork()
    markov_keys = list(COUNTS)
    ppm_keys = [f"{factor}.{name}" for factor in ("kinds", "pitches") for name in COUNTS]
    assert list(markov.state_dict()) == markov_keys
    assert list(ppm.state_dict()) == ppm_keys
    assert list(MixtureNetwork([markov, ppm]).state_dict()) == [
        "weights",
        *(f"parts.0.{key}" for key in markov_keys),
        *(f"parts.1.{key}" for key in ppm_keys),
    ]
