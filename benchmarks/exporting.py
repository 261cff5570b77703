"""What it costs to write melodies as files, beside sampling them.

Run ``OMP_NUM_THREADS=1 python benchmarks/exporting.py``. Melodies of sixteen bars of 6/8 come from an untrained LSTM of
the default size, which costs as much as a trained one. Times hang on the machine and on what else it does, so read
the ratios, which come from one run.
"""

from __future__ import annotations

import argparse
import time

from rich.console import Console
from rich.table import Table

from chromasonic.melody_generation.generation import generate
from chromasonic.melody_generation.networks.lstm import LSTMNetwork
from chromasonic.melody_generation.rendering.export import FORMATS, rendered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=16, help="melodies")
    count = parser.parse_args().count
    network = LSTMNetwork()
    for name in FORMATS:  # what is loaded at first use is none of the cost
        rendered(generate(network, 1, bars=1)[0], formats=[name])
    begin = time.process_time()
    melodies = generate(network, count, metre="6/8", bars=16)
    seconds = {"sampling": time.process_time() - begin}
    for name in FORMATS:
        begin = time.process_time()
        sizes = [len(rendered(melody, formats=[name])[name]) for melody in melodies]
        seconds[f"{name}, {sum(sizes) / count / 1000:.0f} kB each"] = time.process_time() - begin
    table = Table("what", "ms a melody", "ratio to sampling")
    for name, value in seconds.items():
        table.add_row(name, f"{1000 * value / count:.1f}", f"{value / seconds['sampling']:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
