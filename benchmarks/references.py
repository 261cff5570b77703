"""Measure the counting models on Nottingham, as baselines for all others.

Run ``python benchmarks/references.py`` for the validation tunes, with ``--test`` for the test tunes as well. The
tunes are read from ``$CHROMASONIC_DATA_DIR/nottingham`` or from the cache.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.networks.countmix import CountMixNetwork
from chromasonic.melody_generation.networks.markov import MarkovNetwork
from chromasonic.melody_generation.networks.ppm import PPMNetwork
from chromasonic.melody_generation.training.lightning_module import MelodyMetrics
from chromasonic.melody_generation.training.metrics import TokenScorer
from chromasonic.melody_generation.vocabulary import NoteVocabulary

Reference = MarkovNetwork | PPMNetwork | CountMixNetwork
REFERENCES: dict[str, tuple[type[Reference], Mapping[str, Any]]] = {
    "uniform": (MarkovNetwork, {"order": 0}),
    "order 0": (MarkovNetwork, {"order": 0}),
    "Markov 1": (MarkovNetwork, {"order": 1}),
    "Markov 2": (MarkovNetwork, {"order": 2}),
    "Markov 3": (MarkovNetwork, {"order": 3}),
    "PPM long-term": (PPMNetwork, {"models": "long"}),
    "PPM short-term": (PPMNetwork, {"models": "short"}),
    "PPM both": (PPMNetwork, {"models": "both"}),
    "context mixing": (CountMixNetwork, {}),
}


def bits_and_accuracy(network: Reference, batches: Iterable[Tensor]) -> tuple[float, float]:
    """Return bits per note and accuracy."""
    scorer, metrics = TokenScorer(NoteVocabulary()), MelodyMetrics()
    with torch.no_grad():
        for tokens in batches:
            metrics.update(scorer(network(tokens), tokens))
    measures = metrics.by_name()
    return float(measures["bits_per_note"].compute()), float(measures["accuracy"].compute())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--test", action="store_true", help="score the test tunes as well")
    with_test = parser.parse_args().test
    data = MelodyDataModule(NottinghamCorpus())
    data.setup()
    sides = {"validation": data.val_dataloader(), **({"test": data.test_dataloader()} if with_test else {})}
    titles = [f"{side} {measure}" for side in sides for measure in ("bits/note", "accuracy")]
    table = Table("model", *titles, "fit s", "score s")
    for name, (build, arguments) in REFERENCES.items():
        network = build(**arguments)
        begin = time.perf_counter()
        if isinstance(network, CountMixNetwork):
            network.fit(data.train_dataloader(), [])
        elif name != "uniform":
            for tokens in data.train_dataloader():
                network.count(tokens)
        fitted = time.perf_counter()
        scores = [value for loader in sides.values() for value in bits_and_accuracy(network, loader)]
        seconds = (fitted - begin, time.perf_counter() - fitted)
        table.add_row(name, *(f"{value:.3f}" for value in scores), *(f"{value:.1f}" for value in seconds))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
