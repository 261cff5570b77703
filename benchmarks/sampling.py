"""How fast melodies are sampled: side by side or one by one, with a carried state or reading everything again.

Run ``OMP_NUM_THREADS=1 python benchmarks/sampling.py``. The networks have their default sizes and are untrained,
which costs the same; every melody has as many notes as asked for. Speeds hang on the machine and on what else it
does, so read the ratios, which come from one run.
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


class Whole(nn.Module):
    """A network whose carried state is hidden."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, T, V) for tokens (B, T)."""
        logits: Tensor = self.network(tokens)
        return logits


def notes_per_second(network: nn.Module, count: int, n_notes: int, top_p: float = 1.0) -> float:
    begin = time.perf_counter()
    generate(network, count=count, notes=n_notes, top_p=top_p)
    return count * n_notes / (time.perf_counter() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="melodies side by side")
    parser.add_argument("--notes", type=int, default=100, help="notes of each melody")
    arguments = parser.parse_args()
    count, n_notes = arguments.count, arguments.notes
    table = Table("network", "way", "melodies", "notes/s", "ratio")
    for name, build in NETWORKS.items():
        network = build()
        generate(network, count=2, notes=5)
        found = {
            ("whole sequence", 1): notes_per_second(Whole(network), 1, n_notes),
            ("whole sequence", 8): notes_per_second(Whole(network), 8, n_notes),
            ("carried state", 1): notes_per_second(network, 1, n_notes),
            ("carried state", count): notes_per_second(network, count, n_notes),
            ("carried state, top-p", count): notes_per_second(network, count, n_notes, 0.95),
        }
        slowest = found["whole sequence", 1]
        for (way, n_melodies), speed in found.items():
            table.add_row(name, way, str(n_melodies), f"{speed:.0f}", f"{speed / slowest:.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
