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
from chromasonic.melody_generation.measures.real_distance.distance_to_real import MIN_TUNES, RealTunes
from chromasonic.melody_generation.melody import FloatArray, Melody

Maker = Callable[[Melody, np.random.Generator], Melody]
N_CLIMBED, N_MUTATIONS = 4, 4000


def area_under_the_curve(real: FloatArray, others: FloatArray) -> float:
    """Return the share of pairs in which the real tune scores higher; a tie counts as half."""
    return float(np.mean((real[:, None] > others) + 0.5 * (real[:, None] == others)))


def main() -> None:
    """Print a row for each kind of melody: typicality, and how well real tunes are told from it in two ways."""
    tunes = NottinghamCorpus().load()
    split = split_by_family(tunes, seed=0)
    train, test = ([tunes[index] for index in side] for side in (split.train, split.test))
    calibration, novelty, real_tunes = Calibration.fit(train), NoveltyIndex(train), RealTunes.fit(test, train)
    if real_tunes is None:
        raise SystemExit("There are too few tunes.")

    def overall(melodies: list[Melody]) -> FloatArray:
        return np.nan_to_num(calibration.score(melodies, novelty).overall)

    real = overall(test)
    print("| melodies | typicality | real above it | two-sample AUC |\n|---|---|---|---|")
    validation = [tunes[index] for index in split.validation]
    floor = real_tunes.told_apart(validation).auc.value
    print(f"| held-out real tunes | {real.mean():.2f} | 0.50 | {floor:.2f} |")

    def row(name: str, scores: FloatArray, melodies: list[Melody]) -> None:
        auc = f"{real_tunes.told_apart(melodies).auc.value:.2f}" if len(melodies) >= MIN_TUNES else ""
        print(
            f"| {name.replace('_', ' ')} | {scores.mean():.2f} | {area_under_the_curve(real, scores):.2f} | {auc} |",
            flush=True,
        )

    kinds: Mapping[str, Maker] = {
        **CONTROLS,
        "markov chain of order 2": MarkovOrder2(train, own_rhythm=True),
        **made(train),
        **altered(train),
        **held_out(train),
    }
    for name, maker in kinds.items():
        rng = np.random.default_rng(1)
        melodies = [maker(tune, rng) for tune in test]
        row(name, overall(melodies), melodies)
    rng = np.random.default_rng(2)
    candidates = [made(train)["formed_walk"](tune, rng) for tune in test for _ in range(4)]
    best = [4 * index + int(four.argmax()) for index, four in enumerate(overall(candidates).reshape(-1, 4))]
    best_melodies = [candidates[index] for index in best]
    row("formed walk, the best of four by score", overall(candidates)[best], best_melodies)
    rng = np.random.default_rng(0)
    copies = [train[i].transposed(2) for i in rng.permutation(len(train))[: len(test)]]
    row("training tunes, transposed", overall(copies), copies)
    for start in ("uniform_chromatic", "formed_walk"):
        maker = kinds[start]
        found = [
            climbed(maker(tune, rng), lambda m: float(overall([m])[0]), N_MUTATIONS, rng) for tune in test[:N_CLIMBED]
        ]
        row(f"{start}, climbed on the score by {N_MUTATIONS} mutations", overall(found), found)


if __name__ == "__main__":
    main()
