"""Generation of melodies by any network that maps tokens (B, T) to logits (B, T, V).

Melodies are sampled token by token, many at once. A stateful network
(:class:`~chromasonic.melody_generation.networks.contract.StatefulNetwork`) reads every token once. Any other module
reads the whole sequence again at every step, which gives the same melodies, slower.

Every melody has its own stream of random numbers, from the seed and its index. The number of melodies and the batches
therefore change no melody, except that a network's logits may differ in the last digits between batch sizes, which on
rare occasions changes a token.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from torch import nn

from chromasonic.melody_generation.generation.beginnings import make_beginning
from chromasonic.melody_generation.generation.best_draws import DrawnMelodies, draw_best
from chromasonic.melody_generation.generation.conditions import parse_key
from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.generation.melody_sampling import sample
from chromasonic.melody_generation.generation.primer import fit_primer
from chromasonic.melody_generation.generation.rewriting import rewrite
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.trained_model import TrainedModel
from chromasonic.melody_generation.sign_grammar import simple_signs
from chromasonic.melody_generation.vocabulary import UNKNOWN_CORPUS


def generate(
    model: nn.Module | TrainedModel,
    config: GenerationConfig | None = None,
    *,
    primer: Melody | None = None,
    **changes: Any,
) -> list[Melody]:
    """Generate melodies, best first.

    Melodies that do not end are drawn again, and those of a trained model are put in the order of their typicality:
    :mod:`~chromasonic.melody_generation.generation.best_draws` tells how.

    Without a primer they are in C major, in 4/4 and without an upbeat by default. A primer brings its own metre, mode
    and upbeat, and is moved into ``key``. It is continued, or some of its bars are composed anew (``fill``, ``vary``).

    Args:
        model: A trained model, or any module that maps tokens (B, T) to logits (B, T, V). A module generates in the
            style of corpus ``"unknown"`` by default.
        config: The options; by default those of ``GenerationConfig()``.
        primer: A melody to continue.
        **changes: Options by name that replace those of ``config``.

    Returns:
        The melodies, primer included, each with at least one sounding note.

    Raises:
        InputError: If there is no such option, a condition is impossible, or the network breaks its contract.

    Example:
        >>> from chromasonic.melody_generation.networks.markov import MarkovNetwork
        >>> melodies = generate(MarkovNetwork(), count=2, key="G", metre="6/8", upbeat="1/8", bars=8)
        >>> [melody.ticks == 8 * 72 for melody in melodies]
        [True, True]
    """
    return list(draw_melodies(model, (config or GenerationConfig()).with_changes(**changes), primer).melodies)


def draw_melodies(
    model: nn.Module | TrainedModel, config: GenerationConfig, primer: Melody | None = None
) -> DrawnMelodies:
    """Generate melodies, best first, with their numbers; model, primer and errors as in :func:`generate`.

    Args:
        model: The model.
        config: The options.
        primer: A melody to continue.
    """
    default = model.corpus if isinstance(model, TrainedModel) else UNKNOWN_CORPUS
    corpus = config.corpus or default
    if config.is_rewriting and primer is not None:
        tune = replace(fit_primer(primer, "the primer").melody, corpus=corpus)
        semitones = 0 if config.key is None else parse_key(config.key) - tune.tonic
        tune = replace(tune.transposed(semitones), kind=config.kind or tune.kind)
        return draw_best(model, config, partial(rewrite, model, tune))
    beginning = make_beginning(config, primer, corpus)
    n_left_out = len(beginning) if config.without_primer else 0

    def draw(options: GenerationConfig) -> list[Melody]:
        melodies = sample(model, [beginning] * options.count, options)
        return [_after(melody, n_left_out) for melody in melodies] if options.without_primer else melodies

    return draw_best(model, config, draw, n_left_out)


def _after(melody: Melody, n_notes: int) -> Melody:
    """Return a melody without its first notes, and without a sign that belongs to them."""
    rest = melody.window(n_notes, len(melody))
    return replace(rest, form=simple_signs(rest.form, len(rest)))
