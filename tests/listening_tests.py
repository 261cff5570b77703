"""Keys and answers of listening tests, by simulated judges of known skill."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from chromasonic.melody_generation.evaluation.listening_test.answer_key import (
    AnswerKey,
    KeyTune,
    TuneSource,
    tune_id,
)
from chromasonic.melody_generation.evaluation.listening_test.answers import FORMAT, Answers
from chromasonic.melody_generation.evaluation.listening_test.questions import NAMES
from chromasonic.melody_generation.melody import FloatArray


def make_key(n_sets: int = 20, models: tuple[str, ...] = ("lstm",), *, has_real: bool = True) -> AnswerKey:
    """Return a key with tunes in the order of their sets."""
    real = [TuneSource("real", is_real=True)] if has_real else []
    sources = (*real, *(TuneSource(name, is_real=False) for name in models))
    places = [(matched, source) for matched in range(n_sets) for source in range(len(sources))]
    tunes = tuple(
        KeyTune(tune_id("salt", number), number, source, matched, f"Title {matched}", f"a.abc:{matched}", 60, 16)
        for number, (matched, source) in enumerate(places, 1)
    )
    return AnswerKey(1, "salt", 0, "", sources, tunes)


def answers_in_file(
    key: AnswerKey, judge: str = "A judge", *, judge_id: str = "", rating: int = 3, is_right: bool = True
) -> dict[str, Any]:
    """Return the content of a complete file of answers with the same rating everywhere."""
    return {
        "format": FORMAT,
        "version": 1,
        "test": key.test_id,
        "judge": judge,
        "judge_id": judge_id,
        "order": [tune.id for tune in key.tunes],
        "answers": {
            tune.id: {
                "ratings": dict.fromkeys(NAMES, rating),
                "is_real": key.sources[tune.source].is_real == is_right,
                "is_known": False,
            }
            for tune in key.tunes
        },
    }


def write_answers(folder: Path, name: str, content: object) -> Path:
    """Write a file of answers."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def simulated_answers(
    rng: np.random.Generator, key: AnswerKey, skills: FloatArray, quality: Callable[[int], FloatArray]
) -> Answers:
    """Return the answers of judges who are right with known probabilities.

    A rating is 1 and four trials, each of which succeeds with the quality of the tune, so that its mean is 1 + 4 times
    the quality.

    Args:
        rng: The source of randomness.
        key: The key.
        skills: The probability of each judge to tell a tune's source, shape (J,).
        quality: The quality of each tune of a source, 0 to 1, shape (P,), by the index of the source.
    """
    is_real = np.array([source.is_real for source in key.sources])[None, :, None]
    shape = (len(skills), len(key.sources), key.n_sets)
    is_right = rng.random(shape) < skills[:, None, None]
    qualities = np.stack([quality(source) for source in range(len(key.sources))])  # (S, P)
    chances = np.broadcast_to(qualities, (len(skills), len(NAMES), *qualities.shape))
    ratings = 1 + rng.binomial(4, chances).astype(np.float64)
    calls = np.where(is_right, is_real, ~is_real).astype(np.float64)
    return Answers(tuple(f"judge {index}" for index in range(len(skills))), ratings, calls, (0,) * len(skills))
