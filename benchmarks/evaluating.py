"""Time the parts of an evaluation: predicting the test tunes, generating melodies, scoring them.

Run ``OMP_NUM_THREADS=1 python benchmarks/evaluating.py``. The LSTM has its default size and is untrained. Its melodies
have as many notes as Nottingham's tunes on average. The tunes are read from ``$CHROMASONIC_DATA_DIR/nottingham``, or
from the cache. Compare the ratios of one run, not the seconds of several.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.data.splits import split_by_family
from chromasonic.melody_generation.evaluation.likelihood import read_tunes
from chromasonic.melody_generation.evaluation.reference_set import ReferenceSet
from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.networks.lstm import LSTMNetwork

N_SAMPLES, N_NOTES = 200, 100


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    melodies = NottinghamCorpus().load()
    split = split_by_family(melodies, seed=0)
    train, test = [melodies[i] for i in split.train], [melodies[i] for i in split.test]
    network = LSTMNetwork()
    samples = generate(network, count=N_SAMPLES, notes=N_NOTES)
    reference = ReferenceSet.of(test, train)
    calibration, novelty = reference.calibration, reference.novelty
    if calibration is None or novelty is None:
        raise RuntimeError("the training tunes of Nottingham are too few to calibrate on")
    parts = {
        "predict the test tunes": seconds(lambda: read_tunes(network, test)),
        "the same, one by one": seconds(lambda: [read_tunes(network, [tune]) for tune in test]),
        f"generate {N_SAMPLES} melodies": seconds(lambda: generate(network, count=N_SAMPLES, notes=N_NOTES)),
        "fit the calibration, score real tunes": seconds(lambda: ReferenceSet.of(test, train)),
        "score the melodies": seconds(lambda: calibration.score(samples, novelty)),
        "find copies": seconds(lambda: novelty.copying(samples)),
    }
    whole = sum(value for name, value in parts.items() if "one by one" not in name)
    table = Table("part", "seconds", "of the whole")
    for name, value in parts.items():
        table.add_row(name, f"{value:.2f}", f"{value / whole:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
