"""Print the information that is given free with each tune of Nottingham: tonic, metre, mode and upbeat.

Run ``python benchmarks/given_bits.py``. The tunes are read from ``$CHROMASONIC_DATA_DIR/nottingham`` or from the cache.
"""

from __future__ import annotations

from rich.console import Console

from chromasonic.melody_generation.corpora.nottingham import NottinghamCorpus
from chromasonic.melody_generation.data_loader import MelodyDataModule
from chromasonic.melody_generation.measures.given_bits import given_bits


def main() -> None:
    data = MelodyDataModule(NottinghamCorpus())
    data.setup()
    training, test = data.melodies["train"], data.melodies["test"]
    bits = given_bits(training, test)
    for line in (
        f"tonic, metre, mode and upbeat of {len(training)} training tunes: entropy {bits.entropy:.2f} bits a tune",
        f"of {len(test)} test tunes: cross entropy {bits.per_tune:.2f} bits a tune, {bits.per_note:.3f} per note",
        "each by itself: " + ", ".join(f"{name} {value:.2f}" for name, value in bits.by_fact.items()),
    ):
        Console().print(line)


if __name__ == "__main__":
    main()
