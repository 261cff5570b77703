"""Measure the speed of sampling: in batches or one by one, with a cached state or by recomputing recomputeds.

Run ``OMP_NUM_THREADS=1 python benchmarks/sampling.py``. The networks have their default sizes and are untrained,
which costs the same; every melody has the same number of notes. Speeds depend on the machine and its load, so compare
the ratios, which come from one run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.networks.transformer import TransformerNetwork

NETWORKS: dict[str, Callable[[], nn.Module]] = {"lstm": LSTMNetwork, "transformer": TransformerNetwork}


class Stateless(nn.Module):
    """A network whose state is hidden."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits (B, T, V) of tokens (B, T)."""
        logits: Tensor = self.network(tokens)
        return logits


def notes_per_second(network: nn.Module, count: int, n_notes: int, top_p: float = 1.0) -> float:
    begin = time.perf_counter()
    generate(network, count=count, notes=n_notes, top_p=top_p)
    return count * n_notes / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="melodies in a batch")
    parser.add_argument("--notes", type=int, default=100, help="notes of each melody")
    arguments = parser.parse_args()
    count, n_notes = arguments.count, arguments.notes
    table = Table("network", "decoder", "melodies", "notes/s", "ratio")
    for name, build in NETWORKS.items():
        network = build()
        generate(network, count=2, notes=5)
        speeds = {
            ("recomputed", 1): notes_per_second(Stateless(network), 1, n_notes),
            ("recomputed", 8): notes_per_second(Stateless(network), 8, n_notes),
            ("cached state", 1): notes_per_second(network, 1, n_notes),
            ("cached state", count): notes_per_second(network, count, n_notes),
            ("cached state, top-p", count): notes_per_second(network, count, n_notes, 0.95),
        }
        slowest = speeds["recomputed", 1]
        for (decoder, n_melodies), speed in speeds.items():
            table.add_row(name, decoder, str(n_melodies), f"{speed:.0f}", f"{speed / slowest:.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
