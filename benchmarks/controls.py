"""Score melodies that are no real tunes, and real ones, and print the table of ``docs/evaluation.md``.

Usage: ``python -m benchmarks.controls`` (about a minute)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from tests.acceptance.altered_tunes import altered, climbed, held_out, made
from tests.acceptance.controls import CONTROLS, MarkovOrder2

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.data.splits import split_by_family
from chromasonic.melody_generation.measures.calibration import Calibration
from chromasonic.melody_generation.measures.novelty import NoveltyIndex
from chromasonic.melody_generation.melody import FloatArray, Melody

Maker = Callable[[Melody, np.random.Generator], Melody]
N_CLIMBED, N_MUTATIONS = 4, 4000


def area_under_the_curve(real: FloatArray, others: FloatArray) -> float:
    """Return the share of pairs in which the real tune scores higher; a tie counts as half."""
    return float(np.mean((real[:, None] > others) + 0.5 * (real[:, None] == others)))


def main() -> None:
    """Print a row for each kind of melody: overall score, and how well real tunes are told from it."""
    tunes = NottinghamCorpus().load()
    split = split_by_family(tunes, seed=0)
    train, test = ([tunes[index] for index in side] for side in (split.train, split.test))
    calibration, novelty = Calibration.fit(train), NoveltyIndex(train)

    def overall(melodies: list[Melody]) -> FloatArray:
        return np.nan_to_num(calibration.score(melodies, novelty).overall)

    real = overall(test)
    print("| melodies | overall | real above it |\n|---|---|---|")
    print(f"| held-out real tunes | {real.mean():.2f} | 0.50 |")

    def row(name: str, scores: FloatArray) -> None:
        print(f"| {name.replace('_', ' ')} | {scores.mean():.2f} | {area_under_the_curve(real, scores):.2f} |")

    kinds: Mapping[str, Maker] = {
        **CONTROLS,
        "markov chain of order 2": MarkovOrder2(train, own_rhythm=True),
        **made(train),
        **altered(train),
        **held_out(train),
    }
    for name, maker in kinds.items():
        rng = np.random.default_rng(1)
        row(name, overall([maker(tune, rng) for tune in test]))
    rng = np.random.default_rng(2)
    candidates = overall([made(train)["formed_walk"](tune, rng) for tune in test for _ in range(4)])
    row("formed walk, the best of four by score", candidates.reshape(-1, 4).max(axis=1))
    rng = np.random.default_rng(0)
    row(
        "training tunes, transposed",
        overall([train[i].transposed(2) for i in rng.permutation(len(train))[: len(test)]]),
    )
    for start in ("uniform_chromatic", "formed_walk"):
        maker = kinds[start]
        found = [
            climbed(maker(tune, rng), lambda m: float(overall([m])[0]), N_MUTATIONS, rng) for tune in test[:N_CLIMBED]
        ]
        row(f"{start}, climbed on the score by {N_MUTATIONS} mutations", overall(found))


if __name__ == "__main__":
    main()
